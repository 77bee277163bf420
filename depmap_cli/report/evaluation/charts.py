"""The charts of an evaluation: predicted against true, Bland-Altman, calibration, error by band."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from depmap_cli.domain.bdi import BANDS, MAX_SCORE
from depmap_cli.evaluation.results import Errors, EvaluationReport, Figure, Group
from depmap_cli.report.charts.plots import (
    EQUALITY,
    MARKERS,
    Plot,
    finished,
    new_figure,
    plot_style,
    short,
)
from depmap_cli.report.charts.svg import ACCENT, INK, LEVEL_COLOURS, MUTED
from depmap_cli.report.text import missing_intervals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_BLUE = LEVEL_COLOURS[-1]
_COLOURS = (_BLUE, ACCENT, MUTED, INK)
_BAND_EDGES = [band.low for band in BANDS]
_AVEC_MAX = 45  # the highest score in AVEC; the rest of the scale would stay empty
_SQUARE, _OBLONG = (4.8, 5.0), (4.8, 4.2)  # inches
_MAX_LEGEND = 8  # tasks
_HALF_WIDTH = 22  # characters that two columns of a legend hold
_BAND_ERRORS = ("rmse", "mae", "bias")
_ERROR_NAMES = {"rmse": "RMSE", "mae": "MAE", "bias": "bias"}


def evaluation_charts(report: EvaluationReport) -> list[Plot]:
    """Draw every chart; coverage is left out if there are no prediction intervals."""
    charts = [predicted_against_true, bland_altman, calibration, error_by_band]
    if not missing_intervals(report.intervals):
        charts.append(coverage_by_band)
    return [draw(report) for draw in charts]


def predicted_against_true(report: EvaluationReport) -> Plot:
    """Each clip by score and estimate, a marker and a colour for each task: the paper's Fig. 3."""
    with plot_style("predicted"):
        figure = new_figure(*_SQUARE)
        axes = figure.add_subplot(xlabel="BDI-II score, points", ylabel="estimate, points")
        _use_score_scale(axes, report)
        tooltips = {}
        for number, task in enumerate(report.agreement.tasks):
            rows = [row for row in report.table if row.task == task.name]
            (marks,) = axes.plot(
                [row.score for row in rows],
                [row.estimate for row in rows],
                MARKERS[number % 4],
                color=_COLOURS[number % 4],
                alpha=0.75,
                label=f"{short(task.name) or 'clips'} (n = {len(rows)})",
            )
            tooltips[marks] = [
                f"{row.video}: score {row.score:g}, estimate {row.estimate:.1f}" for row in rows
            ]
        handles = list(tooltips)[:_MAX_LEGEND]
        longest = max(len(str(marks.get_label())) for marks in handles)
        columns = 2 if longest <= _HALF_WIDTH else 1
        figure.legend(handles=handles, loc="outside lower center", ncols=columns)
        return finished(
            figure,
            name="predicted",
            title="Estimates against scores",
            caption="Each mark is one clip. On the dashed line the estimate equals the score. "
            "Grid lines mark the edges of the severity bands.",
            tooltips=tooltips,
        )


def _use_score_scale(axes: "Axes", report: EvaluationReport) -> None:
    """Set both axes to the BDI-II scale, ruled at the edges of the bands; draw the diagonal."""
    end = _scale_end(report)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks([*_BAND_EDGES, end])
    axes.set(xlim=(0, end), ylim=(0, end), box_aspect=1)
    axes.plot([0, end], [0, end], **EQUALITY)


def _scale_end(report: EvaluationReport) -> int:
    """45, or 63 if a score or an estimate lies above 45."""
    highest = max(max(row.score, row.estimate) for row in report.table)
    return _AVEC_MAX if highest <= _AVEC_MAX else MAX_SCORE


