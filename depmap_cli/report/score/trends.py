"""Small charts of one quantity over time: the mean as a line, smallest to largest as a band."""

from itertools import groupby

from depmap_cli.domain.head_and_gaze import ANGLES
from depmap_cli.report.charts import svg
from depmap_cli.report.charts.colours import LEVEL_COLOURS, LINE, MUTED
from depmap_cli.report.score.behaviour import SIDES
from depmap_cli.report.text import bin_edges
from depmap_cli.results import ActionUnitSummary, Timeline, Trace

_WIDTH, _HEIGHT, _MARGIN = 216, 46, 2
_SMALLEST_RANGE = 10.0
"""Degrees that the chart of an angle spans at least, so that noise does not look like movement."""

Point = tuple[float, float, float]
"""Mean, smallest and largest value."""


def unit_trend(unit: ActionUnitSummary, timeline: Timeline | None) -> str:
    """The probability of one action unit over the video, from 0 (bottom) to 1 (top), with gaps."""
    trace = timeline.trace(unit.code) if timeline else None
    name = f"{unit.code} {unit.plain}: mean {unit.mean:.2f}, peak {unit.peak:.2f}"
    return _trend(trace, name, 0.0, 1.0, reference=0.5)


def angle_trends(timeline: Timeline | None) -> list[tuple[str, str, str]]:
    """Name, range in words and chart of each angle of head and gaze that has a trace."""
    traces = [timeline.trace(name) for name in ANGLES] if timeline else []
    charts = []
    for trace in traces:
        known = [v for v in [*trace.low, *trace.high] if v is not None] if trace else []
        if trace is None or not known:
            continue
        low, high = _range(min(known), max(known))
        name, positive, negative = SIDES[trace.name]
        words = f"{low:.0f}° ({negative}) to {high:.0f}° ({positive})"
        charts.append((name, words, _trend(trace, f"{name}: {words}", low, high, reference=0.0)))
    return charts


def _range(low: float, high: float) -> tuple[float, float]:
    """The range of a chart in degrees; it contains 0."""
    low, high = min(low, 0.0), max(high, 0.0)
    missing = max(_SMALLEST_RANGE - (high - low), 0.0) / 2
    return low - missing, high + missing


def _trend(trace: Trace | None, label: str, low: float, high: float, reference: float) -> str:
    """The chart of ``trace`` from ``low`` to ``high``, with a dotted line at ``reference``."""

    def y(value: float) -> float:
        share = (min(max(value, low), high) - low) / (high - low)
        return _HEIGHT - _MARGIN - share * (_HEIGHT - 2 * _MARGIN)

    parts = [
        svg.line(0, y(reference), _WIDTH, y(reference), LINE, 1, "2 3"),
        svg.line(0, _HEIGHT - 0.5, _WIDTH, _HEIGHT - 0.5, MUTED, 1),
    ]
    points = _points(trace, _WIDTH) if trace else []
    step = _WIDTH / max(len(points), 1)
    placed = [((i + 0.5) * step, point) for i, point in enumerate(points)]
    for is_known, run in groupby(placed, key=lambda item: item[1] is not None):
        if is_known:
            curve = [
                (x, (y(point[0]), y(point[1]), y(point[2])))
                for x, point in run
                if point is not None
            ]
            parts.append(_curve(curve, step))
    return svg.drawing(_WIDTH, _HEIGHT, label, parts)


def _points(trace: Trace, most: int) -> list[Point | None]:
    """At most ``most`` points: means of the means, and the extremes, of neighbouring bins."""
    bins = list(zip(trace.mean, trace.low, trace.high, strict=True))
    points: list[Point | None] = []
    for start, end in bin_edges(len(bins), most):
        known = [
            (mean, low, high)
            for mean, low, high in bins[start:end]
            if mean is not None and low is not None and high is not None
        ]
        if not known:
            points.append(None)
            continue
        means, lows, highs = zip(*known, strict=True)
        points.append((sum(means) / len(means), min(lows), max(highs)))
    return points


def _curve(curve: list[tuple[float, Point]], step: float) -> str:
    """A band with a line in it; a single point becomes as wide as a bin."""
    if len(curve) == 1:
        x, point = curve[0]
        half = max(step / 2, 1.0)
        curve = [(x - half, point), (x + half, point)]
    line = " ".join(f"{x:.1f},{mean:.1f}" for x, (mean, _, _) in curve)
    top = " ".join(f"{x:.1f},{high:.1f}" for x, (_, _, high) in curve)
    bottom = " ".join(f"{x:.1f},{low:.1f}" for x, (_, low, _) in reversed(curve))
    return (
        f'<polygon points="{top} {bottom}" fill="{LEVEL_COLOURS[1]}"/>'
        f'<polyline points="{line}" fill="none" stroke="{LEVEL_COLOURS[-1]}" stroke-width="1.5"/>'
    )
