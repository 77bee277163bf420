"""The sampled frames in at most a few hundred bins, so that charts of long videos stay small."""

from dataclasses import dataclass

import numpy as np

from depmap_cli.domain.bdi import BANDS
from depmap_cli.report.text import bin_edges, clock, percent
from depmap_cli.results import Timeline

MAX_BINS = 400


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Consecutive frames drawn as one; ``score`` and ``levels`` are None if none is usable."""

    start: float  # seconds
    end: float
    reason: str  # why no frame is usable; empty if one is
    weight: float  # sum over its frames
    score: float | None  # mean by weight; plain mean if all weights are 0
    levels: list[float] | None  # mean shares of the severity levels, by weight likewise
    tip: str


def bins_of(timeline: Timeline, max_bins: int = MAX_BINS) -> list[Bin]:
    """Split the timeline into at most ``max_bins`` bins, each half-way to its neighbours."""
    times = timeline.time
    if not times:
        return []
    middles = [(a + b) / 2 for a, b in zip(times, times[1:], strict=False)]
    half = (times[-1] - times[0]) / max(len(times) - 1, 1) / 2 or 0.5
    borders = [max(times[0] - half, 0.0), *middles, times[-1] + half]
    return [
        _bin(timeline, first, last, borders[first], borders[last])
        for first, last in bin_edges(len(times), max_bins)
    ]


def _bin(timeline: Timeline, first: int, last: int, start: float, end: float) -> Bin:
    usable = [i for i in range(first, last) if timeline.score[i] is not None]
    if not usable:
        reason = timeline.reason[first] or "not usable"
        return Bin(start=start, end=end, reason=reason, weight=0.0, score=None, levels=None, tip="")
    weights = np.array([timeline.weight[i] for i in usable])
    total = float(weights.sum())
    shares = weights / total if total > 0 else np.full(len(usable), 1 / len(usable))
    score = float(shares @ np.array([timeline.score[i] for i in usable], float))
    levels = _mean_levels(timeline, usable, shares)
    tip = f"{clock((start + end) / 2)} · score {score:.1f} · weight {percent(total)}"
    return Bin(
        start=start,
        end=end,
        reason="",
        weight=total,
        score=score,
        levels=levels,
        tip=tip + _levels_tip(levels),
    )


def _mean_levels(timeline: Timeline, usable: list[int], shares: np.ndarray) -> list[float] | None:
    rows = [timeline.levels[i] for i in usable]
    if any(row is None for row in rows):
        return None
    return [float(v) for v in shares @ np.array(rows, float)]


def _levels_tip(levels: list[float] | None) -> str:
    if levels is None:
        return ""
    named = zip(BANDS, levels, strict=False)
    return " · " + ", ".join(f"{band.name} {percent(share)}" for band, share in named)
