"""Action units from an OpenFace table, used in place of those of the semantic model."""

import csv
import math
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.errors import DataInvalid
from depmap_cli.io.clean_text import clean

FULL_INTENSITY = 5.0
"""OpenFace's largest intensity; it becomes the probability 1."""
_ALIASES = {"AU45": "AU43"}
"""OpenFace reports blinks (AU45); depmap uses closed eyes (AU43), which last longer."""
MAX_GAP = 1.0
"""Largest time between a frame and the nearest row, in seconds."""


class AuTable:
    """AU probabilities over time. Units without a column have the probability 0."""

    def __init__(
        self, times: Float[np.ndarray, " rows"], au_probabilities: Float[np.ndarray, "rows units"]
    ) -> None:
        order = np.argsort(times, kind="stable")
        self.times, self.au_probabilities = times[order], au_probabilities[order]

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
    """Read the columns ``timestamp`` (seconds) and ``AUxx_r`` or, without it, ``AUxx_c``.

    Rows that OpenFace marks as failed (``success`` 0) are skipped.

    Raises:
        DataInvalid: the file is missing, lacks these columns, has no usable row, or has a cell
            that is not a number.
    """
    shown = clean(str(path))
    if not path.is_file():
        raise DataInvalid(
            f"--au-csv {shown}: no such file", "give an OpenFace CSV, or a folder of them"
        )
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _parse(csv.reader(file, skipinitialspace=True), shown)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataInvalid(f"{shown}: not a CSV file", "give an OpenFace CSV") from error


def _parse(reader, name: str) -> AuTable:  # type: ignore[no-untyped-def]
    header = [cell.strip() for cell in next(reader, [])]
    columns = _columns(header)
    if "timestamp" not in header or not columns:
        raise DataInvalid(
            f"{name}, line 1: the columns timestamp and AU01_r, AU02_r, ... are missing",
            "give a CSV that OpenFace has written",
        )
    time_column = header.index("timestamp")
    success = header.index("success") if "success" in header else None
    times, rows = [], []
    for cells in reader:
        try:
            if success is not None and float(cells[success]) == 0:
                continue
            row = np.zeros(len(ACTION_UNITS))
            for unit, (column, largest) in columns.items():
                row[unit] = min(max(_number(cells[column]) / largest, 0.0), 1.0)
            times.append(_number(cells[time_column]))
            rows.append(row)
        except (ValueError, IndexError):
            raise DataInvalid(
                f"{name}, line {reader.line_num}: a value is missing or not a number",
                "correct this line, or run OpenFace again",
            ) from None
    if not times:
        raise DataInvalid(
            f"{name}: no row with a face",
            "check that the video shows a face, and run OpenFace again",
        )
    return AuTable(np.array(times), np.stack(rows))


def _number(cell: str) -> float:
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError(cell)
    return value


def _columns(header: list[str]) -> dict[int, tuple[int, float]]:
    """Unit index -> (column, largest value); intensities take precedence over presence."""
    columns = {}
    index = {unit.column: i for i, unit in enumerate(ACTION_UNITS)}
    for suffix, largest in (("_c", 1.0), ("_r", FULL_INTENSITY)):
        for column, name in enumerate(header):
            stem = name.removesuffix(suffix)
            stem = _ALIASES.get(stem, stem)
            if name.endswith(suffix) and stem in index:
                columns[index[stem]] = (column, largest)
    return columns
