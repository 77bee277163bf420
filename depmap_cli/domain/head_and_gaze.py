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
picture, y downwards and z away from the camera. OpenFace's ``gaze_angle`` is relative to the camera;
depmap's is relative to the head, because that is what moves when only the eyes move.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

ANGLES = ("pitch", "yaw", "roll", "gaze_x", "gaze_y")
"""The angles in order."""
PITCH, YAW, ROLL, GAZE_X, GAZE_Y = range(len(ANGLES))
HEAD, GAZE = slice(0, 3), slice(3, 5)
"""The angles of the head and of the gaze among ``ANGLES``."""


@dataclass(frozen=True)
class Direction:
    """A direction of head or gaze in words, and how strongly an angle shows it."""

    words: str  # in the sentences of the semantic model
    angle: int  # index in ANGLES
    sign: int  # 1 or -1: the side of the angle that counts; 0: either side
    start: float  # degrees at which the direction begins to show
    full: float  # degrees from which it shows fully


DIRECTIONS = (
    Direction("head bowed", PITCH, 1, 5.0, 25.0),
    Direction("head raised", PITCH, -1, 5.0, 25.0),
    Direction("head turned away", YAW, 0, 8.0, 35.0),
    Direction("head tilted", ROLL, 0, 5.0, 20.0),
    Direction("eyes looking down", GAZE_Y, 1, 5.0, 20.0),
    Direction("eyes looking up", GAZE_Y, -1, 5.0, 20.0),
    Direction("eyes looking aside", GAZE_X, 0, 6.0, 22.0),
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
    return np.nan_to_num(np.clip(np.stack(strengths, axis=1), 0, 1), nan=0.0)
