"""File names in a form that UTF-8 can encode."""

from typing import Annotated

from pydantic import BeforeValidator


def encodable(name: object) -> object:
    """Return a file name with bytes that are not UTF-8 replaced; Linux allows such names."""
    if not isinstance(name, str):
        return name
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


EncodableText = Annotated[str, BeforeValidator(encodable)]
"""Text that may contain a file name, in a form that UTF-8 can encode."""
