"""Sentences and formatted numbers that the terminal and the HTML pages share."""

from collections.abc import Sequence
from dataclasses import dataclass

from depmap_cli.domain.action_units import BY_CODE
from depmap_cli.evaluation.results import EvaluationReport, Intervals, Metric
from depmap_cli.io.clean_text import clean
from depmap_cli.results import Check, Estimate, Interval, OutOfDistribution, Report, WeightsInfo
from depmap_cli.stats.conformal import people_needed

SIMULATED = (
    "The model was trained on simulated faces. A score for a real person only demonstrates the "
    "software; it is not an assessment."
)
OUT_OF_DISTRIBUTION = (
    "The face in this video differs from the faces in the training data more than nearly all "
    "reference videos of other people do (out of distribution). The published accuracy may not "
    "apply to it."
)
SELECTED = "if the weights were selected on this split, its results are better than on new data."
BY_FOLDS = (
    "Each person was scored by the network of the fold that has them as test data; the key frames "
    "come from the same network. There is no map of fused features because the features of "
    "different networks have no common axes."
)
DIFFERENCE_NOTE = (
    "Warm: the face differs from the usual face of this person in the video. It does not show what "
    "the model looked at."
)
PROBABILITY_NOTE = (
    "Values are the probability, from 0 to 1, that the unit is present; they are not FACS "
    "intensities."
)
LEVEL_NOTE = (
    "Closest level: the severity level that the frame resembles most, according to the model."
)
OPENFACE_NOTE = "Values come from the OpenFace table, scaled to the range 0 to 1."
UNRELIABLE_NOTE = "† Unreliable on simulated people who were not in training; do not interpret."
_SPARKS = "▁▂▃▄▅▆▇█"


def clock(time: float) -> str:
    """Seconds as ``minutes:seconds``, e.g. ``00:12.35``."""
    minutes, hundredths = divmod(round(max(time, 0.0) * 100), 6000)
    return f"{minutes:02d}:{hundredths / 100:05.2f}"


def percent(share: float) -> str:
    """A share as whole percent, e.g. ``31 %``; ``<1 %`` if it is small but not 0."""
    return "<1 %" if 0 < share < 0.005 else f"{share * 100:.0f} %"


def weight_text(weight: float) -> str:
    """A weight in the estimate as percent with two digits, e.g. ``31 %``, ``0.57 %``."""
    return f"{weight * 100:.0f} %" if weight >= 0.0995 or weight == 0 else f"{weight * 100:.2g} %"


def number(value: float) -> str:
    """Three significant digits; whole numbers from 100."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def joined(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def in_plain_words(codes: Sequence[str]) -> str:
    """Action-unit codes with their plain names, e.g. ``smile (AU12), cheeks up (AU6)``."""
    named = [f"{BY_CODE[code].plain} ({code})" if code in BY_CODE else code for code in codes]
    return ", ".join(named) or "none detected"


def interval_text(interval: Interval) -> str:
    """``8.1 to 27.9``."""
    return f"{interval.low:.1f} to {interval.high:.1f}"


def basis_text(interval: Interval) -> str:
    """What an interval was calibrated on, e.g. ``based on the errors for 28 people``."""
    text = f"based on the errors for {interval.n_people} people"
    return f"{text}, {interval.caution}" if interval.caution else text


def unseen_text(report: EvaluationReport) -> str:
    """How many of the evaluated people were not used to make the weights."""
    whose = "training" if report.split == "Development" else "training or development"
    return f"{report.n_unseen} of them not in the {whose} data"


def about_data(report: EvaluationReport) -> list[str]:
    """Cautions about the evaluated data, one clause each."""
    cautions = []
    if known := report.origin.selected_people:
        used = (
            "selected"
            if report.origin.recalibrated_on
            else "selected, and the intervals calibrated,"
        )
        cautions.append(f"the weights were {used} on {known} of these people")
    counts = {verdict.value: n for verdict, n in report.gate.items()}
    n_warned, n_refused = counts.get("warn", 0), counts.get("refuse", 0)
    if n_warned or n_refused:
        cautions.append(
            f"depmap score would warn about the quality of {n_warned} of these clips and refuse "
            f"{n_refused}; this evaluation includes them"
        )
    return [*cautions, *(clean(note) for note in report.notes)]


def interval_name(interval: Interval) -> str:
    """``90 % prediction interval``."""
    return f"{interval.level * 100:g} % prediction interval"


def bands_text(estimate: Estimate) -> str:
    """The severity bands that the interval covers, e.g. ``minimal, mild and moderate``."""
    bands = estimate.interval.bands
    return f"all four bands ({joined(bands)})" if len(bands) == 4 else joined(bands)


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One entry of the list next to the score."""

    label: str
    value: str
    detail: str = ""
    is_warning: bool = False


def facts_about(report: Report) -> list[Fact]:
    """The facts next to the score, in order; empty if the video was not scored."""
    if report.estimate is None:
        return []
    estimate, interval = report.estimate, report.estimate.interval
    facts = [
        Fact(
            label=interval_name(interval),
            value=interval_text(interval),
            detail=basis_text(interval),
        ),
        *_sampling_error(report),
        Fact(label="severity bands covered", value=bands_text(estimate)),
        Fact(
            label="training mean",
            value=f"{estimate.training_mean:.1f}",
            detail="mean score in the training data",
        ),
    ]
    ood = report.out_of_distribution
    return [*facts, _difference_from_training(ood)] if ood else facts


