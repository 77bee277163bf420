"""The results of an evaluation: ``EvaluationReport`` is the content of ``evaluation.json``."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from depmap_cli.evaluation.appearance import Appearance
from depmap_cli.results import DISCLAIMER, EncodableText, Verdict, WeightsInfo

SCHEMA_VERSION = "2.0"
OUT_OF_FOLD = "out-of-fold"
"""Used as the name of the split if each person was scored by the fold that tests them."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bootstrap(_Frozen):
    """Settings of confidence intervals: people are drawn with replacement, with all their rows."""

    draws: int = Field(2000, ge=1)
    seed: int = Field(0, ge=0)
    confidence: float = Field(0.95, gt=0, lt=1)
    fewest_people: int = Field(
        5, ge=2, description="With fewer people there are no confidence intervals."
    )


class Metric(_Frozen):
    """A metric and its confidence interval; null if the data does not suffice to compute it."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Agreement(_Frozen):
    """The four metrics of the paper."""

    n: int = Field(description="Clips, or sessions.")
    people: int
    rmse: Metric = Field(description="Points.")
    mae: Metric = Field(description="Points.")
    pcc: Metric
    ccc: Metric


class Baseline(_Frozen):
    """What the estimates are compared with: a rule without a network, or other weights."""

    name: str
    title: str
    description: str
    leaks: bool = Field(
        description="It uses scores of the evaluated split, or was trained on people of that split "
        "whom the evaluated weights do not know, so the comparison is not fair."
    )
    informed: int = Field(
        description="Number of clips that it has information on; for the rest it predicts the mean."
    )
    weights: WeightsInfo | None = Field(None, description="Null for a rule.")


class BaselineAgreement(_Frozen):
    """A baseline compared with the estimates, on the same rows."""

    baseline: str
    agreement: Agreement
    rmse_difference: Metric = Field(
        description="RMSE of the estimates minus that of the baseline, on the same draws of "
        "people; below 0 the estimates are better."
    )


class Comparison(_Frozen):
    """Estimates and baselines on the same rows."""

    name: str
    estimates: Agreement
    baselines: list[BaselineAgreement]


class Comparisons(_Frozen):
    """Estimates and baselines, on all rows and on subsets of interest."""

    clips: Comparison
    sessions: Comparison = Field(description="One row for each session: the mean over its tasks.")
    tasks: list[Comparison] = Field(description="Clips of one task each.")
    seen: Comparison | None = Field(description="Clips of people whom the weights know.")
    unseen: Comparison | None


class Errors(_Frozen):
    """Errors within a group. Coverage and width are null if there are no intervals."""

    n: int = Field(description="Clips.")
    people: int
    rmse: Metric = Metric()
    mae: Metric = Metric()
    bias: Metric = Field(Metric(), description="Mean of estimate minus score, points.")
    pcc: Metric = Field(
        Metric(), description="Near 0 within a severity band, whose scores are similar."
    )
    ccc: Metric = Metric()
    coverage: Metric = Field(Metric(), description="Share of scores inside their interval.")
    width: Metric = Field(Metric(), description="Mean width of the clipped intervals, points.")


class Group(_Frozen):
    """A named group of clips."""

    name: str
    errors: Errors


class Subgroups(_Frozen):
    """One attribute of people, with its groups."""

    attribute: str
    groups: list[Group]


class Intervals(_Frozen):
    """The evaluated prediction intervals, clipped to 0-63."""

    level: float = Field(description="Nominal coverage, e.g. 0.9.")
    half_width: float | None = Field(
        description="Points, mean over clips; null if there are too few people for an interval."
    )
    caution: str = Field(
        "",
        description="How their residuals were computed differently from the estimates; or empty.",
    )


class CalibrationBin(_Frozen):
    """Clips with similar estimates."""

    n: int
    people: int
    estimate: float = Field(description="Mean estimate.")
    truth: Metric = Field(description="Mean score.")


class Calibration(_Frozen):
    """Scores regressed on estimates, per clip; slope 1 and intercept 0 are perfect."""

    slope: Metric
    intercept: Metric = Field(description="Points.")
    bins: list[CalibrationBin]


class BlandAltman(_Frozen):
    """Estimate minus score, per session, points; limits are 1.96 standard deviations away."""

    n: int
    people: int
    bias: Metric
    lower: Metric
    upper: Metric


class ClipRow(_Frozen):
    """One clip of the evaluation."""

    video: EncodableText
    subject: EncodableText
    session: EncodableText
    task: EncodableText
    score: float
    estimate: float
    low: float | None = Field(description="Ends of the interval, or null.")
    high: float | None
    band: str = Field(description="Severity band of the score.")
    seen: bool = Field(
        description="The weights were trained on the person or, unless Development is evaluated, "
        "selected on them."
    )
    duration: float | None = Field(description="Seconds.")
    levels: list[float] | None = Field(description="Shares of the severity levels.")
    baselines: dict[str, float]


class SplitCount(_Frozen):
    """The size of a split."""

    name: str
    clips: int
    sessions: int
    people: int
    mean: float = Field(description="Score, over clips.")
    sd: float


class WeightsOrigin(_Frozen):
    """How the weights were trained, and which of this data took part in it."""

    network: str = Field(description="Dep-MAP, the modules it lacks, or a plain ResNet.")
    started_from: str = Field(description="How it was initialised.")
    balance: float = Field(
        description="0: all videos equally frequent in training; 1: all severity bands."
    )
    recalibrated_on: EncodableText | None = Field(
        description="Data and split of `depmap calibrate`; null: intervals use the residuals of "
        "the Development split on which the weights were selected."
    )
    calibration_people: int = Field(
        description="Number of people whose residuals the intervals use."
    )
    training_people: int = Field(description="People in the data's Training split.")
    known_people: int = Field(
        description="Those of them on whom the weights were trained, by name; usually none if the "
        "weights come from other data."
    )
    selected_people: int = Field(
        0, description="Evaluated people on whom the weights were selected and calibrated."
    )


class About(_Frozen):
    """Which weights were evaluated on which data."""

    schema_version: str = SCHEMA_VERSION
    depmap_version: str
    created: str = Field(description="UTC, ISO 8601.")
    data: EncodableText = Field(description="Name of the folder or manifest.")
    split: str
    weights: WeightsInfo
    origin: WeightsOrigin
    settings: dict[str, str | int | float | bool | None] = {}
    splits: list[SplitCount] = Field([], description="All splits of the data.")
    sampled_frames: int | None = Field(None, description="Sum over all evaluated videos.")
    usable_frames: int | None = None
    notes: list[EncodableText] = Field(
        [], description="What was left out or inferred when the data was read."
    )
    gate: dict[Verdict, int] = Field(
        {}, description="Evaluated clips by their verdict in the quality checks of `depmap score`."
    )
    disclaimer: str = DISCLAIMER


class EvaluationReport(About):
    """``evaluation.json``: all metrics of one split, and the clips behind them."""

    bootstrap: Bootstrap
    n_clips: int
    n_sessions: int
    n_people: int
    n_unseen: int = Field(description="People whom the weights do not know (``ClipRow.seen``).")
    baselines: list[Baseline]
    agreement: Comparisons
    errors: Errors = Field(description="Over all clips.")
    bands: list[Group] = Field(description="By the severity band of the score.")
    intervals: Intervals | None
    subgroups: list[Subgroups]
    calibration: Calibration
    bland_altman: BlandAltman
    table: list[ClipRow]
    files: dict[EncodableText, EncodableText] = Field(
        {}, description="Other files in the folder, and their content."
    )


@dataclass(frozen=True)
class Evaluation:
    """The metrics of a split and, if requested, the data behind plots of faces and features."""

    report: EvaluationReport
    appearance: Appearance | None = None
