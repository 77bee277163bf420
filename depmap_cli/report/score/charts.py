"""The charts of the page as inline SVG: pure functions from results to strings, without scripts.

Severity runs from light to dark in one hue, so readers with colour blindness and grey printers keep
the order; colour is never the only cue. Pointing at a mark shows its numbers (``<title>``).
"""

# Drawn by hand: matplotlib takes 0.9 s instead of 2 ms, and three times the bytes (LOG L58).

from collections.abc import Iterable
from itertools import groupby
from math import pi, sqrt

from depmap_cli.domain.bdi import BANDS, MAX_SCORE
from depmap_cli.report.charts import svg
from depmap_cli.report.charts.colours import ACCENT, INK, LEVEL_COLOURS, LINE, MUTED
from depmap_cli.report.charts.svg import Number
from depmap_cli.report.score.timeline import Bin
from depmap_cli.report.text import clock, interval_text
from depmap_cli.results import Estimate

_LEVEL_INKS = ("#24323f", "#24323f", "#ffffff", "#ffffff")
_WIDTH = 752
_LEFT, _RIGHT = 44, 10
_PLOT = _WIDTH - _LEFT - _RIGHT
_TOP, _SCORE_HEIGHT, _GAP, _LEVEL_HEIGHT = 8, 150, 14, 44
_MIN_RADIUS, _MAX_RADIUS = 1.5, 9.0
"""Radii, in pixels, of the dots of bins without weight and of the bin with the highest weight."""
_DOT_SHARE = 0.15
"""Share of the panel that the dots cover at most: with many bins of like weight, dots are small."""


def gauge(estimate: Estimate) -> str:
    """The score and its interval over the four BDI-II bands, with the training mean below."""
    low, high = _gauge_x(estimate.interval.low), _gauge_x(estimate.interval.high)
    x, mean = _gauge_x(estimate.score), _gauge_x(estimate.training_mean)
    label = f"Score {estimate.score:.1f} of 63; interval {interval_text(estimate.interval)}"
    parts = [
        _gauge_bands(),
        svg.line(low, 34, high, 34, ACCENT, 3),
        *(svg.line(end, 27, end, 41, ACCENT, 3) for end in (low, high)),
        f'<circle cx="{x:.1f}" cy="34" r="7" fill="{ACCENT}" stroke="#fff" stroke-width="2"/>',
        svg.text(
            _inside(x, 20),
            17,
            f"{estimate.score:.1f}",
            ACCENT,
            "middle",
            "font-weight:600;font-size:16px",
        ),
        svg.text(
            _inside(mean, 62),
            116,
            f"training mean {estimate.training_mean:.1f}",
            MUTED,
            "middle",
        ),
        svg.line(mean, 80, mean, 104, INK, 1.5, "3 2"),
    ]
    return svg.drawing(_WIDTH, 122, label, parts)


def _gauge_x(score: Number) -> float:
    return 1 + score / MAX_SCORE * (_WIDTH - 2)


def _inside(x: float, half: float) -> float:
    """The ``x`` nearest to the given one at which a label of width ``2 * half`` is not cut off."""
    return min(max(x, half), _WIDTH - half)


def _gauge_bands() -> str:
    """Four bars with their names, and the scores at their edges."""
    parts = []
    ends = [*(band.low for band in BANDS[1:]), MAX_SCORE]
    for i, (band, end) in enumerate(zip(BANDS, ends, strict=True)):
        left, right = _gauge_x(band.low), _gauge_x(end)
        tip = f"BDI-II {band.name}: {band.low}-{band.high}"
        parts.append(svg.rect(left, 50, right - left, 30, LEVEL_COLOURS[i], tip))
        parts.append(svg.text((left + right) / 2, 69, band.name, _LEVEL_INKS[i], "middle"))
        edge = "start" if i == 0 else "middle"
        parts.append(svg.text(left, 96, str(band.low), MUTED, edge))
    parts.append(svg.text(_gauge_x(MAX_SCORE), 96, str(MAX_SCORE), MUTED, "end"))
    return "".join(parts)


def timeline(bins: list[Bin], estimate: Estimate | None) -> str:
    """Frame scores over time, as dots sized by weight; below, the shares of the severity levels.

    Bars behind the dots reach from the smallest to the largest score of a bin. Periods without a
    usable face are hatched over the full height.
    """
    if not bins:
        return ""
    start, end = bins[0].start, max(bins[-1].end, bins[0].start + 1e-6)

    def x(time: Number) -> float:
        return _LEFT + (time - start) / (end - start) * _PLOT

    with_levels = any(b.levels for b in bins)
    height = _SCORE_HEIGHT + (_GAP + _LEVEL_HEIGHT if with_levels else 0)
    bottom = _TOP + height
    parts = [_HATCH]
    parts += [_score_range(b, x(b.start), x(b.end)) for b in bins if b.score is not None]
    parts += [_score_axis(with_levels), *_gaps(bins, end - start, start, height)]
    if estimate:
        y = _score_y(estimate.score)
        parts.append(svg.line(_LEFT, y, _WIDTH - _RIGHT, y, ACCENT, 1, "5 4"))
    weights = [b.weight for b in bins]
    max_weight, largest = max(weights) or 1.0, _largest_radius(weights)
    parts += [_level_bars(b, x(b.start), x(b.end)) for b in bins if b.levels]
    by_weight = sorted((b for b in bins if b.score is not None), key=lambda b: -b.weight)
    parts += [_dot(b, x((b.start + b.end) / 2), b.weight / max_weight, largest) for b in by_weight]
    parts.append(_time_axis(start, end, bottom))
    return svg.drawing(
        _WIDTH, bottom + 34, "Scores, weights and level shares of the frames over time", parts
    )


