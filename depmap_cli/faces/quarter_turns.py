"""Turns pictures by quarter turns, and maps faces back to the picture as it is stored."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, UInt8

from depmap_cli.faces.detection import Detection


def turned_image(
    image: UInt8[np.ndarray, "h w 3"], quarter_turns: int
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Turn an image counterclockwise."""
    return np.ascontiguousarray(np.rot90(image, quarter_turns)) if quarter_turns % 4 else image


def turned_boxes(
    boxes: Float[np.ndarray, "n 4"], quarter_turns: int, shape: tuple[int, ...]
) -> Float[np.ndarray, "n 4"]:
    """Turn boxes as ``turned_image`` turns an image of this ``shape`` (height, width, ...)."""
    corners = turned_points(boxes.reshape(-1, 2, 2) - 0.5, quarter_turns, shape) + 0.5
    return np.concatenate([corners.min(1), corners.max(1)], 1)


def turned_points(
    points: Float[np.ndarray, "*n 2"], quarter_turns: int, shape: tuple[int, ...]
) -> Float[np.ndarray, "*n 2"]:
    """Turn points as ``turned_image`` turns an image of this ``shape``.

    They are the columns and rows of pixels, whose centres are whole numbers; the edges of boxes
    are half a pixel before or after.
    """
    height, width = shape[:2]
    for _ in range(quarter_turns % 4):
        points = np.stack([points[..., 1], width - 1 - points[..., 0]], -1)
        height, width = width, height
    return points


def turned_face(face: Detection, quarter_turns: int, shape: tuple[int, ...]) -> Detection:
    """Turn a face as ``turned_image`` turns an image of this ``shape``."""
    return replace(
        face,
        box=turned_boxes(face.box[None], quarter_turns, shape)[0],
        landmarks=turned_points(face.landmarks, quarter_turns, shape),
    )
