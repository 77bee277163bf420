"""Rotation matrices from yaw, pitch and roll, and back."""

import math

import numpy as np
from jaxtyping import Float, Float32


def rotation(yaw: float, pitch: float, roll: float) -> Float32[np.ndarray, "3 3"]:
    """Return the rotation matrix R_roll R_yaw R_pitch about the z, y and x axes; radians.

    Yaw turns to the viewer's right, pitch downwards and roll anticlockwise.
    """
    cy, sy = math.cos(yaw), math.sin(yaw)
    cp, sp = math.cos(pitch), math.sin(pitch)
    cr, sr = math.cos(roll), math.sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x, np.float32)


def angles_of(matrix: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, " 3"]:
    """Return yaw, pitch and roll, in radians, of a matrix that ``rotation`` makes."""
    yaw = math.asin(float(np.clip(-matrix[2, 0], -1, 1)))
    pitch = math.atan2(float(matrix[2, 1]), float(matrix[2, 2]))
    roll = math.atan2(float(matrix[1, 0]), float(matrix[0, 0]))
    return np.array([yaw, pitch, roll])
