"""The charts of an evaluation, as inline SVG: what a reviewer looks for beside the figures."""

from collections.abc import Callable

from depmap_cli.domain.bdi import BANDS, MAX_SCORE
from depmap_cli.evaluation.results import Errors, EvaluationReport, Figure, Group
from depmap_cli.report.charts import svg
from depmap_cli.report.charts.axes import Axes, ticks
from depmap_cli.report.charts.svg import ACCENT, INK, LEVEL_COLOURS, MUTED, SHAPES
from depmap_cli.report.text import missing_intervals

_BLUE = LEVEL_COLOURS[-1]
_COLOURS = (_BLUE, ACCENT, MUTED, INK)
_EDGES = [float(band.low) for band in BANDS]
_AVEC_REACH = 45.0  # the highest score in AVEC; the rest of the scale would stand empty
_BAND_HEIGHT = 230.0


CHART_WORDS = {
    "predicted": "estimates against scores, clip by clip",
    "bland_altman": "Bland-Altman plot of recordings",
    "calibration": "mean score of clips with like estimates",
    "error_by_band": "RMSE, MAE and bias by severity band",
    "coverage_by_band": "share of scores inside their interval, by severity band",
}
"""What each chart shows, for lists."""


def evaluation_charts(report: EvaluationReport) -> dict[str, str]:
    """Name -> SVG. Coverage is left out where there are no intervals."""
    charts: dict[str, Callable[[EvaluationReport], str]] = {
        "predicted": predicted_against_true,
        "bland_altman": bland_altman,
        "calibration": calibration,
        "error_by_band": error_by_band,
    }
    if not missing_intervals(report.intervals):
        charts["coverage_by_band"] = coverage_by_band
    return {name: draw(report) for name, draw in charts.items()}


def predicted_against_true(report: EvaluationReport) -> str:
    """Each clip by score and estimate, a shape and a colour a task: the paper's Figure 3."""
    axes, parts = _square(report)
    parts += axes.named("BDI-II score", "estimate")
    tasks = [task.name for task in report.agreement.tasks]
    for row in report.table:
        look = tasks.index(row.task)
        tip = f"{row.video}: score {row.score:g}, estimate {row.estimate:.1f}"
        point = (row.score, row.estimate)
        parts.append(axes.mark(SHAPES[look % 4], point, 3.4, _COLOURS[look % 4], tip))
    key = [(SHAPES[i % 4], _COLOURS[i % 4], task or "clips") for i, task in enumerate(tasks)]
    return axes.drawn("Estimates against scores, clip by clip", parts, key)


def _square(report: EvaluationReport) -> tuple[Axes, list[str]]:
    """The scale on both axes, ruled at the edges of the bands, with the line of equality."""
    end = _reach(report)
    axes = Axes(x=(0.0, end), y=(0.0, end))
    edges = [*_EDGES, end]
    return axes, [*axes.ruled(edges, edges), axes.line((0, 0), (end, end), MUTED, "4 3")]


def _reach(report: EvaluationReport) -> float:
    """Where the scale ends: 45, or 63 where a score or an estimate lies above."""
    highest = max(max(row.score, row.estimate) for row in report.table)
    return _AVEC_REACH if highest <= _AVEC_REACH else float(MAX_SCORE)


def bland_altman(report: EvaluationReport) -> str:
    """Each recording's error over the mean of score and estimate, with bias and limits."""
    found = report.bland_altman
    points = _recordings(report)
    lines = [(found.bias, ""), (found.lower, "5 4"), (found.upper, "5 4")]
    reach = [abs(error) for _, error, _ in points]
    reach += [abs(f.value) for f, _ in lines if f.value is not None]
    most = max(10.0, *reach) * 1.08
    axes = Axes(x=(0.0, _reach(report)), y=(-most, most))
    parts = axes.ruled(ticks(*axes.x), ticks(*axes.y))
    parts += axes.named("mean of score and estimate", "estimate less score, points")
    for figure, dashes in lines:
        if figure.value is not None:
            ends = (0.0, figure.value), (axes.x[1], figure.value)
            parts.append(axes.line(*ends, ACCENT, dashes))
            y = axes.down(figure.value) - 4
            right = axes.across(axes.x[1])
            parts.append(svg.text(right, y, f"{figure.value:+.1f}", ACCENT, "end"))
    parts += [axes.mark("circle", (mean, error), 3.4, _BLUE, tip) for mean, error, tip in points]
    return axes.drawn("Bland-Altman plot of recordings", parts, [])


def _recordings(report: EvaluationReport) -> list[tuple[float, float, str]]:
    """Mean of score and estimate, error, and name of each recording."""
    sessions: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in report.table:
        key = row.subject, row.session
        sessions.setdefault(key, []).append((row.score, row.estimate))
    points = []
    for (subject, session), pairs in sessions.items():
        score, estimate = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
        tip = f"{subject}, session {session}: score {score:g}, estimate {estimate:.1f}"
        points.append(((score + estimate) / 2, estimate - score, tip))
    return points


