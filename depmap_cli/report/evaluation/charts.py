"""The charts of an evaluation: predicted against true, Bland-Altman, calibration, error by band."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from depmap_cli.domain.bdi import BANDS, MAX_SCORE
from depmap_cli.evaluation.results import EvaluationReport, Group, Metric
from depmap_cli.report.charts.colours import ACCENT, INK, LEVEL_COLOURS, MUTED
from depmap_cli.report.charts.plots import MARKERS, Plot, Tooltips, legend_label, plot
from depmap_cli.report.text import metric_text, missing_intervals, range_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE = LEVEL_COLOURS[-1]
_COLOURS = (_BLUE, ACCENT, MUTED, INK)
_BAND_EDGES = [band.low for band in BANDS]
_AVEC_MAX = 45  # the highest score in AVEC; the rest of the scale would stay empty
_MAX_LEGEND = 8  # tasks
_SQUARE, _OBLONG = (4.8, 5.0), (4.8, 4.2)  # inches


def evaluation_charts(report: EvaluationReport) -> list[Plot]:
    """Draw every chart; coverage is left out if there are no prediction intervals."""
    charts = [predicted_against_true, bland_altman, calibration, error_by_band]
    if not missing_intervals(report.intervals):
        charts.append(coverage_by_band)
    return [draw(report) for draw in charts]


def predicted_against_true(report: EvaluationReport) -> Plot:
    """Each clip by score and estimate, a marker and a colour for each task: the paper's Fig. 3."""

    def draw(figure: "Figure") -> Tooltips:
        axes = figure.add_subplot(xlabel="BDI-II score, points", ylabel="estimate, points")
        _use_score_scale(axes, report)
        tooltips: Tooltips = {}
        for i, task in enumerate(report.agreement.tasks):
            rows = [row for row in report.table if row.task == task.name]
            points = [row.score for row in rows], [row.estimate for row in rows]
            label = f"{legend_label(task.name) or 'clips'} (n = {len(rows)})"
            (marks,) = axes.plot(*points, MARKERS[i % 4], color=_COLOURS[i % 4], alpha=0.75)
            marks.set(clip_on=False, label=label if i < _MAX_LEGEND else None)
            tooltips[marks] = [_scores(row.video, row.score, row.estimate) for row in rows]
        return tooltips

    return plot(
        draw,
        name="predicted",
        title="Estimates against scores",
        caption="Each mark is one clip. On the dashed line the estimate equals the score. Grid "
        "lines mark the edges of the severity bands.",
        size=_SQUARE,
    )


def _scores(name: str, score: float, estimate: float) -> str:
    return f"{name}: score {score:g}, estimate {estimate:.1f}"


def _use_score_scale(axes: "Axes", report: EvaluationReport) -> None:
    """Set both axes to the BDI-II scale, ruled at the edges of the bands; draw the diagonal."""
    end = _scale_end(report)
    ticks = [*_BAND_EDGES, end]
    axes.set(xlim=(0, end), ylim=(0, end), xticks=ticks, yticks=ticks, box_aspect=1)
    axes.plot([0, end], [0, end], "--", color=MUTED, linewidth=1)


def _scale_end(report: EvaluationReport) -> int:
    """45, or 63 if a score or an estimate lies above 45."""
    highest = max(max(row.score, row.estimate) for row in report.table)
    return _AVEC_MAX if highest <= _AVEC_MAX else MAX_SCORE


def bland_altman(report: EvaluationReport) -> Plot:
    """Each session's error over the mean of score and estimate, with bias and limits."""
    pairs: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in report.table:
        pairs.setdefault((row.subject, row.session), []).append((row.score, row.estimate))
    scores, estimates = np.array([np.mean(clips, axis=0) for clips in pairs.values()]).T
    limits = {f"{name} limit": getattr(report.bland_altman, name) for name in ("upper", "lower")}
    lines = {"bias": report.bland_altman.bias, **limits}
    known = {name: line.value for name, line in lines.items() if line.value is not None}

    def draw(figure: "Figure") -> Tooltips:
        axes = figure.add_subplot(
            xlabel="mean of score and estimate, points", ylabel="estimate minus score, points"
        )
        for name, value in known.items():
            axes.axhline(value, color=ACCENT, linestyle="-" if name == "bias" else "--")
            words = f" {name}\n {value:+.1f}".replace("-", "−")
            at_right = axes.get_yaxis_transform()
            axes.text(1, value, words, va="center", color=ACCENT, transform=at_right)
        errors, label = estimates - scores, f"sessions (n = {len(pairs)})"
        reach = max(10.0, *np.abs(errors), *map(abs, known.values())) * 1.08
        axes.set(xlim=(0, _scale_end(report)), ylim=(-reach, reach))
        means = (scores + estimates) / 2
        (marks,) = axes.plot(means, errors, "o", color=_BLUE, alpha=0.75, label=label)
        names = [f"{subject}, session {session}" for subject, session in pairs]
        return {marks: list(map(_scores, names, scores.tolist(), estimates.tolist()))}

    return plot(
        draw,
        name="bland_altman",
        title="Bland-Altman plot",
        caption="Each point is one session (mean over its tasks). Solid: bias. Dashed: limits of "
        "agreement, 1.96 standard deviations from the bias.",
        size=_SQUARE,
    )


