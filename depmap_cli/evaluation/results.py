"""What an evaluation found: ``EvaluationReport`` is the content of ``evaluation.json``."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from depmap_cli.evaluation.appearance import Appearance
from depmap_cli.results import DISCLAIMER, Name, Verdict, WeightsInfo

SCHEMA_VERSION = "1.4"
OUT_OF_FOLD = "out-of-fold"
"""Stands where the name of a split does, if each person was scored by the fold that tests them."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bootstrap(_Frozen):
    """How confidence intervals are made: people are drawn with replacement, all their rows too."""

    draws: int = Field(2000, ge=1)
    seed: int = Field(0, ge=0)
    confidence: float = Field(0.95, gt=0, lt=1)
    fewest_people: int = Field(5, ge=2, description="Below it there are no confidence intervals.")


class Figure(_Frozen):
    """A figure and its confidence interval; null where there is too little to compute it from."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Agreement(_Frozen):
    """The four figures of the paper."""

    n: int = Field(description="Clips, or recordings.")
    people: int
    rmse: Figure = Field(description="Points.")
    mae: Figure = Field(description="Points.")
    pcc: Figure
    ccc: Figure


class Baseline(_Frozen):
    """What the estimates are compared with: a guess that looks at no face, or other weights."""

    name: str
    title: str
    description: str
    leaks: bool = Field(
        description="It uses scores of the evaluated split, or was trained on people of it whom "
        "the evaluated weights never saw: no fair competitor."
    )
    informed: int = Field(description="Clips it knew something of; the rest get the mean.")
    weights: WeightsInfo | None = Field(None, description="Null for a guess that sees no face.")


class BaselineAgreement(_Frozen):
    """A baseline beside the estimates, on the same rows."""

    baseline: str
    agreement: Agreement
    rmse_difference: Figure = Field(
        description="RMSE of the estimates less the baseline's, on the same draws of people; "
        "below 0 the estimates are better."
    )


class Comparison(_Frozen):
    """Estimates and baselines on the same rows."""

    name: str
    estimates: Agreement
    baselines: list[BaselineAgreement]


class Comparisons(_Frozen):
    """Estimates beside baselines: over all, and where it matters."""

    clips: Comparison
    sessions: Comparison = Field(description="Mean over the tasks of a session.")
    tasks: list[Comparison] = Field(description="Clips of one task each.")
    seen: Comparison | None = Field(description="Clips of people whom the weights know.")
    unseen: Comparison | None


class Errors(_Frozen):
    """Errors within a group. Coverage and width are null where there are no intervals."""

    n: int = Field(description="Clips.")
    people: int
    rmse: Figure = Figure()
    mae: Figure = Figure()
    bias: Figure = Field(Figure(), description="Mean of estimate less score, points.")
    pcc: Figure = Field(Figure(), description="Near 0 in a severity band: its scores are alike.")
    ccc: Figure = Figure()
    coverage: Figure = Field(Figure(), description="Share of scores inside their interval.")
    width: Figure = Field(Figure(), description="Mean width of the clipped intervals, points.")


class Group(_Frozen):
    """People who have something in common."""

    name: str
    errors: Errors


class Subgroups(_Frozen):
    """One attribute of people, cut into groups."""

    attribute: str
    groups: list[Group]


class Intervals(_Frozen):
    """The prediction intervals that were judged, clipped to 0-63."""

    level: float = Field(description="Nominal coverage, e.g. 0.9.")
    half_width: float | None = Field(
        description="Points, mean over clips; null if too few people: there is no such interval."
    )
    caution: str = Field(
        "", description="How their residuals were got otherwise than the estimates; empty if alike."
    )


class CalibrationBin(_Frozen):
    """Clips with like estimates."""

    n: int
    people: int
    estimate: float = Field(description="Mean estimate.")
    truth: Figure = Field(description="Mean score.")


class Calibration(_Frozen):
    """Scores regressed on estimates, per clip; slope 1 and intercept 0 are perfect."""

    slope: Figure
    intercept: Figure = Field(description="Points.")
    bins: list[CalibrationBin]


class BlandAltman(_Frozen):
    """Estimate less score, per recording, points; limits are 1.96 standard deviations away."""

    n: int
    people: int
    bias: Figure
    lower: Figure
    upper: Figure


class ClipRow(_Frozen):
    """One clip, as it went into the figures."""

    video: Name
    subject: Name
    session: Name
    task: Name
    score: float
    estimate: float
    low: float | None = Field(description="Ends of the interval; null where there is none.")
    high: float | None
    band: str = Field(description="Severity band of the score.")
    seen: bool = Field(
        description="The weights learned from the person, or, unless Development is evaluated, "
        "were chosen on them."
    )
    duration: float | None = Field(description="Seconds.")
    levels: list[float] | None = Field(description="Shares of the severity levels.")
    baselines: dict[str, float]


class SplitCount(_Frozen):
    """How much a split holds."""

    name: str
    clips: int
    sessions: int
    people: int
    mean: float = Field(description="Score, over clips.")
    sd: float


class WeightsOrigin(_Frozen):
    """How the weights came about, and what the data had to do with it."""

    network: str = Field(description="Dep-MAP, or without which modules, or a plain ResNet.")
    started_from: str = Field(description="What it was when its training began.")
    balance: float = Field(
        description="0: recordings came alike in training; 1: severity bands came alike."
    )
    recalibrated_on: Name | None = Field(
        description="Data and split of `depmap calibrate`; null: intervals rest on the Development "
        "split that chose the weights."
    )
    calibration_people: int = Field(description="Whose residuals the intervals rest on.")
    training_people: int = Field(description="In the data's Training split.")
    known_people: int = Field(
        description="Those of them whom the weights were trained on, by name; none, as a rule, "
        "where the weights come from other data."
    )
    selected_people: int = Field(
        0, description="Evaluated people on whom the weights were chosen and intervals rest."
    )


class About(_Frozen):
    """What was evaluated on what."""

    schema_version: str = SCHEMA_VERSION
    depmap_version: str
    created: str = Field(description="UTC, ISO 8601.")
    data: Name = Field(description="Name of the folder or manifest.")
    split: str
    weights: WeightsInfo
    origin: WeightsOrigin
    settings: dict[str, str | int | float | bool | None] = {}
    splits: list[SplitCount] = Field([], description="All splits of the data.")
    sampled_frames: int | None = Field(None, description="Of all evaluated videos together.")
    usable_frames: int | None = None
    notes: list[Name] = Field(
        [], description="What was left out of the data, or guessed, when it was read."
    )
    gate: dict[Verdict, int] = Field(
        {}, description="Evaluated clips by what the quality gate of `depmap score` says of them."
    )
    disclaimer: str = DISCLAIMER


class EvaluationReport(About):
    """``evaluation.json``: all figures of one split, and the clips they come from."""

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
    files: dict[Name, Name] = Field({}, description="Files beside this one, and what they hold.")


@dataclass(frozen=True)
class Evaluation:
    """The figures of a split, and, if asked for, the material of figures of faces and features."""

    report: EvaluationReport
    appearance: Appearance | None = None
