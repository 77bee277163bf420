"""The panel beside the picture: a bar for each action unit, and the angles of head and gaze."""

import numpy as np

from depmap_cli.domain.action_units import ACTION_UNITS, PRESENT_THRESHOLD
from depmap_cli.domain.head_and_gaze import ANGLES, GAZE, HEAD
from depmap_cli.report.overlay.canvas import (
    ACCENT_RGB,
    INK_RGB,
    LINE_RGB,
    MUTED_RGB,
    Canvas,
    Colour,
)
from depmap_cli.report.overlay.layout import MARGIN, Box
from depmap_cli.results import FrameRow

_ROW = 18
_BAR_START, _BAR_END = 168, 264
"""Left ends of the bars, and where the probability 1 is, from the left of the panel."""
_CALM: Colour = (150, 178, 200)


def draw_panel_background(canvas: Canvas, panel: Box) -> None:
    """Draw what is the same in all frames: names of the units, and the line of presence."""
    for i, unit in enumerate(ACTION_UNITS):
        y = _row_centre(panel, i)
        canvas.text((panel.x + MARGIN, y), unit.code, MUTED_RGB)
        canvas.text((panel.x + MARGIN + 40, y), unit.plain, MUTED_RGB)
        canvas.fill((panel.x + _BAR_START, y - 5), (panel.x + _BAR_END, y + 5), LINE_RGB)


def draw_panel(canvas: Canvas, panel: Box, row: FrameRow) -> None:
    """Draw the action units of one frame; units that are present have dark names and bars."""
    if row.action_units is not None:
        for i, value in enumerate(row.action_units):
            if np.isfinite(value):
                _draw_bar(canvas, panel, i, float(value))
    for line, text in enumerate(_angle_lines(row)):
        canvas.text((panel.x + MARGIN, _row_centre(panel, len(ACTION_UNITS) + line)), text)


def _draw_bar(canvas: Canvas, panel: Box, number: int, value: float) -> None:
    y, unit = _row_centre(panel, number), ACTION_UNITS[number]
    present = value >= PRESENT_THRESHOLD
    start, colour = panel.x + _BAR_START, ACCENT_RGB if present else _CALM
    length = float(np.clip(value, 0, 1)) * (_BAR_END - _BAR_START)
    canvas.fill((start, y - 5), (start + length, y + 5), colour)
    canvas.text((panel.x + _BAR_END + 6, y), f"{value:.2f}", INK_RGB if present else MUTED_RGB)
    if present:
        canvas.text((panel.x + MARGIN, y), unit.code, INK_RGB)
        canvas.text((panel.x + MARGIN + 40, y), unit.plain, INK_RGB)


def _angle_lines(row: FrameRow) -> list[str]:
    """The known angles in degrees, those of the head on one line and those of the gaze on another.

    The names and signs are those of ``ANGLES``.
    """
    if row.angles is None:
        return []
    lines = []
    for title, part in (("head", HEAD), ("gaze", GAZE)):
        known = row.angles[part]
        if np.isfinite(known).all():
            names = [name.removeprefix("gaze_") for name in ANGLES[part]]
            values = (f"{name} {value:+.0f}°" for name, value in zip(names, known, strict=True))
            lines.append(f"{title}:  {'  '.join(values)}")
    return lines


def _row_centre(panel: Box, number: int) -> float:
    return panel.y + (number + 0.5) * _ROW
