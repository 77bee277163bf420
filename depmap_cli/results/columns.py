"""Columns of tables: names for the header, and the function that reads the cells from a row."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

Cell = str | int | float | None
Row = TypeVar("Row")
Part = TypeVar("Part")


@dataclass(frozen=True)
class Columns(Generic[Row]):
    """Neighbouring columns whose cells are read together; None leaves all of them empty."""

    names: Sequence[str]
    cells: Callable[[Row], Sequence[Cell] | None]

    def cells_of(self, row: Row) -> Sequence[Cell]:
        """Return one cell for each name."""
        cells = self.cells(row)
        return [None] * len(self.names) if cells is None else cells


def column(name: str, cell: Callable[[Row], Cell]) -> Columns[Row]:
    """Make a single column."""
    return Columns((name,), lambda row: (cell(row),))


def if_present(
    part_of: Callable[[Row], Part | None], *columns: Columns[Part]
) -> Iterable[Columns[Row]]:
    """Make columns of a part of the row that may be None; their cells are empty if it is."""
    return [Columns(each.names, _optional(part_of, each.cells)) for each in columns]


def _optional(
    part_of: Callable[[Row], Part | None], cells: Callable[[Part], Sequence[Cell] | None]
) -> Callable[[Row], Sequence[Cell] | None]:
    def optional_cells(row: Row) -> Sequence[Cell] | None:
        part = part_of(row)
        return None if part is None else cells(part)

    return optional_cells


def array_columns(
    names: Iterable[str],
    values_of: Callable[[Row], np.ndarray | None],
    digits: int,
) -> Columns[Row]:
    """Make one column for each number of an array, rounded; NaN gives an empty cell."""

    def cells(row: Row) -> Sequence[Cell] | None:
        values = values_of(row)
        return None if values is None else _rounded(values, digits)

    return Columns(tuple(names), cells)


def _rounded(values: np.ndarray, digits: int) -> list[Cell]:
    numbers = np.round(np.asarray(values, float), digits).ravel().tolist()
    return [None if number != number else number for number in numbers]


def names_of(columns: Iterable[Columns]) -> list[str]:
    """Return the header."""
    return [name for each in columns for name in each.names]


def row_of(columns: Iterable[Columns[Row]], row: Row) -> list[Cell]:
    """Return the cells of one row, in the order of the header."""
    return [cell for each in columns for cell in each.cells_of(row)]
