"""``ScoreResult``: the report of a video, its sampled frames and the faces of its key frames."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from depmap_cli.results.report_schema import Report

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, kw_only=True)
class FrameRow:
    """One sampled frame, for ``frames.csv`` and ``aus.csv``.

    The box and the landmarks are in pixels of the source video.
    """

    number: int  # of the frame in the video, from 1
    time: float
    valid: bool
    reason: str
    origin: str
    n_faces: int
    probability: float
    box: np.ndarray | None  # (4,)
    landmarks: np.ndarray | None  # (5, 2)
    weight: float
    score: float | None
    logits: np.ndarray | None  # (levels,)
    action_units: np.ndarray | None  # (units,) probabilities, relative to the neutral face
    raw_action_units: np.ndarray | None = None  # (units,) probabilities, as the network takes them;
    # NaN for a unit that the table of --au-csv does not have
    au_source: str = "semantics"  # who has read the action units (AuSource)
    angles: np.ndarray | None = None  # (5,) degrees, in the order of ANGLES
    face_landmarks: np.ndarray | None = None  # (68, 2) in the order of Multi-PIE
    quarter_turns: int = 0  # counterclockwise turns of the picture after which the face is upright


@dataclass(frozen=True)
class KeyPicture:
    """What the picture of a key frame is drawn from; never written as such."""

    face: np.ndarray  # (size, size, 3) RGB uint8, aligned
    heat: np.ndarray  # (size, size) difference from the person's usual face; 1: full movement
    landmarks: np.ndarray | None = None  # (68, 2) fractions of the face's side, of Multi-PIE


@dataclass(frozen=True, kw_only=True)
class ScoreResult:
    """A report, and the data for the files that are written with it."""

    report: Report
    frame_rows: list[FrameRow] = field(default_factory=list)
    pictures: list[KeyPicture] = field(default_factory=list)  # in the order of report.keyframes
    seconds: dict[str, float] = field(default_factory=dict)  # wall time by stage
    traceback: str = ""  # of an unexpected error; not part of the report

    @cached_property
    def frames(self) -> "pandas.DataFrame":
        """One row for each sampled frame, as in ``frames.csv`` and ``aus.csv``.

        Action units are in three forms: ``AU01`` is the probability (0 to 1) relative to the
        neutral face, ``AU01_r`` is the probability as the network takes it, on OpenFace's scale
        of 0 to 5, and ``AU01_c`` is 1 if ``AU01`` is 0.5 or more. Head pose and gaze
        (``pitch_deg``, ``yaw_deg``, ``roll_deg``, ``gaze_x_deg``, ``gaze_y_deg``) are in degrees.
        ``time`` is in seconds; the box (``x0`` ... ``y1``) and the landmarks are in pixels of the
        video. A missing value is NaN.
        """
        from depmap_cli.results.frame_table import data_frame

        return data_frame(self.frame_rows)