def calibration(report: EvaluationReport) -> str:
    """Mean score of clips with like estimates, and the line of scores on estimates."""
    found = report.calibration
    axes, parts = _square(report)
    parts += axes.named("mean estimate", "mean BDI-II score")
    slope, intercept = found.slope.value, found.intercept.value
    if slope is not None and intercept is not None:
        estimates = [row.estimate for row in report.table]
        ends = _within(axes.y, slope, intercept, (min(estimates), max(estimates)))
        start, end = ((x, intercept + slope * x) for x in ends)
        parts.append(axes.line(start, end, ACCENT))
    for group in found.bins:
        parts.append(_with_whisker(axes, "circle", group.estimate, group.truth, _BLUE, group.n))
    return axes.drawn("Calibration curve", parts, [])


def _within(
    limits: tuple[float, float], slope: float, intercept: float, ends: tuple[float, float]
) -> tuple[float, float]:
    """From ``ends``, the part over which a line stays within the limits of the plot."""
    if abs(slope) < 1e-9:
        return ends
    low, high = sorted((limit - intercept) / slope for limit in limits)
    first, last = max(ends[0], low), min(ends[1], high)
    return (first, last) if first < last else ends


def error_by_band(report: EvaluationReport) -> str:
    """RMSE, MAE and bias by the severity band of the score."""
    looks = (("rmse", "circle", _BLUE), ("mae", "square", ACCENT), ("bias", "diamond", INK))
    figures = [getattr(g.errors, name) for g in report.bands for name, _, _ in looks]
    ends = [v for f in figures for v in (f.value, f.low, f.high) if v is not None]
    low, high = min(0.0, *ends), max(10.0, *ends)
    axes = _band_axes((low * 1.08, high * 1.08))
    parts = [*axes.ruled([], ticks(*axes.y)), *_band_names(axes, report.bands)]
    parts += axes.named("", "error, points")
    parts.append(axes.line((0, 0), (len(BANDS), 0), MUTED))
    for place, group in enumerate(report.bands):
        for i, (name, shape, colour) in enumerate(looks):
            x = place + 0.28 + 0.22 * i
            figure = getattr(group.errors, name)
            parts.append(_with_whisker(axes, shape, x, figure, colour, group.errors.n))
    key = [(shape, colour, word) for (_, shape, colour), word in zip(looks, _WORDS, strict=True)]
    return axes.drawn("Errors by severity band", parts, key)


_WORDS = ("RMSE", "MAE", "bias")


def coverage_by_band(report: EvaluationReport) -> str:
    """Share of scores inside their interval, by severity band and over all; dashed: nominal."""
    everybody = Group(name="all", errors=report.errors)
    groups = [*report.bands, everybody]
    axes = Axes(x=(0, len(groups)), y=(0, 100), height=_BAND_HEIGHT)
    parts = [*axes.ruled([], ticks(0, 100, 5)), *_band_names(axes, groups)]
    parts += axes.named("", "coverage, %")
    if report.intervals:
        nominal = report.intervals.level * 100
        parts.append(axes.line((0, nominal), (len(groups), nominal), ACCENT, "5 4"))
    for place, group in enumerate(groups):
        figure = _percent(group.errors)
        parts.append(_with_whisker(axes, "circle", place + 0.5, figure, _BLUE, group.errors.n))
    return axes.drawn("Coverage of the prediction intervals by severity band", parts, [])


def _percent(errors: Errors) -> Figure:
    values = errors.coverage.model_dump()
    return Figure(**{k: None if v is None else v * 100 for k, v in values.items()})


def _band_axes(y: tuple[float, float]) -> Axes:
    return Axes(x=(0, len(BANDS)), y=y, height=_BAND_HEIGHT)


def _band_names(axes: Axes, groups: list[Group]) -> list[str]:
    """The name of each group and its number of clips below the plot."""
    foot = axes.down(axes.y[0])
    parts = []
    for place, group in enumerate(groups):
        x = axes.across(place + 0.5)
        parts.append(svg.text(x, foot + 15, group.name, INK, "middle"))
        parts.append(svg.text(x, foot + 30, f"n = {group.errors.n}", MUTED, "middle"))
    return parts


def _with_whisker(axes: Axes, shape: str, x: float, figure: Figure, colour: str, n: int) -> str:
    """A figure with its confidence interval; nothing where it could not be computed."""
    if figure.value is None:
        return ""
    tip = f"{figure.value:.1f}, {n} clips"
    whisker = ""
    if figure.low is not None and figure.high is not None:
        whisker = axes.whisker(x, figure.low, figure.high, colour)
        tip += f", interval {figure.low:.1f} to {figure.high:.1f}"
    return whisker + axes.mark(shape, (x, figure.value), 4.2, colour, tip)
