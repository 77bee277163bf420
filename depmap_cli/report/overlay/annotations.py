"""What is drawn over the picture: the box, the landmarks, the axes of the head and the gaze."""

import numpy as np

from depmap_cli.domain.head_and_gaze import GAZE, HEAD, turned_in_picture
from depmap_cli.report.overlay.canvas import (
    ACCENT_RGB,
    INK_RGB,
    MUTED_RGB,
    PAPER_RGB,
    Canvas,
    Colour,
    text_width,
)
from depmap_cli.report.overlay.directions import gaze_direction, head_axes
from depmap_cli.report.overlay.layout import Placement
from depmap_cli.results import FrameRow

AXIS_COLOURS: tuple[Colour, Colour, Colour] = ((200, 40, 40), (40, 140, 60), (40, 80, 200))
"""Of the head's right, down and forward axes."""
GAZE_COLOUR: Colour = (150, 40, 160)
_AXIS, _RAY = 0.5, 0.6
"""Lengths in widths of the box: of an axis of the head, and of the gaze."""


def draw_annotations(canvas: Canvas, row: FrameRow, placement: Placement) -> None:
    """Draw what is known of the subject over the picture, and why a frame is excluded."""
    if row.box is not None:
        corners = _placed(np.asarray(row.box, float).reshape(2, 2), placement)
        _draw_box(canvas, corners, row.valid)
    if row.landmarks is not None:
        landmarks = _placed(np.asarray(row.landmarks, float), placement)
        for x, y in landmarks:
            canvas.dot((x, y), ACCENT_RGB if row.valid else MUTED_RGB, 2.5)
        if row.box is not None and row.angles is not None:
            turned = turned_in_picture(row.angles[None], np.array([90.0 * row.quarter_turns]))
            _draw_directions(canvas, landmarks, turned[0], float(np.ptp(corners[:, 0])))
    if words := _remark(row):
        x, y = placement.box.x + 8, placement.box.y + 14
        canvas.fill((x - 4, y - 9), (x + 4 + text_width(words), y + 9), PAPER_RGB)
        canvas.text((x, y), words, INK_RGB)


def _placed(points: np.ndarray, placement: Placement) -> np.ndarray:
    """Points of the video in pixels of the overlay."""
    placed: np.ndarray = points * placement.scale + (placement.box.x, placement.box.y)
    return placed


def _draw_box(canvas: Canvas, corners: np.ndarray, usable: bool) -> None:
    (x0, y0), (x1, y1) = corners
    canvas.outline((x0, y0), (x1, y1), ACCENT_RGB if usable else MUTED_RGB)


def _draw_directions(
    canvas: Canvas, landmarks: np.ndarray, angles: np.ndarray, width: float
) -> None:
    """Draw the axes of the head from the tip of the nose, and the gaze from both eyes."""
    if np.isfinite(angles[HEAD]).all():
        nose = landmarks[2]
        for axis, colour in zip(head_axes(angles), AXIS_COLOURS, strict=True):
            end = nose + _AXIS * width * axis
            canvas.arrow((nose[0], nose[1]), (end[0], end[1]), colour)
        if np.isfinite(angles[GAZE]).all():
            for eye in landmarks[:2]:
                end = eye + _RAY * width * gaze_direction(angles)
                canvas.arrow((eye[0], eye[1]), (end[0], end[1]), GAZE_COLOUR)


def _remark(row: FrameRow) -> str:
    if not row.valid:
        return f"excluded: {row.reason}"
    return "face not found, placed between its neighbours" if row.origin == "bridged" else ""