def bland_altman(report: EvaluationReport) -> Plot:
    """Each session's error over the mean of score and estimate, with bias and limits."""
    limits = report.bland_altman
    sessions = _sessions(report)
    means, errors = [mean for mean, _, _ in sessions], [error for _, error, _ in sessions]
    with plot_style("bland_altman"):
        figure = new_figure(*_SQUARE)
        axes = figure.add_subplot(
            xlabel="mean of score and estimate, points", ylabel="estimate less score, points"
        )
        lines = {"bias": limits.bias, "upper limit": limits.upper, "lower limit": limits.lower}
        known = {name: line.value for name, line in lines.items() if line.value is not None}
        for name, value in known.items():
            axes.axhline(value, color=ACCENT, linestyle="-" if name == "bias" else "--")
            axes.annotate(
                f"{name}\n{value:+.1f}".replace("-", "−"),
                (1, value),
                xycoords=("axes fraction", "data"),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                color=ACCENT,
                fontsize=8.5,
            )
        reach = max(10.0, *map(abs, errors), *map(abs, known.values())) * 1.08
        axes.set(xlim=(0, _scale_end(report)), ylim=(-reach, reach))
        label = f"sessions (n = {len(sessions)})"
        (marks,) = axes.plot(means, errors, "o", color=_BLUE, alpha=0.75, clip_on=False)
        figure.legend([marks], [label], loc="outside lower center")
        return finished(
            figure,
            name="bland_altman",
            title="Bland-Altman plot",
            caption="Each point is one session (mean over its tasks). Solid: bias. Dashed: limits "
            "of agreement, 1.96 standard deviations from the bias.",
            tooltips={marks: [name for _, _, name in sessions]},
        )


def _sessions(report: EvaluationReport) -> list[tuple[float, float, str]]:
    """For each session: mean of score and estimate, error, and its name with both."""
    pairs_of: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in report.table:
        key = row.subject, row.session
        pairs_of.setdefault(key, []).append((row.score, row.estimate))
    points = []
    for (subject, session), pairs in pairs_of.items():
        score, estimate = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
        tip = f"{subject}, session {session}: score {score:g}, estimate {estimate:.1f}"
        points.append(((score + estimate) / 2, estimate - score, tip))
    return points


def calibration(report: EvaluationReport) -> Plot:
    """Mean score of clips with similar estimates, and the regression of scores on estimates."""
    fitted, bins = report.calibration, report.calibration.bins
    with plot_style("calibration"):
        figure = new_figure(*_SQUARE)
        axes = figure.add_subplot(
            xlabel="mean estimate, points", ylabel="mean BDI-II score, points"
        )
        _use_score_scale(axes, report)
        label = f"clips in {len(bins)} bins of similar estimates (n = {len(report.table)})"
        xs, means, sizes = [b.estimate for b in bins], [b.truth for b in bins], [b.n for b in bins]
        tooltips = _draw_intervals(axes, xs, means, sizes, _BLUE, "o", label)
        handles = list(tooltips)
        if fitted.slope.value is not None and fitted.intercept.value is not None:
            estimates = [row.estimate for row in report.table]
            ends = min(estimates), max(estimates)
            fit = [fitted.intercept.value + fitted.slope.value * x for x in ends]
            text = f"regression of scores on estimates, slope {fitted.slope.value:.2f}"
            handles += axes.plot(ends, fit, color=ACCENT, label=text.replace("-", "−"))
        figure.legend(handles=handles, loc="outside lower center")
        return finished(
            figure,
            name="calibration",
            title="Calibration",
            caption="Mean score of clips with similar estimates, with "
            f"{_confidence(report)} intervals. The solid line is the regression of scores on "
            "estimates; on the dashed line they are equal.",
            tooltips=tooltips,
        )


def _confidence(report: EvaluationReport) -> str:
    return f"{report.bootstrap.confidence * 100:g} %"


