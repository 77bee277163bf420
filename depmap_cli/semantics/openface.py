"""Read action units from an OpenFace table, instead of letting CLIP say which it sees."""

import csv
import math
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.errors import DataInvalid

FULL_INTENSITY = 5.0
"""OpenFace's intensities run from 0 to 5; evidence runs from 0 to 1."""
_ALIASES = {"AU45": "AU43"}
"""OpenFace reports the blink (45), of which closed eyes (43) are the lasting form."""
MAX_GAP = 1.0
"""Seconds from a table's nearest row beyond which it says nothing of a frame."""


class AuTable:
    """AU evidence over time. Units that the table lacks count as absent."""

    def __init__(
        self, times: Float[np.ndarray, " rows"], au_probabilities: Float[np.ndarray, "rows units"]
    ) -> None:
        order = np.argsort(times, kind="stable")
        self.times, self.au_probabilities = times[order], au_probabilities[order]

    def at(self, times: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n units"]:
        """Evidence at the rows nearest in time, in seconds."""
        found: np.ndarray = self.au_probabilities[self._nearest(times)]
        return found

    def knows(self, times: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        """Whether a row lies within ``MAX_GAP`` of each time, in seconds."""
        return np.asarray(np.abs(self.times[self._nearest(times)] - times) <= MAX_GAP)

    def _nearest(self, times: Float[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        right = np.clip(np.searchsorted(self.times, times), 1, max(len(self.times) - 1, 1))
        right = np.minimum(right, len(self.times) - 1)
        left = np.maximum(right - 1, 0)
        nearer = np.abs(self.times[left] - times) <= np.abs(self.times[right] - times)
        return np.asarray(np.where(nearer, left, right))


def read_au_table(path: Path) -> AuTable:
    """Read ``timestamp`` and ``AUxx_r`` (or, failing those, ``AUxx_c``) columns.

    Rows that OpenFace marks as failed (``success`` 0) are left out.

    Raises:
        DataInvalid: missing, no such columns, no usable row, or a cell that is no number.
    """
    if not path.is_file():
        raise DataInvalid(
            f"--au-csv {path.name}: no such file", "give an OpenFace CSV, or a folder of them"
        )
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _parse(csv.reader(file, skipinitialspace=True), path.name)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataInvalid(f"{path.name}: not a CSV file", "give an OpenFace CSV") from error


def _parse(reader, name: str) -> AuTable:  # type: ignore[no-untyped-def]
    header = [cell.strip() for cell in next(reader, [])]
    columns = _columns(header)
    if "timestamp" not in header or not columns:
        raise DataInvalid(
            f"{name}, line 1: no timestamp and AU columns", "expected AU01_r, AU02_r, ..."
        )
    time_column = header.index("timestamp")
    success = header.index("success") if "success" in header else None
    times, rows = [], []
    for cells in reader:
        try:
            if success is not None and float(cells[success]) == 0:
                continue
            row = np.zeros(len(ACTION_UNITS))
            for unit, (column, full) in columns.items():
                row[unit] = min(max(_number(cells[column]) / full, 0.0), 1.0)
            times.append(_number(cells[time_column]))
            rows.append(row)
        except (ValueError, IndexError):
            raise DataInvalid(
                f"{name}, line {reader.line_num}: not a number in every column", ""
            ) from None
    if not times:
        raise DataInvalid(
            f"{name}: no row with a face", "OpenFace found none, or the table is empty"
        )
    return AuTable(np.array(times), np.stack(rows))


def _number(cell: str) -> float:
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError(cell)
    return value


def _columns(header: list[str]) -> dict[int, tuple[int, float]]:
    """Unit index -> (column, what counts as full); intensities are preferred to presence."""
    found = {}
    for ending, full in (("_c", 1.0), ("_r", FULL_INTENSITY)):
        for column, name in enumerate(header):
            if name.endswith(ending):
                stem = _ALIASES.get(name[:-2], name[:-2])
                for unit, known in enumerate(ACTION_UNITS):
                    if known.column == stem:
                        found[unit] = (column, full)
    return found
