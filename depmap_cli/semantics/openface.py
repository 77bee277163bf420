"""Action units, head pose and gaze from a table of OpenFace, or from an ``aus.csv`` of depmap.

Three kinds of tables have columns ``AUxx_r``. They differ in what these columns mean:

================  ==========================================================================
OpenFace          intensity, 0 to 5; OpenFace has corrected it for the neutral face. Gaze is
                  relative to the camera and is turned into the direction relative to the head.
``aus.csv``       5 times the probability that the network took. The column ``au_source``
                  (``AuSource``) names its origin. Gaze is relative to the head. Recognised by the
                  columns ``AU43_r``, which OpenFace lacks, and ``pose_Rx``.
``aus.csv`` 0.1   probability, 0 to 1, relative to the neutral face. Recognised by ``AU43_r``
                  without ``pose_Rx``.
================  ==========================================================================
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from depmap_cli.domain.action_units import ACTION_UNITS, FULL_INTENSITY
from depmap_cli.domain.head_and_gaze import ANGLES, GAZE, HEAD, PITCH, ROLL, YAW
from depmap_cli.errors import DataInvalid
from depmap_cli.io.clean_text import clean
from depmap_cli.io.csv_reader import CsvRow, CsvTable, read_csv

OPENFACE, DEPMAP = "OpenFace table", "depmap table"
"""``WeightsInfo.au_source`` of reports with the action units of a table: who read them first."""
UNREADABLE = "AU table that cannot be read"
"""``WeightsInfo.au_source`` of failed videos whose table cannot be read."""
_BLINK, _CLOSED_EYES = "AU45", "AU43"
"""OpenFace reports blinks (AU45); depmap uses closed eyes (AU43), which last longer."""
_OWN_COLUMN = "AU43_r"
"""A column that only depmap writes."""
_POSE = ("pose_Rx", "pose_Ry", "pose_Rz")
_GAZE = ("gaze_angle_x", "gaze_angle_y")
"""OpenFace's columns of the angles ``HEAD`` and ``GAZE``, in radians."""
_SOURCE_COLUMN = "au_source"
MIN_CONFIDENCE = 0.5
"""OpenFace's confidence in its landmarks from which a row is used."""
MAX_GAP = 1.0
"""Largest time between a frame and the nearest row, in seconds."""


class AuSource(StrEnum):
    """Who has read the action units of a table from the video; column ``au_source``."""

    semantics = "semantics"  # the semantic model: probabilities as the network takes them
    openface = "OpenFace"  # intensities; OpenFace has corrected them for the neutral face
    depmap_0_1 = "depmap-0.1"  # probabilities relative to the neutral face