def _sampling_error(report: Report) -> list[Fact]:
    """The standard error of the estimate over samplings of the recording, if it was measured."""
    if report.steadiness is None:
        return []
    return [
        Fact(
            label="sampling error",
            value=f"{report.steadiness.sampling_error:.1f} points",
            detail="standard error over the moments of this recording",
        )
    ]


def _difference_from_training(ood: OutOfDistribution) -> Fact:
    """Compares the face with the training faces.

    The reference videos show people who are not in the training data.
    """
    n_farther = ood.n_reference - round(ood.share_nearer * ood.n_reference)
    return Fact(
        label="difference from training",
        value="outside the usual range" if ood.is_out_of_distribution else "within the usual range",
        detail=f"{n_farther} of {ood.n_reference} reference videos differ more",
        is_warning=ood.is_out_of_distribution,
    )


def has_key_frames(report: Report) -> bool:
    """Whether the model gives key frames more weight than the others."""
    return report.weights is None or report.weights.key_frames


def units_note(report: Report) -> str:
    """What the values of the action units are."""
    openface = report.weights is not None and report.weights.au_source.startswith("OpenFace")
    return OPENFACE_NOTE if openface else PROBABILITY_NOTE


def au_source_text(weights: WeightsInfo) -> str:
    """Where the action units come from, e.g. ``an OpenFace table``."""
    if weights.au_source == "semantics":
        return "the semantic model"
    article = "an" if weights.au_source.startswith(("O", "A")) else "a"
    return f"{article} {weights.au_source}"


def missing_intervals(intervals: Intervals | None) -> str:
    """Why an evaluation has no prediction intervals; empty if it has them."""
    if intervals is None:
        return "the weights contain no calibration data"
    if intervals.half_width is not None:
        return ""
    needed = people_needed(intervals.level)
    return f"a {percent(intervals.level)} interval needs at least {needed} calibration people"


def threshold_text(check: Check) -> str:
    """The limits of a check: ``warn below 0.8, refuse below 0.3``."""
    unit = f" {check.unit}" if check.unit else ""
    text = f"warn {check.worse} {number(check.warn)}{unit}"
    if check.refuse is not None:
        text += f", refuse {check.worse} {number(check.refuse)}{unit}"
    return text


def training_text(weights: WeightsInfo) -> str:
    """What the weights were trained on, with a caution if that was simulated."""
    data = weights.training_data.rstrip(".")
    return f"{data}. {SIMULATED}" if weights.simulated else f"{data}."


def sparkline(values: Sequence[float | None], width: int) -> str:
    """Values between 0 and 1 as block characters; a dot where the value is missing."""
    binned = bin_means(values, width)
    return "".join(
        "·" if v is None else _SPARKS[min(int(max(v, 0.0) * len(_SPARKS)), len(_SPARKS) - 1)]
        for v in binned
    )


def bin_means(values: Sequence[float | None], max_bins: int) -> list[float | None]:
    """The means of ``values`` in at most ``max_bins`` bins of nearly equal size.

    Missing values are left out; the mean is None if all values of a bin are missing.
    """
    means: list[float | None] = []
    for start, end in bin_edges(len(values), max_bins):
        known = [v for v in values[start:end] if v is not None]
        means.append(sum(known) / len(known) if known else None)
    return means


def bin_edges(n_values: int, max_bins: int) -> list[tuple[int, int]]:
    """Half-open index ranges that split ``n_values`` into at most ``max_bins`` similar parts."""
    n_bins = min(n_values, max_bins)
    cuts = [i * n_values // n_bins for i in range(n_bins + 1)] if n_bins else []
    return list(zip(cuts, cuts[1:], strict=False))


def video_text(report: Report) -> str:
    """Duration, picture size and frame rate, as far as they are known, and notes."""
    source = report.source
    parts = []
    if source.duration is not None:
        parts.append(f"{source.duration:.1f} s")
    if source.width and source.height:
        parts.append(f"{source.width} x {source.height} px")
    if source.fps:
        parts.append(f"{source.fps:.4g} frames/s")
    return "; ".join([", ".join(parts), *map(clean, source.notes)])


def metric_text(metric: Metric, digits: int = 2) -> str:
    """A value without its interval; a dash if it could not be computed."""
    return "–" if metric.value is None else _rounded(metric.value, digits)


def range_text(metric: Metric, digits: int = 2) -> str:
    """The confidence interval, e.g. ``8.31 to 11.20``; empty if there is none."""
    if metric.low is None or metric.high is None:
        return ""
    return f"{_rounded(metric.low, digits)} to {_rounded(metric.high, digits)}"


def _rounded(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}"  # adding 0 turns -0.0 into 0.0


def share_text(metric: Metric) -> str:
    """A share as whole percent; a dash if it could not be computed."""
    return "–" if metric.value is None else percent(metric.value)


def share_range_text(metric: Metric) -> str:
    """The confidence interval of a share, e.g. ``78 to 91 %``; empty if there is none."""
    if metric.low is None or metric.high is None:
        return ""
    return f"{metric.low * 100:.0f} to {metric.high * 100:.0f} %"
