"""``Report``, the content of ``score.json``; `depmap info --schema` prints its JSON schema.

It holds everything that the HTML page shows. It holds no times of day and no durations of the run,
so the same video, settings and weights give the same bytes.
"""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from depmap_cli.results.encodable_text import EncodableText
from depmap_cli.results.frozen_model import FrozenModel

SCHEMA_VERSION = "3.0"
DISCLAIMER = (
    "Research software. Not a diagnosis and not a medical device; no regulator has evaluated it. "
    "Do not use an estimate to decide about a person's care, employment, education or insurance."
)


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


class SourceVideo(FrozenModel):
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


class Interval(FrozenModel):
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


class Estimate(FrozenModel):
    """The estimated BDI-II score."""

    score: float = Field(ge=0, le=63)
    band: str
    interval: Interval
    training_mean: float = Field(
        description="Mean BDI-II score of the training videos, for comparison."
    )


class OutOfDistribution(FrozenModel):
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


class LevelEvidence(FrozenModel):
    """How much the key frames resemble the prototypes of a severity level; shares sum to 1."""

    name: str
    low: int
    high: int
    share: float


class Check(FrozenModel):
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


class Quality(FrozenModel):
    """Whether the video is good enough to be scored."""

    verdict: Verdict
    sampled_frames: int
    usable_frames: int
    checks: list[Check]


class KeyFrame(FrozenModel):
    """A frame with a high weight in the estimate."""

    rank: int
    time: float = Field(description="Seconds from the start of the video.")
    weight: float = Field(description="Weight of this frame in the estimate; all weights sum to 1.")
    score: float = Field(description="The score that the model gives to this frame.")
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


class ActionUnitSummary(FrozenModel):
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


class Trace(FrozenModel):
    """A quantity over time, in the bins of the timeline; null if a bin has no reading."""

    name: str = Field(description="FACS code of an action unit, or an angle such as pitch.")
    unit: str = Field(description='"" for a probability, or degrees.')
    mean: list[float | None]
    low: list[float | None] = Field(description="Smallest value in the bin.")
    high: list[float | None] = Field(description="Largest value in the bin.")


class EventSummary(FrozenModel):
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


class HeadGazeSummary(FrozenModel):
    """One angle in degrees over the usable frames; for the gaze, those with open eyes."""

    name: str
    plain: str = Field(description="The positive side of the angle in plain English.")
    mean: float
    sd: float
    low: float = Field(description="5 % quantile.")
    high: float = Field(description="95 % quantile.")


class Behaviour(FrozenModel):
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


class Steadiness(FrozenModel):
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


class Timeline(FrozenModel):
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
        "are 0. All scores here are limited to 0 to 63."
    )
    score_low: list[float | None] = Field(description="Smallest score of a frame.")
    score_high: list[float | None] = Field(description="Largest score of a frame.")
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


class WeightsInfo(FrozenModel):
    """The model that was used."""

    file: str
    sha256: str
    backbone: str
    semantics: str = Field(
        description="Name of the semantic model and the start of its weights' SHA-256."
    )
    au_source: str = Field(
        description="Source of the action units: 'semantics' (the semantic model), or the "
        "table of --au-csv: 'OpenFace table', 'depmap table' or, if the video failed, "
        "'AU table that cannot be read'. An aus.csv of depmap with the action units of OpenFace "
        "is an 'OpenFace table'."
    )
    key_frames: bool = Field(
        description="Whether the model weights frames by their confidence (MAP). Without it, "
        "frames are weighted by the time that they stand for, or equally if there are no more of "
        "them than in training."
    )
    training_data: str = Field(description="What the model was trained on.")
    simulated: bool = Field(description="Whether it was trained on simulated faces only.")
    development: dict[str, float] = Field(description="Metrics on the Development split.")


class Report(FrozenModel):
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