class AuTable:
    """AU probabilities and angles over time. Units without a column have the probability 0.

    Args:
        times: of the rows, in seconds.
        au_probabilities: 0 to 1.
        angles: degrees, in the order of ``ANGLES``; NaN where the table has none. None: none.
        source: who has read the action units.
        units: codes of the units that have a column; None for all.
    """

    def __init__(
        self,
        times: Float[np.ndarray, " rows"],
        au_probabilities: Float[np.ndarray, "rows units"],
        *,
        angles: Float[np.ndarray, "rows 5"] | None = None,
        source: AuSource = AuSource.openface,
        units: frozenset[str] | None = None,
    ) -> None:
        self.units = frozenset(u.code for u in ACTION_UNITS) if units is None else units
        if angles is None:
            angles = np.full((len(times), len(ANGLES)), np.nan)
        order = np.argsort(times, kind="stable")
        self.times, self.au_probabilities = times[order], au_probabilities[order]
        self.angles, self.source = angles[order], source

    @property
    def is_raw(self) -> bool:
        """Whether the probabilities are as the semantic model reads them.

        Otherwise they are relative to the person's neutral face.
        """
        return self.source is AuSource.semantics

    @property
    def unread(self) -> frozenset[str]:
        """Codes of the units that have no column."""
        return frozenset(unit.code for unit in ACTION_UNITS) - self.units

    @property
    def description(self) -> str:
        """What reports call the table: ``OPENFACE`` or ``DEPMAP``."""
        return OPENFACE if self.source is AuSource.openface else DEPMAP

    @property
    def span(self) -> tuple[float, float]:
        """Times of the first and the last row, in seconds."""
        return float(self.times[0]), float(self.times[-1])

    def at(self, times: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n units"]:
        """Probabilities in the rows nearest to ``times``, in seconds."""
        nearest: np.ndarray = self.au_probabilities[self._nearest(times)]
        return nearest

    def angles_at(self, times: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 5"]:
        """Angles in degrees in the rows nearest to ``times``, in seconds; NaN if unknown."""
        nearest: np.ndarray = self.angles[self._nearest(times)]
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


@dataclass(frozen=True)
class _Kind:
    """What the columns of a table mean."""

    largest_r: float  # largest value of AUxx_r
    source: AuSource  # unless the column ``au_source`` names another
    is_own: bool  # written by depmap, whose ``confidence`` is that of the face detector

    @classmethod
    def of(cls, columns: list[str]) -> "_Kind":
        if _OWN_COLUMN not in columns:
            return cls(largest_r=FULL_INTENSITY, source=AuSource.openface, is_own=False)
        if _POSE[0] in columns:
            return cls(largest_r=FULL_INTENSITY, source=AuSource.semantics, is_own=True)
        return cls(largest_r=1.0, source=AuSource.depmap_0_1, is_own=True)


def read_au_table(path: Path) -> AuTable:
    """Read ``timestamp`` (seconds) and ``AUxx_r`` (0 to 5) or, without it, ``AUxx_c`` (0 or 1).

    Head pose (``pose_Rx``, ``pose_Ry``, ``pose_Rz``) and gaze (``gaze_angle_x``,
    ``gaze_angle_y``), in radians, are read if the table has them.

    Rows that are marked as failed (``success`` 0) are skipped, and so are rows of OpenFace with a
    ``confidence`` below ``MIN_CONFIDENCE``. If a unit of an ``aus.csv`` is empty in all other rows,
    it was not read.

    Raises:
        DataInvalid: the file is missing or is not a table of one face with these columns; has no
            usable row; or has a value that is not a number or is out of range.
    """
    if not path.is_file():
        raise DataInvalid(
            f"--au-csv {clean(str(path))}: no such file",
            "give a CSV of OpenFace or an aus.csv of depmap, or a folder of them",
        )
    table = read_csv(path, keep=_is_used)
    kind = _Kind.of(table.columns)
    if "timestamp" not in table.columns or not _columns(table.columns, kind):
        raise DataInvalid(
            f"{table.name}: the columns timestamp and AU01_r, AU02_r, ... are missing",
            "give a CSV that OpenFace or depmap has written",
        )
    usable = [row for row in table.rows if _has_face(table, row, kind)]
    if not usable:
        raise DataInvalid(
            f"{table.name}: no row with a face",
            "check that the video shows a face, and run OpenFace again",
        )
    units = _columns(_columns_with_values(table, usable, kind), kind)
    if not units:
        raise DataInvalid(
            f"{table.name}: no action unit has a value", "score the video again to write it anew"
        )
    times = [table.number(row, "timestamp") for row in usable]
    _check_one_face(table, usable, times)
    probabilities = np.zeros((len(usable), len(ACTION_UNITS)))
    for number, row in enumerate(usable):
        for unit, (column, largest) in units.items():
            probabilities[number, unit] = _in_range(table, row, column, largest) / largest
    return AuTable(
        np.array(times),
        probabilities,
        angles=_angles(table, usable, kind),
        source=_source(table, usable, kind),
        units=frozenset(ACTION_UNITS[unit].code for unit in units),
    )


def describe_au_table(path: Path) -> str:
    """Return what reports call the table: ``OPENFACE``, ``DEPMAP`` or ``UNREADABLE``."""
    try:
        return read_au_table(path).description
    except Exception:  # a failed video gets its report, whatever the table is
        return UNREADABLE


def _is_used(column: str) -> bool:
    named = ("timestamp", "success", "confidence", _SOURCE_COLUMN, *_POSE, *_GAZE)
    return column in named or column.startswith("AU")


def _has_face(table: CsvTable, row: CsvRow, kind: _Kind) -> bool:
    success = "success" not in table.columns or table.number(row, "success") != 0
    if not success or kind.is_own or "confidence" not in table.columns:
        return success
    return table.number(row, "confidence") >= MIN_CONFIDENCE


def _columns_with_values(table: CsvTable, rows: list[CsvRow], kind: _Kind) -> list[str]:
    """Columns of the table; of an own one, those without a value in any of ``rows`` are left out.

    OpenFace fills all its cells, so there an empty one is an error.
    """
    if not kind.is_own:
        return table.columns
    return [column for column in table.columns if any(row.cells[column] for row in rows)]


def _source(table: CsvTable, rows: list[CsvRow], kind: _Kind) -> AuSource:
    """Who has read the action units: all rows of the column ``au_source`` name the same."""
    if not kind.is_own or _SOURCE_COLUMN not in table.columns:
        return kind.source
    named = rows[0].cells[_SOURCE_COLUMN]
    for row in rows:
        cell = row.cells[_SOURCE_COLUMN]
        if cell not in list(AuSource) or cell != named:
            raise DataInvalid(
                f"{table.where(row)}: {_SOURCE_COLUMN} is {clean(cell)[:40]!r}",
                f"write one of these in all rows: {', '.join(AuSource)}",
            )
    return AuSource(named)


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


def _columns(columns: list[str], kind: _Kind) -> dict[int, tuple[str, float]]:
    """Unit index -> (column, largest value).

    Intensities take precedence over presence, and closed eyes over blinks.
    """
    found = {}
    for suffix, largest in (("_r", kind.largest_r), ("_c", 1.0)):
        for i, unit in enumerate(ACTION_UNITS):
            stems = (unit.column, _BLINK) if unit.code == _CLOSED_EYES else (unit.column,)
            column = next((s + suffix for s in stems if s + suffix in columns), None)
            if column is not None and i not in found:
                found[i] = (column, largest)
    return found


def _angles(table: CsvTable, rows: list[CsvRow], kind: _Kind) -> Float[np.ndarray, "rows 5"]:
    """Head pose and gaze relative to the head, in degrees; NaN where the table has none."""
    radians = np.full((len(rows), len(ANGLES)), np.nan)
    for which, columns in ((HEAD, _POSE), (GAZE, _GAZE)):
        if all(column in table.columns for column in columns):
            radians[:, which] = [[_angle(table, row, c) for c in columns] for row in rows]
    if not kind.is_own:
        radians[:, GAZE] = relative_to_head(radians[:, GAZE], radians[:, HEAD])
    degrees: np.ndarray = np.degrees(radians)
    return degrees


def _angle(table: CsvTable, row: CsvRow, column: str) -> float:
    """An angle in radians; NaN if the cell is empty."""
    if not row.cells[column]:
        return np.nan
    value = table.number(row, column)
    if abs(value) > np.pi + 0.01:
        raise DataInvalid(
            f"{table.where(row)}: {column} is {value:g}, but angles are -3.15 to 3.15",
            "give head pose and gaze in radians, as OpenFace does, or leave these columns out",
        )
    return value


def relative_to_head(
    gaze: Float[np.ndarray, "n 2"], head: Float[np.ndarray, "n 3"]
) -> Float[np.ndarray, "n 2"]:
    """Turn gaze relative to the camera into gaze relative to the head; all in radians.

    OpenFace's angles are atan2(x, -z) and atan2(y, -z) of the direction of gaze in the
    coordinates of the camera (x to the right, y downwards, z away from the camera), which is
    turned back here by the rotation of the head, Rx(pitch) Ry(yaw) Rz(roll).
    """
    pitch, yaw, roll = (head[:, i] for i in (PITCH, YAW, ROLL))
    x, y, z = np.tan(gaze[:, 0]), np.tan(gaze[:, 1]), -np.ones(len(gaze))
    y, z = np.cos(pitch) * y + np.sin(pitch) * z, np.cos(pitch) * z - np.sin(pitch) * y
    x, z = np.cos(yaw) * x - np.sin(yaw) * z, np.cos(yaw) * z + np.sin(yaw) * x
    x, y = np.cos(roll) * x + np.sin(roll) * y, np.cos(roll) * y - np.sin(roll) * x
    return np.stack([np.arctan2(x, -z), np.arctan2(y, -z)], axis=1)
