"""The sampled frames of a video in bins, for the charts and for ``score.json``."""

from collections import Counter

import numpy as np

from depmap_cli.behaviour.traces import MAX_BINS, FrameBins, bin_traces
from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.domain.bdi import MAX_SCORE
from depmap_cli.domain.head_and_gaze import ANGLES
from depmap_cli.results import FrameRow, Timeline, Trace

_WEIGHT_DIGITS = 8


def timeline_of(rows: list[FrameRow], n_bins: int = MAX_BINS) -> Timeline:
    """Summarise all sampled frames in at most ``n_bins`` bins."""
    bins = FrameBins.of(np.array([row.time for row in rows], float), n_bins)
    members = [rows[frames] for frames in bins]
    usable = [[row for row in bin_rows if row.score is not None] for bin_rows in members]
    return Timeline(
        n_frames=len(rows),
        start=_seconds(bins.borders[:-1]),
        end=_seconds(bins.borders[1:]),
        frames=[len(bin_rows) for bin_rows in members],
        usable=[len(bin_rows) for bin_rows in usable],
        reason=[
            "" if read else _commonest_reason(bin_rows)
            for bin_rows, read in zip(members, usable, strict=True)
        ],
        weight=[round(sum(row.weight for row in read), _WEIGHT_DIGITS) for read in usable],
        score=[_mean_score(read) for read in usable],
        score_low=[min(_scores(read)) if read else None for read in usable],
        score_high=[max(_scores(read)) if read else None for read in usable],
        levels=[_mean_levels(read) for read in usable],
        traces=_traces(bins, rows),
    )


def _seconds(times: np.ndarray) -> list[float]:
    return [round(float(time), 3) for time in times]


def _commonest_reason(rows: list[FrameRow]) -> str:
    """Return the reason of most frames; of several, the first in time."""
    ((reason, _),) = Counter(row.reason for row in rows).most_common(1)
    return reason


def _scores(rows: list[FrameRow]) -> list[float]:
    return [_on_scale(row.score) for row in rows if row.score is not None]


def _on_scale(score: float) -> float:
    """Limit a score to the scale of the BDI-II; that of one frame may lie beyond its ends."""
    return round(min(max(score, 0.0), float(MAX_SCORE)), 3)


def _shares_of_weight(rows: list[FrameRow]) -> np.ndarray:
    """Return each frame's share of the bin's weight, (n,); equal shares if all weights are 0."""
    weights = np.array([row.weight for row in rows])
    total = weights.sum()
    return weights / total if total > 0 else np.full(len(rows), 1 / len(rows))


def _mean_score(rows: list[FrameRow]) -> float | None:
    if not rows:
        return None
    scores = [row.score for row in rows if row.score is not None]
    return _on_scale(float(_shares_of_weight(rows) @ scores))


def _mean_levels(rows: list[FrameRow]) -> list[float] | None:
    logits = [row.logits for row in rows if row.logits is not None]
    if not rows or len(logits) < len(rows):
        return None
    exponentials = np.exp(logits - np.max(logits, axis=1, keepdims=True))
    shares = exponentials / exponentials.sum(axis=1, keepdims=True)
    return [round(float(share), 4) for share in _shares_of_weight(rows) @ shares]


def _traces(bins: FrameBins, rows: list[FrameRow]) -> list[Trace]:
    """Return the traces of the action units, and of the angles that any frame has."""
    units = _columns([row.action_units for row in rows], len(ACTION_UNITS))
    angles = _columns([row.angles for row in rows], len(ANGLES))
    read = np.flatnonzero(~np.isnan(angles).all(axis=0))
    return [
        *bin_traces(bins, units, [unit.code for unit in ACTION_UNITS]),
        *bin_traces(bins, angles[:, read], [ANGLES[i] for i in read], unit="degrees", digits=2),
    ]


def _columns(readings: list[np.ndarray | None], width: int) -> np.ndarray:
    """Stack the readings of all frames, (n, width); NaN for a frame without."""
    missing = np.full(width, np.nan)
    rows = [missing if reading is None else np.asarray(reading, float) for reading in readings]
    return np.array(rows, float).reshape(len(readings), width)
