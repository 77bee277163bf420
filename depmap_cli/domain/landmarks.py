"""Facial landmarks in the order of Multi-PIE (68 points), and the five that alignment uses.

Left is the viewer's left.
"""

import numpy as np
from jaxtyping import Float

N_LANDMARKS = 68
JAW, BROWS, NOSE = slice(0, 17), slice(17, 27), slice(27, 36)
NOSE_TIP = 30
EYES, LIPS = slice(36, 48), slice(48, 68)
EYE_CORNERS = (36, 39, 42, 45)
"""Outer and inner corner of the left eye, inner and outer corner of the right eye."""
MIRROR = (
    *range(16, -1, -1),  # jaw
    *range(26, 16, -1),  # brows
    *(27, 28, 29, 30, 35, 34, 33, 32, 31),  # nose
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),  # eyes
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),  # outer lips
    *(64, 63, 62, 61, 60, 67, 66, 65),  # inner lips
)
"""The landmark of the other side, for each landmark."""


def five_points(landmarks: Float[np.ndarray, "*n 68 2"]) -> Float[np.ndarray, "*n 5 2"]:
    """Reduce 68 landmarks to eyes, nose tip and mouth corners, left side first."""
    eyes = landmarks[..., 36:42, :].mean(-2), landmarks[..., 42:48, :].mean(-2)
    nose_and_mouth = landmarks[..., NOSE_TIP, :], landmarks[..., 48, :], landmarks[..., 54, :]
    return np.stack([*eyes, *nose_and_mouth], axis=-2)
