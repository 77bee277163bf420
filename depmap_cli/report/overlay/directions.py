"""Axes of the head and the direction of gaze as arrows in the picture.

Signs and order of the rotations are those of ``domain/head_and_gaze.py``. The projection is
orthographic: depth is dropped.
"""

import numpy as np
from jaxtyping import Float

from depmap_cli.domain.head_and_gaze import GAZE_X, GAZE_Y, HEAD, head_rotation


def head_axes(angles: Float[np.ndarray, "5"]) -> Float[np.ndarray, "3 2"]:
    """Return where three unit vectors of the head point in the picture, x right and y down.

    They point from the face to the right of the picture, to the chin, and out of the face. For a
    face that looks into the camera these are (1, 0), (0, 1) and (0, 0).

    Args:
        angles: degrees, in the order of ``ANGLES``.
    """
    right, down, away = head_rotation(angles[None, HEAD])[0].T
    return np.stack([right, down, -away])[:, :2]


def gaze_direction(angles: Float[np.ndarray, "5"]) -> Float[np.ndarray, "2"]:
    """Return where a unit vector along the gaze points in the picture, x right and y down.

    Args:
        angles: degrees, in the order of ``ANGLES``; the gaze is relative to the head.
    """
    x, y = np.tan(np.radians(angles[[GAZE_X, GAZE_Y]]))
    ahead = np.array([x, y, -1.0])
    direction: np.ndarray = (
        head_rotation(angles[None, HEAD])[0] @ (ahead / np.linalg.norm(ahead))
    )[:2]
    return direction
