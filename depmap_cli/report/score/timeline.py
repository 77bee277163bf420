"""The bins of a timeline as the chart draws them."""

from dataclasses import dataclass

from depmap_cli.domain.bdi import BANDS
from depmap_cli.report.text import clock, weight_text
from depmap_cli.results import Timeline


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Consecutive frames drawn as one; ``score`` and ``levels`` are None if none is usable."""

    start: float  # seconds
    end: float
    reason: str  # why no frame is usable; empty if one is
    weight: float  # sum over its frames
    score: float | None  # mean by weight
    low: float | None  # smallest score of a frame
    high: float | None  # largest
    levels: list[float] | None  # mean shares of the severity levels, by weight likewise
    tip: str


def bins_of(timeline: Timeline) -> list[Bin]:
    """The bins of the timeline, each with the text that is shown when it is pointed at."""
    return [_bin(timeline, i) for i in range(len(timeline.start))]


def _bin(timeline: Timeline, i: int) -> Bin:
    start, end, score = timeline.start[i], timeline.end[i], timeline.score[i]
    levels, weight, tip = timeline.levels[i], timeline.weight[i], ""
    if score is not None:
        tip = f"{clock((start + end) / 2)} · score {score:.1f} · weight {weight_text(weight)}"
        tip += _levels_tip(levels)
    reason = "" if score is not None else timeline.reason[i] or "not usable"
    return Bin(
        start=start,
        end=end,
        reason=reason,
        weight=weight,
        score=score,
        low=timeline.score_low[i],
        high=timeline.score_high[i],
        levels=levels,
        tip=tip,
    )


def _levels_tip(levels: list[float] | None) -> str:
    if levels is None:
        return ""
    closest = max(zip(levels, BANDS, strict=False), key=lambda pair: pair[0])[1]
    return f" · closest level: {closest.name}"
