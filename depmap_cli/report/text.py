"""Words and numbers as the terminal and the page both write them."""

from collections.abc import Sequence

from depmap_cli.domain.action_units import BY_CODE
from depmap_cli.evaluation.results import EvaluationReport, Intervals, Metric
from depmap_cli.io.clean_text import clean
from depmap_cli.results import Check, Estimate, Interval, OutOfDistribution, Report, WeightsInfo
from depmap_cli.stats.conformal import people_needed

SIMULATED = (
    "Trained on simulated faces: a figure for a real person demonstrates the pipeline "
    "and is not an assessment."
)
UNLIKE = (
    "The faces in this recording are unlike those that the weights were trained on. What was "
    "measured on faces like theirs need not hold for it."
)
SELECTED = "where weights were selected on this split, its figures are better than on new data."
BY_FOLDS = (
    "Everybody was scored by the network of the fold that tests them; heat maps are of that "
    "network too. There is no map of fused features: those of different networks have no axes "
    "in common."
)
EVIDENCE_NOTE = "Evidence 0-1 from image-text similarity, not FACS intensity."
UNRELIABLE_NOTE = "† read unreliably on unseen simulated people; do not interpret."
_SPARKS = "▁▂▃▄▅▆▇█"


def clock(time: float) -> str:
    """Seconds as ``minutes:seconds``, e.g. ``00:12.35``."""
    minutes, hundredths = divmod(round(max(time, 0.0) * 100), 6000)
    return f"{minutes:02d}:{hundredths / 100:05.2f}"


def percent(share: float) -> str:
    """A share as whole percent; small ones that are not nothing as ``<1 %``."""
    return "<1 %" if 0 < share < 0.005 else f"{share * 100:.0f} %"