_HATCH = (
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="6" height="6" fill="#f1f3f5"/>'
    '<line x1="0" y1="0" x2="0" y2="6" stroke="#b9c2ca" stroke-width="2"/></pattern></defs>'
)


def _score_y(score: Number) -> float:
    return _TOP + (1 - min(max(score / MAX_SCORE, 0.0), 1.0)) * _SCORE_HEIGHT


def _score_axis(with_levels: bool) -> str:
    """Gridlines at the band edges, and the label of the panel below if there is one."""
    parts = []
    for score in (*(band.low for band in BANDS), MAX_SCORE):
        y = _score_y(score)
        parts.append(svg.line(_LEFT, y, _WIDTH - _RIGHT, y, LINE, 1))
        parts.append(svg.text(_LEFT - 6, y + 4, str(score), MUTED, "end"))
    middle = _TOP + _SCORE_HEIGHT + _GAP + _LEVEL_HEIGHT / 2
    if with_levels:
        parts.append(svg.text(_LEFT - 6, middle + 4, "levels", MUTED, "end"))
    return "".join(parts)


def _gaps(bins: list[Bin], span: float, start: float, height: Number) -> Iterable[str]:
    """One hatched rectangle for each sequence of bins with the same reason."""
    for reason, run in groupby(bins, key=lambda b: b.reason if b.score is None else ""):
        members = list(run)
        if not reason:
            continue
        first, last = members[0].start, members[-1].end
        left = _LEFT + (first - start) / span * _PLOT
        tip = f"{clock(first)} to {clock(last)}: {reason}"
        yield svg.rect(left, _TOP, (last - first) / span * _PLOT, height, "url(#hatch)", tip)


def _level_bars(b: Bin, left: float, right: float) -> str:
    """The level shares of one bin as a stacked bar, with ``minimal`` at the bottom."""
    parts, base = [], float(_TOP + _SCORE_HEIGHT + _GAP + _LEVEL_HEIGHT)
    for share, colour in zip(b.levels or [], LEVEL_COLOURS, strict=False):
        height = share * _LEVEL_HEIGHT
        base -= height
        parts.append(svg.rect(left, base, right - left + 0.3, height, colour))
    return f"<g>{''.join(parts)}{svg.title(b.tip)}</g>"


def _score_range(b: Bin, left: float, right: float) -> str:
    """A bar from the smallest to the largest frame score of a bin; "" if they are the same."""
    if b.low is None or b.high is None or b.high <= b.low:
        return ""
    top, bottom = _score_y(b.high), _score_y(b.low)
    return svg.rect(left, top, right - left + 0.3, bottom - top, LEVEL_COLOURS[0])


def _largest_radius(weights: list[float]) -> float:
    """The radius of the largest dot, in pixels, if areas are in proportion to the weights."""
    total = sum(weights)
    if total <= 0:
        return _MIN_RADIUS
    area = _DOT_SHARE * _PLOT * _SCORE_HEIGHT * max(weights) / total
    return min(max(sqrt(area / pi), _MIN_RADIUS), _MAX_RADIUS)


def _dot(b: Bin, x: float, strength: float, largest: float) -> str:
    """The dot of a bin; ``strength`` is its share of the highest weight."""
    radius = _MIN_RADIUS + (largest - _MIN_RADIUS) * strength**0.5
    return (
        f'<circle cx="{x:.1f}" cy="{_score_y(b.score or 0):.1f}" r="{radius:.1f}" '
        f'fill="{LEVEL_COLOURS[-1]}" fill-opacity="{0.35 + 0.45 * strength:.2f}" '
        f'stroke="#fff" stroke-width="0.75">{svg.title(b.tip)}</circle>'
    )


def _time_axis(start: float, end: float, y: Number) -> str:
    steps = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
    step = next((s for s in steps if (end - start) / s <= 10), 7200)
    parts = []
    for i in range(int(start / step) + (start % step > 0), int(end / step) + 1):
        x = _LEFT + (i * step - start) / (end - start) * _PLOT
        whole = f"{int(i * step // 60)}:{i * step % 60:02.0f}"
        label = whole if step >= 1 else f"{i * step:.1f}"
        anchor = "end" if x > _WIDTH - _RIGHT - 12 else "start" if x < _LEFT + 12 else "middle"
        parts.append(svg.line(x, y + 2, x, y + 7, MUTED, 1))
        parts.append(svg.text(x, y + 20, label, MUTED, anchor))
    unit = "min:s" if step >= 1 else "s"
    return "".join([*parts, svg.text(_LEFT - 6, y + 20, unit, MUTED, "end")])
