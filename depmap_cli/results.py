"""What crosses the border from the model to the reports: typed, frozen, no torch.

``Report`` is the content of ``score.json``; its JSON schema is published with the package
(`depmap info --schema`). All that the HTML page shows is in it. It holds nothing of when and how
fast it was made, so that the same video, settings and weights give the same bytes.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

SCHEMA_VERSION = "2.0"
DISCLAIMER = (
    "Research software. Not a diagnosis, not a medical device, not evaluated by any regulator. "
    "An estimate must not be used to decide on a person's care, work, schooling or insurance."
)


def encodable(name: object) -> object:
    """A file's name with what UTF-8 cannot hold replaced; Linux allows such names."""
    if not isinstance(name, str):
        return name
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


Name = Annotated[str, BeforeValidator(encodable)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Status(StrEnum):
    """What became of a video."""

    scored = "scored"
    refused = "refused"
    failed = "failed"


class Verdict(StrEnum):
    """What the quality gate says, of one check or of all."""

    passed = "pass"
    warn = "warn"
    refuse = "refuse"


class SourceVideo(_Frozen):
    """The video, as the container describes it."""

    name: Name = Field(description="Path as given, or relative to the folder given.")
    width: int = 0
    height: int = 0
    fps: float = 0.0
    duration: float | None = Field(None, description="Seconds; null where the container has none.")


class Interval(_Frozen):
    """A split-conformal prediction interval, clipped to the scale."""

    level: float = Field(description="Nominal coverage, e.g. 0.9.")
    low: float
    high: float
    bands: list[str] = Field(description="Severity bands that the interval touches.")
    n_people: int = Field(description="People whose residuals it rests on.")
    caution: str = Field(
        "", description="How those residuals were got otherwise than this estimate; empty if alike."
    )


class Estimate(_Frozen):
    """The estimated BDI-II score."""

    score: float = Field(ge=0, le=63)
    band: str
    interval: Interval
    training_mean: float = Field(
        description="Mean score of the training recordings, for reference."
    )


class OutOfDistribution(_Frozen):
    """How unlike the faces that the weights were trained on this recording is."""

    distance: float = Field(description="From the training faces; a training face has about 1.")
    share_nearer: float = Field(
        description="Share of recordings of people not trained on that are nearer to them."
    )
    n_reference: int = Field(description="How many such recordings that is of.")
    unlike: bool = Field(description="Beyond 95 % of them: figures measured there do not apply.")


class LevelEvidence(_Frozen):
    """How far the key frames resemble a severity level's prototypes; shares sum to one."""

    name: str
    low: int
    high: int
    share: float


class Check(_Frozen):
    """One check of the quality gate."""

    name: str
    label: str = Field(description="What is measured, in plain words.")
    value: float
    unit: str
    warn: float
    refuse: float | None
    worse: Literal["below", "above"] = Field(description="On which side of a limit it gets worse.")
    verdict: Verdict
    message: str = Field(description="One line: the number and what it means.")


class Quality(_Frozen):
    """Whether the recording can carry a score."""

    verdict: Verdict
    sampled_frames: int
    usable_frames: int
    checks: list[Check]


class KeyFrame(_Frozen):
    """A frame that carried the estimate."""

    rank: int
    time: float = Field(description="Seconds from the start of the video.")
    weight: float = Field(description="Share of the estimate that rests on this frame.")
    score: float = Field(description="What this frame alone would be scored.")
    level: str = Field(
        description="The severity level whose prototypes it resembles most; without prototypes, "
        "that of its score."
    )
    action_units: list[str] = Field(description="Codes of the units seen, the strongest first.")
    image: str | None = Field(
        None, description="Picture, relative to score.json; null if not written."
    )


class ActionUnitSummary(_Frozen):
    """One action unit over the video. Evidence between 0 and 1, not FACS intensity."""

    code: str
    name: str
    plain: str
    mean: float
    peak: float
    peak_time: float
    share_of_time: float = Field(description="Share of usable frames with evidence of 0.5 or more.")
    reliable: bool | None = Field(
        None,
        description="Whether it was read well on unseen simulated people; null if not measured.",
    )
    trace: list[float | None] = Field(description="Evidence at each time of the timeline.")


class Timeline(_Frozen):
    """The sampled frames, in columns; null where a frame has no usable face."""

    time: list[float]
    reason: list[str] = Field(description="Empty where the frame is usable.")
    weight: list[float]
    score: list[float | None]
    levels: list[list[float] | None] = Field(description="Shares of the severity levels.")


class WeightsInfo(_Frozen):
    """The model that was used."""

    file: str
    sha256: str
    backbone: str
    semantics: str = Field(description="open_clip model and the start of its weights' hash.")
    au_source: str = Field(
        description="Where the action units come from: semantics or an OpenFace table."
    )
    training_data: str
    simulated: bool = Field(description="Trained on simulated faces only.")
    development: dict[str, float] = Field(description="Figures on the Development split.")


class Report(_Frozen):
    """``score.json``: one video's result."""

    schema_version: str = SCHEMA_VERSION
    depmap_version: str
    source: SourceVideo
    status: Status
    reason: str = Field("", description="Why there is no score; empty if scored.")
    hint: str = ""
    estimate: Estimate | None = None
    familiarity: OutOfDistribution | None = Field(
        None, description="Null if not scored, or if the weights do not know their training faces."
    )
    levels: list[LevelEvidence] = []
    quality: Quality | None = None
    keyframes: list[KeyFrame] = []
    action_units: list[ActionUnitSummary] = []
    timeline: Timeline | None = None
    weights: WeightsInfo | None = None
    settings: dict[str, str | int | float | bool | None] = {}
    disclaimer: str = DISCLAIMER


@dataclass(frozen=True, kw_only=True)
class FrameRow:
    """One sampled frame, for ``frames.csv`` and ``aus.csv``. Pixels of the source video."""

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
    action_units: np.ndarray | None  # (units,) evidence in 0 to 1


@dataclass(frozen=True)
class KeyPicture:
    """The material of a key frame's picture, kept in memory only."""

    face: np.ndarray  # (size, size, 3) RGB uint8, aligned
    heat: np.ndarray  # (size, size) 0 to 1, where the level's prototypes respond


@dataclass(frozen=True, kw_only=True)
class ScoreResult:
    """A report and what its files need besides."""

    report: Report
    frames: list[FrameRow] = field(default_factory=list)
    pictures: list[KeyPicture] = field(default_factory=list)  # in the order of report.keyframes
    seconds: dict[str, float] = field(default_factory=dict)  # wall time by stage
    traceback: str = ""  # of an unexpected error; not part of the report


SCORE_BIN = 7
"""Points in a bin of ``SplitSummary.histogram``; the last holds 63, too."""


@dataclass(frozen=True, kw_only=True)
class SplitSummary:
    """What one split of a corpus holds. Scores are counted once a recording, not once a clip."""

    split: str
    n_sessions: int  # sessions
    n_clips: int  # videos
    n_people: int
    tasks: dict[str, int]  # clips of each task; "" where a corpus has no tasks
    bands: dict[str, int]  # recordings in each severity band, none left out
    histogram: list[int]  # recordings with a score of 0-6, 7-13, ... 56-63
    mean: float
    std: float  # of the population
    minimum: int
    maximum: int


@dataclass(frozen=True)
class SharedPeople:
    """Who is in two splits of a corpus."""

    splits: tuple[str, str]
    people: list[str]
    n_sessions: int  # sessions that are in both by name


@dataclass(frozen=True)
class CorpusSummary:
    """A corpus before anything is trained on it; splits without recordings are left out."""

    splits: list[SplitSummary]
    shared: list[SharedPeople]  # pairs of splits with nobody in common left out
    notes: list[str]  # what was left out or guessed when it was read


class WeightsEntry(_Frozen):
    """One file of the weights folder."""

    file: str
    kind: str  # "depmap", "semantics", "training" or "foreign"; empty if it cannot be read
    about: str  # what it was trained on
    simulated: bool | None
    size: int  # bytes
    sha256: str
    problem: str = ""  # why it cannot be used
