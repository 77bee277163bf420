"""Prints to the terminal: tables from columns, ASCII if the terminal needs it, lines of JSON."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_ASCII = str.maketrans("░▒▓█●├┤─│·–†×±", ".:+#o||-|.-*x~") | str.maketrans("▁▂▃▄▅▆▇", "_.-:=+*")
RIGHT = {"no_wrap": True, "justify": "right"}


def folded(ratio: int) -> dict[str, Any]:
    """The layout of a column that folds long text; ``ratio`` is its share of the free width."""
    return {"overflow": "fold", "ratio": ratio}


Row = TypeVar("Row")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column of a terminal table: its header, and the function that reads its cell from a row."""

    header: str
    cell: Callable[[Row], str | Text]
    layout: Mapping[str, Any] = field(default_factory=lambda: {"no_wrap": True})
    """Arguments of Rich's ``add_column``."""


def terminal_table(
    columns: Sequence[Column[Row]],
    rows: Iterable[Row],
    header_style: str = "dim",
    row_style: Callable[[Row], str] = lambda row: "",
) -> Table:
    """A table without borders."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=header_style)
    for column in columns:
        table.add_column(column.header, **column.layout)
    for row in rows:
        table.add_row(*(column.cell(row) for column in columns), style=row_style(row))
    return table


def emit(console: Console, content: RenderableType) -> None:
    """Print ``content``, with ASCII characters if the terminal's encoding is not UTF-8."""
    if console.encoding.lower().startswith("utf"):
        console.print(content)
        return
    with console.capture() as capture:
        console.print(content)
    plain = capture.get().translate(_ASCII)
    safe = plain.encode(console.encoding, "replace").decode(console.encoding)
    console.print(Text.from_ansi(safe))


def print_json(line: str) -> None:
    """Write one line of JSON to stdout, in UTF-8 whatever the terminal's encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write((line + "\n").encode())
    sys.stdout.buffer.flush()
