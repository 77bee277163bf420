"""CSV tables that a spreadsheet opens without running a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

from depmap_cli.io.clean_text import clean

Cell = str | int | float | None


def csv_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A CSV in UTF-8 that a spreadsheet can open without running any cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _safe(cell: Cell) -> Cell:
    """Text that a spreadsheet would run as a formula gets a ``'`` before it (CWE-1236)."""
    if not isinstance(cell, str):
        return cell
    text = clean(cell)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
