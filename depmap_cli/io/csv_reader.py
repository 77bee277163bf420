"""Reads the CSV tables that people save: any delimiter, decimal commas, BOM, ``sep=``, comments."""

import csv
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from depmap_cli.errors import DataInvalid
from depmap_cli.io.clean_text import clean

_DELIMITERS = ",;\t"
_SEPARATOR_LINE = "sep="
"""Beginning of a first line in which Excel names the delimiter."""
_COMMENT = "#"


@dataclass(frozen=True)
class CsvRow:
    """One row of a table: its cells by column name, without surrounding spaces."""

    line: int  # line of the file, from 1
    cells: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class CsvTable:
    """A table with a header."""

    name: str  # the path as the user gave it, for messages
    columns: list[str]  # those that were kept
    rows: list[CsvRow]
    decimal_comma: bool  # numbers are written 0,5

    def number(self, row: CsvRow, column: str) -> float:
        """Return the number in a cell.

        Raises:
            DataInvalid: the cell is empty, or not a finite number.
        """
        text = row.cells[column]
        try:
            value = float(text.replace(",", ".") if self.decimal_comma else text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise DataInvalid(
                f"{self.where(row)}: {column} is {clean(text)[:40]!r}, not a number",
                "correct this line",
            )
        return value

    def where(self, row: CsvRow) -> str:
        """Return how messages name a row: file and line."""
        return f"{self.name}, line {row.line}"


def read_csv(path: Path, keep: Callable[[str], bool] = lambda column: True) -> CsvTable:
    """Read a table whose first row is a header. Empty lines and lines with ``#`` are skipped.

    The delimiter is a comma, a semicolon or a tab: the one that a line ``sep=`` names, or the one
    that divides the header into most columns. Spaces around cells are removed. Of the columns,
    those that ``keep`` selects are kept: OpenFace writes hundreds.

    Raises:
        DataInvalid: the file cannot be read, is not UTF-8 text, has no header, repeats a column,
            or has a row with another number of cells than the header.
    """
    name = clean(str(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataInvalid(f"{name}: cannot be read: {error.strerror}", "check the path") from error
    except UnicodeDecodeError as error:
        raise DataInvalid(f"{name}: not UTF-8 text", "save it as CSV UTF-8") from error
    lines = list(_content_lines(text))
    delimiter = None
    if lines and lines[0][1].lower().startswith(_SEPARATOR_LINE):
        delimiter = lines.pop(0)[1][len(_SEPARATOR_LINE) :][:1]
    if not lines:
        raise DataInvalid(f"{name}: the table is empty", "give a table with a header")
    delimiter = delimiter or max(_DELIMITERS, key=lambda mark: len(_cells(lines[0][1], mark)))
    columns = [cell.strip() for cell in _cells(lines[0][1], delimiter)]
    repeated = next((c for c in columns if columns.count(c) > 1), None)
    if repeated is not None:
        raise DataInvalid(
            f"{name}, line {lines[0][0]}: several columns {clean(repeated)!r}",
            "give each column its own name",
        )
    kept = [i for i, column in enumerate(columns) if keep(column)]
    rows = []
    for number, line in lines[1:]:
        cells = _cells(line, delimiter)
        if len(cells) != len(columns):
            raise DataInvalid(
                f"{name}, line {number}: {len(cells)} cells, but the header has {len(columns)}",
                "correct this line",
            )
        rows.append(CsvRow(number, {columns[i]: cells[i].strip() for i in kept}))
    return CsvTable(
        name=name,
        columns=[columns[i] for i in kept],
        rows=rows,
        decimal_comma=delimiter != ",",
    )


def _content_lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith(_COMMENT):
            yield number, line


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
