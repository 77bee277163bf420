"""Scrolling traces below the picture: a few action units, the frame's score and its weight."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.report.charts.colours import LEVEL_COLOURS
from depmap_cli.report.overlay.canvas import (
    ACCENT_RGB,
    INK_RGB,
    LINE_RGB,
    MUTED_RGB,
    Canvas,
    Colour,
    rgb,
)
from depmap_cli.report.overlay.layout import LANE_HEIGHT, MARGIN, Box
from depmap_cli.results import FrameRow

N_UNITS = 4
"""Action units that have a trace: those that vary most over the recording."""
SECONDS = 12.0
"""Seconds of video that the traces show at once."""
_LEAST_FRAMES = 24
"""If the frames are far apart, the traces show the time of this many frames."""
_NOW = 0.75
"""Where the present moment is, as a share of the width of the traces."""
_LABEL_WIDTH, _VALUE_WIDTH = 150, 50
_UNIT_COLOUR: Colour = rgb(LEVEL_COLOURS[-1])


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One trace: its name, its values at the sampled frames (NaN if unknown), and its scale."""

    name: str
    values: Float[np.ndarray, " n"]
    low: float
    high: float
    digits: int
    colour: Colour


@dataclass(frozen=True)
class Lanes:
    """The traces of a recording over the times of its sampled frames, in seconds."""

    times: Float[np.ndarray, " n"]
    lanes: Sequence[Lane]

    @property
    def seconds(self) -> float:
        """Seconds that are shown at once."""
        step = float(np.median(np.diff(self.times))) if len(self.times) > 1 else 0.0
        return max(SECONDS, _LEAST_FRAMES * step)


def lanes_of(rows: Sequence[FrameRow]) -> Lanes:
    """Make the traces of a recording; none if no frame has an estimate."""
    times = np.array([row.time for row in rows], float)
    scores = np.array([np.nan if row.score is None else row.score for row in rows], float)
    if not np.isfinite(scores).any():
        return Lanes(times, [])
    weights = np.array([row.weight if row.score is not None else np.nan for row in rows], float)
    low, high = np.nanmin(scores), np.nanmax(scores)
    score = Lane(
        name="score of the frame", values=scores, low=min(low, high - 1), high=high, digits=1,
        colour=ACCENT_RGB,
    )  # fmt: skip
    weight = Lane(
        name="weight of the frame", values=100 * weights, low=0.0,
        high=max(100 * float(np.nanmax(weights)), 1e-9), digits=2, colour=ACCENT_RGB,
    )  # fmt: skip
    return Lanes(times, [*_unit_lanes(rows), score, weight])


def _unit_lanes(rows: Sequence[FrameRow]) -> list[Lane]:
    """Traces of the units whose values have the largest standard deviation, in FACS order."""
    unknown = np.full(len(ACTION_UNITS), np.nan)
    units = [unknown if row.action_units is None else row.action_units for row in rows]
    values = np.array(units, float)
    known = values[np.isfinite(values).all(1)]
    if not len(known):
        return []
    chosen = np.sort(np.argsort(-known.std(0), kind="stable")[:N_UNITS])
    return [
        Lane(
            name=f"{ACTION_UNITS[i].code} {ACTION_UNITS[i].plain}", values=values[:, i],
            low=0.0, high=1.0, digits=2, colour=_UNIT_COLOUR,
        )
        for i in chosen
    ]  # fmt: skip


def draw_lanes_background(canvas: Canvas, box: Box, lanes: Lanes) -> None:
    """Draw what is the same in all frames: names, ground lines and the line of the present."""
    left, right = box.x + _LABEL_WIDTH, box.right - _VALUE_WIDTH
    for i, lane in enumerate(lanes.lanes):
        top, bottom = _lane_edges(box, i)
        canvas.text((box.x + MARGIN, (top + bottom) / 2), lane.name, MUTED_RGB)
        canvas.line(np.array([(left, bottom), (right, bottom)], float), LINE_RGB)
    if lanes.lanes:
        now = left + _NOW * (right - left)
        canvas.line(np.array([(now, box.y), (now, box.bottom)], float), LINE_RGB, 2)


def draw_lanes(canvas: Canvas, box: Box, lanes: Lanes, number: int) -> None:
    """Draw the traces around frame ``number`` (from 0), and its values at the right."""
    time, seconds = lanes.times[number], lanes.seconds
    left, width = box.x + _LABEL_WIDTH, box.width - _LABEL_WIDTH - _VALUE_WIDTH
    first, stop = np.searchsorted(
        lanes.times, (time - _NOW * seconds, time + (1 - _NOW) * seconds), side="left"
    )
    x = left + width * (_NOW + (lanes.times[first:stop] - time) / seconds)
    for i, lane in enumerate(lanes.lanes):
        top, bottom = _lane_edges(box, i)
        share = np.clip((lane.values[first:stop] - lane.low) / (lane.high - lane.low), 0, 1)
        for part in _known_parts(np.stack([x, bottom - share * (bottom - top)], axis=1)):
            canvas.line(part, lane.colour)
        if np.isfinite(value := lane.values[number]):
            y = bottom - float(np.clip((value - lane.low) / (lane.high - lane.low), 0, 1)) * (
                bottom - top
            )
            canvas.dot((left + _NOW * width, y), lane.colour, 3)
            words = f"{value:.{lane.digits}f}" + (" %" if lane.name.startswith("weight") else "")
            canvas.text((box.right - 4, (top + bottom) / 2), words, INK_RGB, 12, "rm")


def _known_parts(points: np.ndarray) -> list[np.ndarray]:
    """Split a line, (n, 2), where a value is unknown."""
    known = np.isfinite(points).all(1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
    return [points[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _lane_edges(box: Box, number: int) -> tuple[float, float]:
    """Top and bottom of the area of a trace."""
    top = box.y + number * LANE_HEIGHT
    return top + 3, top + LANE_HEIGHT - 4
