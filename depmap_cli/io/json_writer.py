"""Writes JSON files: indented, with each list of numbers on one line."""

import json
from typing import Any

from pydantic import BaseModel

_INDENT = "  "
_NO_NUMBER = (dict, list, tuple, str)


def json_file(content: Any) -> str:
    """Return the text of a JSON file, which ends with a line break.

    Objects and other lists have one line for each member. Only text that UTF-8 cannot encode, as in
    names of files on Linux, is escaped.

    Args:
        content: a model, or a value that ``json.dumps`` accepts.
    """
    if isinstance(content, BaseModel):
        content = json.loads(content.model_dump_json())
    return _text(content, "\n") + "\n"


def _text(value: Any, line_break: str) -> str:
    """The text of one value; ``line_break`` ends a line and indents the next one like the value."""
    inner = line_break + _INDENT
    if isinstance(value, dict) and value:
        members = [f"{_scalar(str(key))}: {_text(member, inner)}" for key, member in value.items()]
        return f"{{{inner}{f',{inner}'.join(members)}{line_break}}}"
    if isinstance(value, list | tuple) and any(isinstance(member, _NO_NUMBER) for member in value):
        members = [_text(member, inner) for member in value]
        return f"[{inner}{f',{inner}'.join(members)}{line_break}]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return text