def calibration(report: EvaluationReport) -> Plot:
    """Mean score of clips with similar estimates, and the regression of scores on estimates."""
    bins = report.calibration.bins
    slope, intercept = report.calibration.slope.value, report.calibration.intercept.value

    def draw(figure: "Figure") -> Tooltips:
        axes = figure.add_subplot(xlabel="mean estimate, points", ylabel="mean score, points")
        _use_score_scale(axes, report)
        if slope is not None and intercept is not None:
            ends = np.array([f(row.estimate for row in report.table) for f in (min, max)])
            label = f"regression of scores on estimates, slope {slope:.2f}".replace("-", "−")
            axes.plot(ends, intercept + slope * ends, color=ACCENT, label=label)
        label = f"clips in {len(bins)} bins of similar estimates (n = {len(report.table)})"
        means = [(b.estimate, b.truth, b.n) for b in bins]
        return _draw_metrics(axes, means, "o", _BLUE, label)

    return plot(
        draw,
        name="calibration",
        title="Calibration",
        caption=f"Mean score of clips with similar estimates, with {_confidence(report)} "
        "intervals. The solid line is the regression of scores on estimates; on the dashed line "
        "they are equal.",
        size=_SQUARE,
    )


def _confidence(report: EvaluationReport) -> str:
    return f"{report.bootstrap.confidence * 100:g} %"


def _draw_metrics(
    axes: "Axes",
    points: Sequence[tuple[float, Metric, int]],
    marker: str,
    colour: str,
    label: str,
) -> Tooltips:
    """Draw the metrics that are known with their intervals.

    Args:
        points: position on the x axis, metric, number of clips.
    """
    known = [point for point in points if point[1].value is not None]
    xs = [x for x, _, _ in known]
    columns = np.array([(m.value, m.low, m.high) for _, m, _ in known], float).reshape(-1, 3).T
    values, low, high = columns  # NaN where there is no interval; it need not hold the value
    bars = (low + high) / 2, (high - low) / 2
    axes.errorbar(xs, *bars, fmt="none", ecolor=colour, capsize=2.5, elinewidth=1.2)
    (marks,) = axes.plot(xs, values, marker, color=colour, label=label, clip_on=False)
    tips = [f"{metric_text(m, 1)} ({range_text(m, 1)}), {n} clips" for _, m, n in known]
    return {marks: [tip.replace(" ()", "") for tip in tips]}


def error_by_band(report: EvaluationReport) -> Plot:
    """RMSE, MAE and bias by the severity band of the score."""

    def draw(figure: "Figure") -> Tooltips:
        axes = figure.add_subplot(ylabel="error, points")
        axes.axhline(0, color=MUTED, linewidth=1)
        tooltips: Tooltips = {}
        for i, name in enumerate(("RMSE", "MAE", "bias")):
            points = [
                (position + 0.22 * (i - 1), getattr(group.errors, name.lower()), group.errors.n)
                for position, group in enumerate(report.bands)
            ]
            colour = (_BLUE, ACCENT, INK)[i]
            tooltips |= _draw_metrics(axes, points, MARKERS[i], colour, name)
        axes.set_ylim(min(axes.get_ylim()[0], 0), max(axes.get_ylim()[1], 10))
        _name_groups(axes, report.bands)
        return tooltips

    return plot(
        draw,
        name="error_by_band",
        title="Errors by severity band",
        caption=f"Errors by the severity band of the score, with {_confidence(report)} intervals; "
        "n counts clips. A bias that falls from left to right is regression to the mean.",
        size=_OBLONG,
    )


def coverage_by_band(report: EvaluationReport) -> Plot:
    """Share of scores inside their prediction interval, by severity band and over all clips."""
    assert report.intervals is not None
    nominal = report.intervals.level * 100
    groups = [*report.bands, Group(name="all", errors=report.errors)]

    def draw(figure: "Figure") -> Tooltips:
        axes = figure.add_subplot(ylabel="coverage, % of clips", ylim=(0, 102))
        axes.axhline(nominal, linestyle="--", color=ACCENT, label=f"nominal {nominal:g} %")
        points = [(i, _percent(g.errors.coverage), g.errors.n) for i, g in enumerate(groups)]
        _name_groups(axes, groups)
        return _draw_metrics(axes, points, "o", _BLUE, "covered by the interval")

    return plot(
        draw,
        name="coverage_by_band",
        title="Coverage by severity band",
        caption="Share of scores that lie inside their prediction interval, with "
        f"{_confidence(report)} intervals; n counts clips. Dashed: the nominal {nominal:g} %.",
        size=_OBLONG,
    )


def _percent(share: Metric) -> Metric:
    return Metric(**{k: None if v is None else v * 100 for k, v in share.model_dump().items()})


def _name_groups(axes: "Axes", groups: Sequence[Group]) -> None:
    """Write each group's name, scores and number of clips below the plot."""
    scores = {band.name: f"{band.low}–{band.high}" for band in BANDS}
    labels = [f"{g.name}\n{scores.get(g.name, '')}\nn = {g.errors.n}" for g in groups]
    axes.set_xticks(range(len(groups)), labels)
    axes.set(xlim=(-0.6, len(groups) - 0.4), xlabel="severity band of the BDI-II score")
    axes.grid(visible=False, axis="x")