def _draw_intervals(
    axes: "Axes",
    xs: Sequence[float],
    metrics: Sequence[Figure],
    sizes: Sequence[int],
    colour: str,
    marker: str,
    label: str,
) -> dict["Line2D", list[str]]:
    """Draw the metrics that are known, of ``sizes`` clips, with intervals; return tooltips."""
    known_xs, values, tips = [], [], []
    for x, metric, n in zip(xs, metrics, sizes, strict=True):
        if metric.value is None:
            continue
        known_xs.append(x)
        values.append(metric.value)
        tips.append(_tip(metric.value, metric, n))
        if metric.low is not None and metric.high is not None:
            middle, reach = (metric.low + metric.high) / 2, (metric.high - metric.low) / 2
            axes.errorbar(x, middle, reach, color=colour, capsize=2.5, linewidth=1.2)
    (marks,) = axes.plot(known_xs, values, marker, color=colour, label=label, clip_on=False)
    return {marks: tips}


def _tip(value: float, metric: Figure, n: int) -> str:
    tip = f"{value:.1f}, {n} clips"
    if metric.low is not None and metric.high is not None:
        tip += f", interval {metric.low:.1f} to {metric.high:.1f}"
    return tip


def error_by_band(report: EvaluationReport) -> Plot:
    """RMSE, MAE and bias by the severity band of the score."""
    sizes = [group.errors.n for group in report.bands]
    with plot_style("error_by_band"):
        figure = new_figure(*_OBLONG)
        axes = figure.add_subplot(ylabel="error, points")
        axes.axhline(0, color=MUTED, linewidth=1)
        tooltips: dict[Line2D, list[str]] = {}
        for number, name in enumerate(_BAND_ERRORS):
            xs = [place + 0.22 * (number - 1) for place in range(len(BANDS))]
            metrics = [getattr(group.errors, name) for group in report.bands]
            look = (_BLUE, ACCENT, INK)[number], MARKERS[number], _ERROR_NAMES[name]
            tooltips |= _draw_intervals(axes, xs, metrics, sizes, *look)
        axes.set_ylim(min(axes.get_ylim()[0], 0), max(axes.get_ylim()[1], 10))
        _name_groups(axes, report.bands)
        figure.legend(handles=list(tooltips), loc="outside lower center", ncols=3)
        return finished(
            figure,
            name="error_by_band",
            title="Errors by severity band",
            caption="Errors by the severity band of the score, with "
            f"{_confidence(report)} intervals; n counts clips. A bias that falls from left to "
            "right is regression to the mean.",
            tooltips=tooltips,
        )


def coverage_by_band(report: EvaluationReport) -> Plot:
    """Share of scores inside their prediction interval, by severity band and over all clips."""
    assert report.intervals is not None
    groups = [*report.bands, Group(name="all", errors=report.errors)]
    nominal = report.intervals.level * 100
    with plot_style("coverage_by_band"):
        figure = new_figure(*_OBLONG)
        axes = figure.add_subplot(ylabel="coverage, % of clips", ylim=(0, 102))
        line = axes.axhline(
            nominal, **{**EQUALITY, "color": ACCENT}, label=f"nominal {nominal:g} %"
        )
        metrics = [_percent(group.errors) for group in groups]
        sizes = [group.errors.n for group in groups]
        tooltips = _draw_intervals(
            axes, range(len(groups)), metrics, sizes, _BLUE, "o", "covered by the interval"
        )
        _name_groups(axes, groups)
        figure.legend(handles=[*tooltips, line], loc="outside lower center", ncols=2)
        return finished(
            figure,
            name="coverage_by_band",
            title="Coverage by severity band",
            caption="Share of scores that lie inside their prediction interval, with "
            f"{_confidence(report)} intervals; n counts clips. Dashed: the nominal {nominal:g} %.",
            tooltips=tooltips,
        )


def _percent(errors: Errors) -> Figure:
    values = errors.coverage.model_dump()
    return Figure(**{k: None if v is None else v * 100 for k, v in values.items()})


def _name_groups(axes: "Axes", groups: Sequence[Group]) -> None:
    """Write each group's name, scores and number of clips below the plot."""
    scores = {band.name: f"{band.low}–{band.high}" for band in BANDS}
    labels = [f"{g.name}\n{scores.get(g.name, '')}\nn = {g.errors.n}" for g in groups]
    axes.set_xticks(range(len(groups)), labels)
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("severity band of the BDI-II score")
