"""Draws a face from its landmarks: the expression stays, everything else of the person goes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from depmap_cli.runtime.opencv import load_opencv

_SUPERSAMPLING = 4
"""Factor by which the drawing is larger before it is reduced, so that lines are smooth."""
_POINTS_PER_PIECE = 8
"""Points of the smooth line between two landmarks."""


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A smooth line through landmarks of Multi-PIE."""

    landmarks: tuple[int, ...]
    width: float  # share of the side of the picture
    is_closed: bool = False
    fill: float = 0.0  # darkness inside, 0 to 1


_LINES = (
    _Line(landmarks=tuple(range(17)), width=0.006),  # jaw
    _Line(landmarks=tuple(range(27, 31)), width=0.005),  # bridge of the nose
    _Line(landmarks=tuple(range(31, 36)), width=0.008),
    _Line(landmarks=tuple(range(48, 60)), width=0.009, is_closed=True, fill=0.16),  # lips
    _Line(
        landmarks=tuple(range(60, 68)), width=0.009, is_closed=True, fill=0.75
    ),  # between the lips
    _Line(landmarks=tuple(range(36, 42)), width=0.009, is_closed=True, fill=0.4),  # eyes
    _Line(landmarks=tuple(range(42, 48)), width=0.009, is_closed=True, fill=0.4),
    _Line(landmarks=tuple(range(17, 22)), width=0.02),  # brows
    _Line(landmarks=tuple(range(22, 27)), width=0.02),
)


def draw_face(
    landmarks: Float[np.ndarray, "68 2"], size: int
) -> Float[np.ndarray, "{size} {size}"]:
    """Draw a face, (size, size) in 0 to 1: 0 on a line, 1 on paper.

    Args:
        landmarks: columns and rows as fractions of the side of the picture.
        size: side of the picture in pixels.
    """
    cv2 = load_opencv()
    side = _SUPERSAMPLING * size
    paper = np.full((side, side), 255, np.uint8)
    for line in _LINES:
        points = _smooth(landmarks[list(line.landmarks)], line.is_closed)
        pixels = np.round(np.clip(points, -1, 2) * side).astype(np.int32)
        if line.fill:
            cv2.fillPoly(paper, [pixels], round(255 * (1 - line.fill)))
        width = max(1, round(line.width * side))
        cv2.polylines(paper, [pixels], line.is_closed, 0, width, cv2.LINE_AA)
    reduced: np.ndarray = cv2.resize(paper, (size, size), interpolation=cv2.INTER_AREA)
    return reduced.astype(np.float32) / 255


def _smooth(points: Float[np.ndarray, "n 2"], is_closed: bool) -> Float[np.ndarray, "m 2"]:
    """A Catmull-Rom spline through the points."""
    if is_closed:
        around = np.concatenate([points[-1:], points, points[:2]])
    else:
        around = np.concatenate([points[:1], points, points[-1:]])
    before, start, end, after = (around[i : len(around) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, _POINTS_PER_PIECE, endpoint=False)[:, None]
    curve = (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    ) / 2
    smooth: np.ndarray = np.concatenate(
        [curve.reshape(-1, 2), points[:1] if is_closed else points[-1:]]
    )
    return smooth
