"""The results that the model passes to the reports: typed, frozen, free of torch.

``Report`` is the content of ``score.json``; `depmap info --schema` prints its JSON schema. It holds
everything that the HTML page shows. It holds no times of day and no durations of the run, so the
same video, settings and weights give the same bytes.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

if TYPE_CHECKING:
    import pandas

SCHEMA_VERSION = "3.0"
DISCLAIMER = (
    "Research software. Not a diagnosis and not a medical device; no regulator has evaluated it. "
    "Do not use an estimate to decide about a person's care, employment, education or insurance."
)


def encodable(name: object) -> object:
    """Return a file name with bytes that are not UTF-8 replaced; Linux allows such names."""
    if not isinstance(name, str):
        return name
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


EncodableText = Annotated[str, BeforeValidator(encodable)]
"""Text that may contain a file name, in a form that UTF-8 can encode."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Status(StrEnum):
    """The outcome for a video."""

    scored = "scored"
    refused = "refused"
    failed = "failed"


class Verdict(StrEnum):
    """The decision of the quality gate, for one check or for all."""

    passed = "pass"
    warn = "warn"
    refuse = "refuse"


class SourceVideo(_Frozen):
    """The video: its first frame as it is shown, and the time stamps of all frames."""

    name: EncodableText = Field(description="Path as given, or relative to the given folder.")
    width: int = 0
    height: int = 0
    fps: float = 0.0
    duration: float | None = Field(
        None, description="Seconds from the first presentable frame to the end of the last one."
    )
    notes: list[EncodableText] = Field(
        default_factory=list, description="What was chosen, e.g. one of several video streams."
    )


class Interval(_Frozen):
    """A split-conformal prediction interval, clipped to the BDI-II scale."""

    level: float = Field(description="Nominal coverage, e.g. 0.9.")
    low: float
    high: float
    bands: list[str] = Field(
        description="Severity bands that the interval covers, in whole or in part."
    )
    n_people: int = Field(description="Number of people in the calibration data.")
    caution: str = Field(
        "",
        description="How the calibration estimates were made, if differently from this one; "
        "empty if in the same way.",
    )


class Estimate(_Frozen):
    """The estimated BDI-II score."""

    score: float = Field(ge=0, le=63)
    band: str
    interval: Interval
    training_mean: float = Field(
        description="Mean BDI-II score of the training videos, for comparison."
    )


class OutOfDistribution(_Frozen):
    """How much the face in the video differs from the training faces."""

    distance: float = Field(
        description="Distance from the training faces; a training face has about 1."
    )
    share_nearer: float = Field(
        description="Share of the reference videos that are nearer to the training faces. "
        "They show people who are not in the training data."
    )
    n_reference: int = Field(description="Number of reference videos.")
    is_out_of_distribution: bool = Field(
        description="Whether the video is farther from the training faces "
        "than 95 % of the reference videos. The published accuracy may not apply."
    )


class LevelEvidence(_Frozen):
    """How much the key frames resemble the prototypes of a severity level; shares sum to 1."""

    name: str
    low: int
    high: int
    share: float


class Check(_Frozen):
    """One check of the quality gate."""

    name: str
    label: str = Field(description="The quantity that is measured, in plain English.")
    value: float
    unit: str
    warn: float
    refuse: float | None
    worse: Literal["below", "above"] = Field(
        description="The side of the limits on which the value is bad."
    )
    verdict: Verdict
    message: str = Field(description="One line: the value and what it means.")


class Quality(_Frozen):
    """Whether the video is good enough to be scored."""

    verdict: Verdict
    sampled_frames: int
    usable_frames: int
    checks: list[Check]


class KeyFrame(_Frozen):
    """A frame with a high weight in the estimate."""

    rank: int
    time: float = Field(description="Seconds from the start of the video.")
    weight: float = Field(description="Weight of this frame in the estimate; all weights sum to 1.")
    score: float = Field(description="The score that the model gives to this frame alone.")
    level: str = Field(
        description="The severity level whose prototypes the frame matches best; if the model has "
        "no prototypes, the severity band of the frame's score."
    )
    action_units: list[str] = Field(
        description="Codes of the units present, the most probable first."
    )
    image: str | None = Field(
        None, description="Path of the picture, relative to score.json; null if not written."
    )


