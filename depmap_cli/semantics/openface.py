"""Action units from an OpenFace table, used in place of those of the semantic model."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from depmap_cli.domain.action_units import ACTION_UNITS, FULL_INTENSITY
from depmap_cli.errors import DataInvalid
from depmap_cli.io.clean_text import clean
from depmap_cli.io.csv_reader import CsvRow, CsvTable, read_csv

_ALIASES = {"AU45": "AU43"}
"""OpenFace reports blinks (AU45); depmap uses closed eyes (AU43), which last longer."""
_OWN_COLUMN = "AU43_r"
"""A column that only depmap writes: in its ``aus.csv``, ``AUxx_r`` are probabilities, 0 to 1."""
MIN_CONFIDENCE = 0.5
"""OpenFace's confidence in its landmarks from which a row is used."""
MAX_GAP = 1.0
"""Largest time between a frame and the nearest row, in seconds."""


class AuTable:
    """AU probabilities over time. Units without a column have the probability 0.

    ``units`` holds the codes of the units that have a column; None for all.
    """

    def __init__(
        self,
        times: Float[np.ndarray, " rows"],
        au_probabilities: Float[np.ndarray, "rows units"],
        units: frozenset[str] | None = None,
    ) -> None:
        self.units = frozenset(u.code for u in ACTION_UNITS) if units is None else units
        order = np.argsort(times, kind="stable")
        self.times, self.au_probabilities = times[order], au_probabilities[order]

    @property
    def span(self) -> tuple[float, float]:
        """Times of the first and the last row, in seconds."""
        return float(self.times[0]), float(self.times[-1])

    def at(self, times: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n units"]:
        """Probabilities in the rows nearest to ``times``, in seconds."""
        nearest: np.ndarray = self.au_probabilities[self._nearest(times)]
        return nearest

    def covers(self, times: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        """Whether there is a row within ``MAX_GAP`` of each of ``times``, in seconds."""
        return np.asarray(np.abs(self.times[self._nearest(times)] - times) <= MAX_GAP)

    def _nearest(self, times: Float[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        right = np.clip(np.searchsorted(self.times, times), 1, max(len(self.times) - 1, 1))
        right = np.minimum(right, len(self.times) - 1)
        left = np.maximum(right - 1, 0)
        nearer = np.abs(self.times[left] - times) <= np.abs(self.times[right] - times)
        return np.asarray(np.where(nearer, left, right))


def read_au_table(path: Path) -> AuTable:
    """Read the columns ``timestamp`` (seconds) and ``AUxx_r`` (0 to 5) or, without it, ``AUxx_c``.

    In an ``aus.csv`` of depmap itself, ``AUxx_r`` is a probability, 0 to 1.

    Rows that OpenFace marks as failed (``success`` 0), and those with a ``confidence`` below
    ``MIN_CONFIDENCE``, are skipped.

    Raises:
        DataInvalid: the file is missing or is not a table of one face with these columns; has no
            usable row; or has a value that is not a number or is out of range.
    """
    if not path.is_file():
        raise DataInvalid(
            f"--au-csv {clean(str(path))}: no such file",
            "give an OpenFace CSV, or a folder of them",
        )
    table = read_csv(path, keep=_is_used)
    units = _columns(table.columns)
    if "timestamp" not in table.columns or not units:
        raise DataInvalid(
            f"{table.name}: the columns timestamp and AU01_r, AU02_r, ... are missing",
            "give a CSV that OpenFace has written",
        )
    usable = [row for row in table.rows if _has_face(table, row)]
    if not usable:
        raise DataInvalid(
            f"{table.name}: no row with a face",
            "check that the video shows a face, and run OpenFace again",
        )
    times = [table.number(row, "timestamp") for row in usable]
    _check_one_face(table, usable, times)
    probabilities = np.zeros((len(usable), len(ACTION_UNITS)))
    for number, row in enumerate(usable):
        for unit, (column, largest) in units.items():
            probabilities[number, unit] = _in_range(table, row, column, largest) / largest
    codes = frozenset(ACTION_UNITS[unit].code for unit in units)
    return AuTable(np.array(times), probabilities, codes)


def _is_used(column: str) -> bool:
    return column in ("timestamp", "success", "confidence") or column.startswith("AU")


def _has_face(table: CsvTable, row: CsvRow) -> bool:
    success = "success" not in table.columns or table.number(row, "success") != 0
    if not success or "confidence" not in table.columns:
        return success
    return table.number(row, "confidence") >= MIN_CONFIDENCE


def _check_one_face(table: CsvTable, rows: list[CsvRow], times: list[float]) -> None:
    """Refuse a table with several faces: which of them is the subject is not known."""
    seen: set[float] = set()
    for row, time in zip(rows, times, strict=True):
        if time in seen:
            raise DataInvalid(
                f"{table.where(row)}: a second face at {time:g} s",
                "keep the rows of one person, e.g. those of one face_id",
            )
        seen.add(time)


def _in_range(table: CsvTable, row: CsvRow, column: str, largest: float) -> float:
    value = table.number(row, column)
    if not 0 <= value <= largest:
        raise DataInvalid(
            f"{table.where(row)}: {column} is {value:g}, but values are 0 to {largest:g}",
            "give intensities from 0 to 5 as AUxx_r, or presence, 0 or 1, as AUxx_c",
        )
    return value


def _columns(columns: list[str]) -> dict[int, tuple[str, float]]:
    """Unit index -> (column, largest value); intensities take precedence over presence."""
    found = {}
    largest_r = 1.0 if _OWN_COLUMN in columns else FULL_INTENSITY
    index = {unit.column: i for i, unit in enumerate(ACTION_UNITS)}
    for suffix, largest in (("_c", 1.0), ("_r", largest_r)):
        for column in columns:
            stem = column.removesuffix(suffix)
            stem = _ALIASES.get(stem, stem)
            if column.endswith(suffix) and stem in index:
                found[index[stem]] = (column, largest)
    return found
