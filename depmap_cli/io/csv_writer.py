"""CSV tables whose cells no spreadsheet evaluates as formulas."""

import csv
import io
from collections.abc import Iterable, Sequence

from depmap_cli.io.clean_text import clean

Cell = str | int | float | None


def csv_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Encode a table as CSV in UTF-8; no cell starts a formula."""
    data = io.BytesIO()
    text = io.TextIOWrapper(data, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    text.flush()
    return data.getvalue()


def _safe(cell: Cell) -> Cell:
    """Put ``'`` before text that a spreadsheet would evaluate as a formula (CWE-1236)."""
    if not isinstance(cell, str):
        return cell
    text = clean(cell)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