class ActionUnitSummary(_Frozen):
    """One action unit over the video. Values are probabilities, 0 to 1, not FACS intensities."""

    code: str = Field(description="FACS code, e.g. AU12.")
    name: str = Field(description="FACS name.")
    plain: str = Field(description="Plain English name.")
    mean: float = Field(description="Mean probability over the usable frames.")
    sd: float = Field(description="Standard deviation over the usable frames.")
    peak: float = Field(description="Highest probability.")
    peak_time: float = Field(description="Seconds from the start of the video.")
    share_of_time: float = Field(
        description="Share of usable frames with a probability of 0.5 or more."
    )
    reliable: bool | None = Field(
        None,
        description="Whether the unit was detected well on simulated people who were not in "
        "training; null if not measured.",
    )


class Trace(_Frozen):
    """A quantity over time, in the bins of the timeline; null if a bin has no reading."""

    name: str = Field(description="FACS code of an action unit, or an angle such as pitch.")
    unit: str = Field(description='"" for a probability, or degrees.')
    mean: list[float | None]
    low: list[float | None] = Field(description="Smallest value in the bin.")
    high: list[float | None] = Field(description="Largest value in the bin.")


class EventSummary(_Frozen):
    """Events of one kind, such as smiles or blinks."""

    name: str = Field(description="Kind of event, e.g. smile.")
    plain: str = Field(description="Plural in plain English, e.g. smiles.")
    number: int | None = Field(
        description="Null if the sampling is too sparse to count them, or an action unit was not "
        "read."
    )
    per_minute: float | None
    mean_seconds: float | None = Field(
        description="Mean length of the events that neither the start, the end nor a gap cuts; "
        "null if there is none."
    )
    amplitude: float | None = Field(
        description="Mean of the highest probabilities, relative to the neutral face; 0 to 1."
    )
    seconds_read: float = Field(description="Seconds with a usable face, on which the rate rests.")
    frames_per_second: float = Field(description="Sampling rate on which the rate rests.")
    caution: str = Field("", description="Why there is no rate, or why it may be too low.")


class HeadGazeSummary(_Frozen):
    """One angle in degrees over the usable frames; for the gaze, those with open eyes."""

    name: str
    plain: str = Field(description="The positive side of the angle in plain English.")
    mean: float
    sd: float
    low: float = Field(description="5 % quantile.")
    high: float = Field(description="95 % quantile.")


class Behaviour(_Frozen):
    """Facial behaviour over the recording."""

    n_frames: int = Field(description="Usable frames on which it rests.")
    frames_per_second: float
    seconds_read: float = Field(description="Seconds with a usable face.")
    events: list[EventSummary]
    head_gaze: list[HeadGazeSummary] = []
    share_looking_down: float | None = Field(
        None,
        description="Share of frames with open eyes in which head and eyes together point at least "
        "10 degrees below their median over the recording.",
    )
    share_looking_away: float | None = Field(
        None,
        description="Share of frames with open eyes in which head and eyes together point at least "
        "10 degrees to either side of their median over the recording.",
    )
    head_movement: float | None = Field(
        None,
        description="Mean speed of the head's rotation between windows of 1 s, degrees per second; "
        "null if fewer than 2 frames/s were read.",
    )
    caution: str = ""


class Steadiness(_Frozen):
    """How far the estimate depends on which frames were read."""

    sampling_error: float = Field(
        description="Standard error, in points, of the estimate over samplings of the same "
        "recording."
    )
    n_samples: int = Field(
        description="Separate samplings, of as many frames as in training, that the usable frames "
        "make up. The estimate is the mean over all such samplings."
    )
    largest_second: float = Field(
        description="Largest share of the estimate's weight in one second of the recording."
    )
    without_decisive: float | None = Field(
        description="The estimate without its ten most decisive seconds; null if 20 s or less have "
        "a usable frame."
    )