def number(value: float) -> str:
    """Three significant digits, no exponent."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def joined(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def in_plain_words(codes: Sequence[str]) -> str:
    """Action-unit codes with what a lay reader sees: ``smile (AU12), cheeks up (AU6)``."""
    named = [f"{BY_CODE[code].plain} ({code})" if code in BY_CODE else code for code in codes]
    return ", ".join(named) or "none seen"


def interval_text(interval: Interval) -> str:
    """``8.1 to 27.9``."""
    return f"{interval.low:.1f} to {interval.high:.1f}"


def basis_text(interval: Interval) -> str:
    """Whose errors an interval rests on, and how these were got, if otherwise."""
    text = f"rests on the errors for {interval.n_people} people"
    return f"{text}, {interval.caution}" if interval.caution else text


def unseen_text(report: EvaluationReport) -> str:
    """How many of the evaluated people the weights do not know, in words."""
    whose = "training" if report.split == "Development" else "training or development"
    return f"{report.n_unseen} of them not in the {whose} data"


def about_data(report: EvaluationReport) -> list[str]:
    """What a reader has to know of the evaluated data, a sentence each."""
    said = []
    if known := report.origin.selected_people:
        said.append(
            f"on {known} of these people the weights were chosen, and intervals rest on them"
        )
    counts = {verdict.value: n for verdict, n in report.gate.items()}
    doubtful = counts.get("warn", 0), counts.get("refuse", 0)
    if any(doubtful):
        said.append(
            f"depmap score would warn of the quality of {doubtful[0]} of these clips, and refuse "
            f"{doubtful[1]}: they count here all the same"
        )
    return [*said, *(clean(note) for note in report.notes)]


def interval_name(interval: Interval) -> str:
    """``90 % interval``."""
    return f"{interval.level * 100:g} % interval"


def bands_text(estimate: Estimate) -> str:
    """The bands that the interval covers, in words."""
    bands = estimate.interval.bands
    return f"all four bands ({joined(bands)})" if len(bands) == 4 else joined(bands)


def familiarity_text(familiarity: OutOfDistribution) -> str:
    """How unlike the training faces a recording is, in words."""
    likeness = "unlike" if familiarity.unlike else "like"
    nearer = f"{percent(familiarity.share_nearer)} of {familiarity.n_reference} recordings"
    return f"{likeness} them: {nearer} of other people lie nearer"


def weighs_alike(report: Report) -> bool:
    """Whether no frame carried more of the estimate than another: without key-frame fusion."""
    weights = report.timeline.weight if report.timeline else []
    used = [weight for weight in weights if weight > 0]
    return len(used) > 1 and len(set(used)) == 1


def missing_intervals(intervals: Intervals | None) -> str:
    """Why an evaluation has no prediction intervals; empty where it has."""
    if intervals is None:
        return "the weights hold no calibration"
    if intervals.half_width is not None:
        return ""
    needed = people_needed(intervals.level)
    return f"a {percent(intervals.level)} interval does not exist below {needed} calibration people"


def threshold_text(check: Check) -> str:
    """The limits of a check: ``warn below 0.8, refuse below 0.3``."""
    unit = f" {check.unit}" if check.unit else ""
    text = f"warn {check.worse} {number(check.warn)}{unit}"
    if check.refuse is not None:
        text += f", refuse {check.worse} {number(check.refuse)}{unit}"
    return text


def training_text(weights: WeightsInfo) -> str:
    """What the weights were trained on, with the caution due where that was simulated."""
    stated = weights.training_data.rstrip(".")
    return f"{stated}. {SIMULATED}" if weights.simulated else f"{stated}."


def sparkline(values: Sequence[float | None], width: int) -> str:
    """Values between 0 and 1 as block characters; a dot where nothing is known."""
    binned = bin_means(values, width)
    return "".join(
        "·" if v is None else _SPARKS[min(int(max(v, 0.0) * len(_SPARKS)), len(_SPARKS) - 1)]
        for v in binned
    )


def bin_means(values: Sequence[float | None], most: int) -> list[float | None]:
    """``values`` averaged into at most ``most`` bins of like length; None where a bin is empty."""
    means: list[float | None] = []
    for start, end in bin_edges(len(values), most):
        known = [v for v in values[start:end] if v is not None]
        means.append(sum(known) / len(known) if known else None)
    return means


def bin_edges(n_values: int, most: int) -> list[tuple[int, int]]:
    """Half-open index ranges that cut ``n_values`` into at most ``most`` parts of like length."""
    n_bins = min(n_values, most)
    cuts = [i * n_values // n_bins for i in range(n_bins + 1)] if n_bins else []
    return list(zip(cuts, cuts[1:], strict=False))


def recording_text(report: Report) -> str:
    """Duration, picture size and rate, as far as the container tells them."""
    source = report.source
    parts = []
    if source.duration is not None:
        parts.append(f"{source.duration:.1f} s")
    if source.width and source.height:
        parts.append(f"{source.width} x {source.height} px")
    if source.fps:
        parts.append(f"{source.fps:.4g} frames/s")
    return ", ".join(parts)


def figure_text(figure: Metric, digits: int = 2) -> str:
    """A figure without its interval; a dash where it could not be computed."""
    return "–" if figure.value is None else _rounded(figure.value, digits)


def range_text(figure: Metric, digits: int = 2) -> str:
    """The confidence interval, ``8.31 to 11.20``; empty where there is none."""
    if figure.low is None or figure.high is None:
        return ""
    return f"{_rounded(figure.low, digits)} to {_rounded(figure.high, digits)}"


def _rounded(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}"  # adding 0 turns -0.0 into 0.0


def share_text(figure: Metric) -> str:
    """A share as whole percent; a dash where it could not be computed."""
    return "–" if figure.value is None else percent(figure.value)


def share_range_text(figure: Metric) -> str:
    """The confidence interval of a share, ``78 to 91 %``; empty where there is none."""
    if figure.low is None or figure.high is None:
        return ""
    return f"{figure.low * 100:.0f} to {figure.high * 100:.0f} %"
