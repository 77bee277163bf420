"""Head pose and gaze: their angles, and the directions in words that the semantic model knows.

Angles are in degrees, with the signs of OpenFace's tables (which are in radians):

=========  =====================================================================
pitch      rotation of the head about the x axis; positive if the head is bowed
yaw        about the y axis; positive if the face is turned to the left of the picture
roll       about the z axis; positive if the head is tilted clockwise in the picture
gaze_x     of the eyes, relative to the head; positive to the right of the picture
gaze_y     of the eyes, relative to the head; positive downwards
=========  =====================================================================

The head is relative to the camera: R = Rx(pitch) Ry(yaw) Rz(roll), with x to the right of the
picture, y downwards and z away from the camera. OpenFace's ``gaze_angle`` is relative to the
camera; depmap's is relative to the head, so that it shows what the eyes alone do.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

ANGLES = ("pitch", "yaw", "roll", "gaze_x", "gaze_y")
"""The angles in order."""
PITCH, YAW, ROLL, GAZE_X, GAZE_Y = range(len(ANGLES))
HEAD, GAZE = slice(0, 3), slice(3, 5)
"""The angles of the head and of the gaze among ``ANGLES``."""


@dataclass(frozen=True, kw_only=True)
class Direction:
    """A direction of head or gaze in words, and the angles at which it shows."""

    words: str  # as in "a photo of a face with ..."
    angle: int  # index in ANGLES
    sign: int  # 1 or -1: the side of the angle that counts; 0: either side
    start: float  # degrees at which the direction begins to show
    full: float  # degrees from which it shows fully


DIRECTIONS = (
    Direction(words="the head bowed", angle=PITCH, sign=1, start=5.0, full=25.0),
    Direction(words="the head raised", angle=PITCH, sign=-1, start=5.0, full=25.0),
    Direction(words="the head turned away", angle=YAW, sign=0, start=8.0, full=35.0),
    Direction(words="the head tilted", angle=ROLL, sign=0, start=5.0, full=20.0),
    Direction(words="the eyes looking down", angle=GAZE_Y, sign=1, start=5.0, full=20.0),
    Direction(words="the eyes looking up", angle=GAZE_Y, sign=-1, start=5.0, full=20.0),
    Direction(words="the eyes looking aside", angle=GAZE_X, sign=0, start=6.0, full=22.0),
)
"""The directions that enter Eq. (1) beside the action units."""


def direction_strengths(
    angles: Float[np.ndarray, "n 5"],
) -> Float[np.ndarray, "n directions"]:
    """Return how strongly each direction shows, 0 to 1, from angles in degrees; 0 for NaN."""
    strengths = []
    for direction in DIRECTIONS:
        angle = angles[:, direction.angle]
        size = np.abs(angle) if direction.sign == 0 else direction.sign * angle
        strengths.append((size - direction.start) / (direction.full - direction.start))
    clipped = np.clip(np.stack(strengths, axis=1), 0, 1)
    return np.asarray(np.nan_to_num(clipped, nan=0.0))


def direction_phrase(direction: Direction) -> str:
    """Return the sentence of the semantic model for a direction."""
    return f"a photo of a face with {direction.words}"


def head_rotation(angles: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3 3"]:
    """Return Rx(pitch) Ry(yaw) Rz(roll) for angles in degrees."""
    pitch, yaw, roll = np.radians(angles).T
    return np.asarray(_about_x(pitch) @ _about_y(yaw) @ about_z(roll))


def head_angles(rotation: Float[np.ndarray, "n 3 3"]) -> Float[np.ndarray, "n 3"]:
    """Return pitch, yaw and roll in degrees: the inverse of ``head_rotation``."""
    pitch = np.arctan2(-rotation[:, 1, 2], rotation[:, 2, 2])
    yaw = np.arcsin(np.clip(rotation[:, 0, 2], -1, 1))
    roll = np.arctan2(-rotation[:, 0, 1], rotation[:, 0, 0])
    return np.asarray(np.degrees(np.stack([pitch, yaw, roll], axis=1)))


def turned_in_picture(
    angles: Float[np.ndarray, "n 5"], clockwise: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "n 5"]:
    """Return the angles after the picture of each face is turned clockwise by some degrees."""
    rotation = about_z(np.radians(clockwise)) @ head_rotation(angles[:, HEAD])
    return np.concatenate([head_angles(rotation), angles[:, GAZE]], axis=1)


def mirrored(angles: Float[np.ndarray, "n 5"]) -> Float[np.ndarray, "n 5"]:
    """Return the angles in the mirrored picture."""
    return np.asarray(angles * np.array([1, -1, -1, -1, 1]))


def about_z(angle: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 3 3"]:
    """Return the rotation by ``angle`` (radians) about the z axis, clockwise in the picture."""
    c, s, one, zero = _parts(angle)
    return _matrix([[c, -s, zero], [s, c, zero], [zero, zero, one]])


def _about_x(angle: np.ndarray) -> np.ndarray:
    c, s, one, zero = _parts(angle)
    return _matrix([[one, zero, zero], [zero, c, -s], [zero, s, c]])


def _about_y(angle: np.ndarray) -> np.ndarray:
    c, s, one, zero = _parts(angle)
    return _matrix([[c, zero, s], [zero, one, zero], [-s, zero, c]])


def _parts(angle: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return np.cos(angle), np.sin(angle), np.ones_like(angle), np.zeros_like(angle)


def _matrix(rows: list[list[np.ndarray]]) -> np.ndarray:
    matrix: np.ndarray = np.moveaxis(np.array(rows), 2, 0)
    return matrix