class Timeline(_Frozen):
    """The sampled frames in at most 600 bins of consecutive frames; all lists have one item a bin.

    Values are null if a bin has no usable face. ``frames.csv`` and ``aus.csv`` hold every frame.
    """

    n_frames: int = Field(description="Sampled frames that the bins stand for.")
    start: list[float] = Field(description="Seconds from the start of the video.")
    end: list[float] = Field(description="Seconds from the start of the video.")
    frames: list[int] = Field(description="Number of sampled frames.")
    usable: list[int] = Field(description="Number of usable frames.")
    reason: list[str] = Field(
        description="Commonest reason why frames are excluded; empty if a frame is usable."
    )
    weight: list[float] = Field(description="Sum of the frames' weights in the estimate.")
    score: list[float | None] = Field(
        description="Mean score of the frames, each alone, by weight; plain mean if the weights "
        "are 0."
    )
    score_low: list[float | None] = Field(description="Smallest score of a frame alone.")
    score_high: list[float | None] = Field(description="Largest score of a frame alone.")
    levels: list[list[float] | None] = Field(
        description="Mean similarity to each severity level, by weight likewise, as shares that "
        "sum to 1; null without prototypes."
    )
    traces: list[Trace] = Field(
        [], description="Action units, then angles of head and gaze if they were read."
    )

    def trace(self, name: str) -> Trace | None:
        """Return the trace called ``name``; None if there is none."""
        return next((trace for trace in self.traces if trace.name == name), None)


class WeightsInfo(_Frozen):
    """The model that was used."""

    file: str
    sha256: str
    backbone: str
    semantics: str = Field(
        description="Name of the semantic model and the start of its weights' SHA-256."
    )
    au_source: str = Field(
        description="Source of the action units: 'semantics' (the semantic model), or the "
        "table of --au-csv: 'OpenFace table' or 'depmap table'."
    )
    training_data: str = Field(description="What the model was trained on.")
    simulated: bool = Field(description="Whether it was trained on simulated faces only.")
    development: dict[str, float] = Field(description="Metrics on the Development split.")


class Report(_Frozen):
    """``score.json``: one video's result."""

    schema_version: str = SCHEMA_VERSION
    depmap_version: str
    source: SourceVideo
    status: Status
    reason: str = Field("", description="Why there is no score; empty if scored.")
    hint: str = ""
    estimate: Estimate | None = None
    out_of_distribution: OutOfDistribution | None = Field(
        None,
        description="Null if the video was not scored, or if the weights have no model of their "
        "training faces.",
    )
    levels: list[LevelEvidence] = []
    steadiness: Steadiness | None = Field(None, description="Null if the video was not scored.")
    quality: Quality | None = None
    keyframes: list[KeyFrame] = []
    action_units: list[ActionUnitSummary] = []
    behaviour: Behaviour | None = Field(
        None, description="Null if the video was not scored, or if no frame was usable."
    )
    timeline: Timeline | None = None
    weights: WeightsInfo | None = None
    settings: dict[str, str | int | float | bool | None] = {}
    disclaimer: str = DISCLAIMER


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
    raw_action_units: np.ndarray | None = None  # (units,) probabilities, as the network takes them
    angles: np.ndarray | None = None  # (5,) degrees, in the order of ANGLES
    quarter_turns: int = 0  # counterclockwise turns of the picture after which the face is upright


@dataclass(frozen=True)
class KeyPicture:
    """The face and heat map from which a key frame's picture is drawn; never written as such."""

    face: np.ndarray  # (size, size, 3) RGB uint8, aligned
    heat: np.ndarray  # (size, size) 0 to 1, response of the level's prototypes


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


SCORE_BIN = 7
"""Width in points of a bin of ``SplitSummary.histogram``; the last bin includes 63."""


@dataclass(frozen=True, kw_only=True)
class SplitSummary:
    """The content of one split of a corpus. Each session's score counts once."""

    split: str
    n_sessions: int
    n_clips: int
    n_people: int
    tasks: dict[str, int]  # number of clips for each task; "" if the corpus has no tasks
    bands: dict[str, int]  # number of sessions in each severity band, including empty bands
    histogram: list[int]  # number of sessions with a score of 0-6, 7-13, ... 56-63
    mean: float
    std: float  # population standard deviation
    minimum: int
    maximum: int


@dataclass(frozen=True)
class SharedPeople:
    """People who are in two splits of a corpus."""

    splits: tuple[str, str]
    people: list[str]
    n_sessions: int  # number of sessions, by subject and session number, that are in both


@dataclass(frozen=True)
class CorpusSummary:
    """The content of a corpus, by split."""

    splits: list[SplitSummary]  # empty splits are left out
    shared: list[SharedPeople]  # pairs of splits that share no one are left out
    notes: list[str]  # what was skipped or assumed when the corpus was read


class WeightsEntry(_Frozen):
    """One file of the weights folder."""

    file: str
    kind: str  # "depmap", "semantics", "training" or "foreign"; empty if it cannot be read
    about: str  # what it was trained on
    simulated: bool | None
    size: int  # bytes
    sha256: str
    problem: str = ""  # why it cannot be used; empty if it can
