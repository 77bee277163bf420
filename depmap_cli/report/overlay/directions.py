"""Axes of the head and the direction of gaze as arrows in the picture.

Signs and order of the rotations are those of ``domain/head_and_gaze.py``. The projection is
orthographic: depth is dropped.
"""

import numpy as np
from jaxtyping import Float

from depmap_cli.domain.head_and_gaze import GAZE_X, GAZE_Y, PITCH, ROLL, YAW


def head_axes(angles: Float[np.ndarray, "5"]) -> Float[np.ndarray, "3 2"]:
    """Return where three unit vectors of the head point in the picture, x right and y down.

    They point to the right of a face that looks into the camera (right in the picture), to its
    chin, and from the face forward, which for a face that looks into the camera is (0, 0).

    Args:
        angles: degrees, in the order of ``ANGLES``.
    """
    right, down, away = _rotation(angles).T
    return np.stack([right, down, -away])[:, :2]


def gaze_direction(angles: Float[np.ndarray, "5"]) -> Float[np.ndarray, "2"]:
    """Return where a unit vector along the gaze points in the picture, x right and y down.

    Args:
        angles: degrees, in the order of ``ANGLES``; the gaze is relative to the head.
    """
    x, y = np.tan(np.radians(angles[[GAZE_X, GAZE_Y]]))
    ahead = np.array([x, y, -1.0])
    direction: np.ndarray = (_rotation(angles) @ (ahead / np.linalg.norm(ahead)))[:2]
    return direction


def _rotation(angles: np.ndarray) -> np.ndarray:
    """R = Rx(pitch) Ry(yaw) Rz(roll); x right, y down, z away from the camera."""
    cx, cy, cz = np.cos(np.radians(angles[[PITCH, YAW, ROLL]]))
    sx, sy, sz = np.sin(np.radians(angles[[PITCH, YAW, ROLL]]))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    rotation: np.ndarray = about_x @ about_y @ about_z
    return rotation
