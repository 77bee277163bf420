"""The columns of ``frames.csv`` and ``aus.csv``, and the DataFrame that holds both."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from depmap_cli.domain.action_units import ACTION_UNITS, FULL_INTENSITY, PRESENT_THRESHOLD
from depmap_cli.domain.bdi import BANDS
from depmap_cli.domain.head_and_gaze import ANGLES, GAZE, HEAD
from depmap_cli.results.columns import (
    Columns,
    array_columns,
    column,
    if_present,
    names_of,
    row_of,
)
from depmap_cli.results.score_result import FrameRow

if TYPE_CHECKING:
    import pandas

OPENFACE_GAZE = ("gaze_angle_x", "gaze_angle_y")
OPENFACE_POSE = ("pose_Rx", "pose_Ry", "pose_Rz")
"""OpenFace's columns of gaze and head rotation, in radians, in the order of ``GAZE``, ``HEAD``."""
BLINK = "AU45"
"""OpenFace's column of blinks. depmap's closed eyes (AU43) stand there, too."""
_CLOSED_EYES = next(i for i, unit in enumerate(ACTION_UNITS) if unit.code == "AU43")
_AU_STEMS = (*(unit.column for unit in ACTION_UNITS), BLINK)


def _raw(frame: FrameRow) -> np.ndarray | None:
    """Probabilities as the network takes them, (units,); None if the frame has no usable face."""
    return frame.raw_action_units if frame.valid else None


def _relative(frame: FrameRow) -> np.ndarray | None:
    """Probabilities relative to the neutral face, (units,)."""
    return frame.action_units if frame.valid else None


def _angles(frame: FrameRow) -> np.ndarray | None:
    return frame.angles if frame.valid else None


def _intensities(frame: FrameRow) -> np.ndarray | None:
    """OpenFace's ``AUxx_r``, 0 to 5, (units + 1,): the last is the blink."""
    raw = _raw(frame)
    return None if raw is None else FULL_INTENSITY * _with_blink(raw)


def _presence(frame: FrameRow) -> list[int | None] | None:
    """OpenFace's ``AUxx_c``, 0 or 1; None for units that were not read."""
    relative, raw = _relative(frame), _raw(frame)
    if relative is None or raw is None:
        return None
    is_read = ~np.isnan(_with_blink(raw))
    return [
        int(p >= PRESENT_THRESHOLD) if known else None
        for p, known in zip(_with_blink(relative).tolist(), is_read, strict=True)
    ]


def _with_blink(units: np.ndarray) -> np.ndarray:
    return np.append(units, units[_CLOSED_EYES])


def _radians(frame: FrameRow, which: slice) -> np.ndarray | None:
    angles = _angles(frame)
    return None if angles is None else np.radians(angles[which])


_INTENSITY = array_columns((f"{stem}_r" for stem in _AU_STEMS), _intensities, 4)
_PRESENCE = Columns(tuple(f"{stem}_c" for stem in _AU_STEMS), _presence)

FRAMES: tuple[Columns[FrameRow], ...] = (
    column("frame", lambda frame: frame.number),
    column("time", lambda frame: round(frame.time, 4)),
    column("valid", lambda frame: int(frame.valid)),
    column("reason", lambda frame: frame.reason),
    column("origin", lambda frame: frame.origin),
    column("n_faces", lambda frame: frame.n_faces),
    column("probability", lambda frame: round(frame.probability, 4)),
    array_columns(("x0", "y0", "x1", "y1"), lambda frame: frame.box, 2),
    array_columns(
        (f"{axis}_{i}" for axis in "xy" for i in range(5)),
        lambda frame: None if frame.landmarks is None else frame.landmarks.T,
        2,
    ),
    column("weight", lambda frame: round(frame.weight, 8)),
    *if_present(lambda frame: frame.score, column("score", lambda score: round(score, 4))),
    array_columns((f"logit_{band.name}" for band in BANDS), lambda frame: frame.logits, 5),
    array_columns((unit.column for unit in ACTION_UNITS), _relative, 4),
    array_columns((f"{angle}_deg" for angle in ANGLES), _angles, 2),
)
"""``frames.csv``: one row for each sampled frame, with depmap's own quantities."""

OPENFACE: tuple[Columns[FrameRow], ...] = (
    column("frame", lambda frame: frame.number),
    column("face_id", lambda _: 0),
    column("timestamp", lambda frame: round(frame.time, 4)),
    column("confidence", lambda frame: round(frame.probability, 4)),
    column("success", lambda frame: int(_raw(frame) is not None)),
    array_columns(OPENFACE_GAZE, lambda frame: _radians(frame, GAZE), 5),
    array_columns(OPENFACE_POSE, lambda frame: _radians(frame, HEAD), 5),
    _INTENSITY,
    _PRESENCE,
    column("au_source", lambda frame: None if _raw(frame) is None else frame.au_source),
)
"""``aus.csv``: one row for each sampled frame, laid out like OpenFace's tables."""

_DATA_FRAME: tuple[Columns[FrameRow], ...] = (*FRAMES, _INTENSITY, _PRESENCE)
_TEXTS = ("reason", "origin")
_WHOLE_NUMBERS = ("frame", "n_faces")


def data_frame(rows: Sequence[FrameRow]) -> "pandas.DataFrame":
    """Return one row for each sampled frame: ``FRAMES``, and the action units of ``OPENFACE``.

    ``valid`` is boolean, ``frame`` and ``n_faces`` are integers, ``reason`` and ``origin`` are
    text; other columns are floats, NaN where there is no value.
    """
    import pandas  # takes 0.3 s, so only here

    table = pandas.DataFrame(
        [row_of(_DATA_FRAME, row) for row in rows], columns=names_of(_DATA_FRAME)
    )
    kinds = {name: "float64" for name in table.columns if name not in _TEXTS}
    kinds |= dict.fromkeys(_WHOLE_NUMBERS, "int64") | {"valid": "bool"}
    return table.astype(kinds)
