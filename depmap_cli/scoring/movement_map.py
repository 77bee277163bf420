"""Maps of where a face differs from the person's usual face, for the pictures of key frames.

They show the behaviour that a reader can look for in the picture. They do not show what the network
looked at: maps of where a face matches the prototypes do not point at the part of the face that
acts (measured: LOG L79).
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from depmap_cli.domain.landmarks import BROWS, EYES, LIPS
from depmap_cli.semantics.unit_network import shape_of

MOVING = np.r_[BROWS, EYES, LIPS]
"""The landmarks that facial behaviour moves; the others follow the head."""
MIN_FRAMES = 20
"""Smallest number of frames from which the effect of the head pose is estimated."""
STRONG = 2.5
"""Deviation of a landmark for a map of 1, in standard deviations between faces."""
RADIUS = 0.06
"""Standard deviation of the spot around a landmark, as a share of the side of the face."""


@dataclass(frozen=True)
class UsualFace:
    """Where the landmarks of a person usually are, for any head pose."""

    coefficients: Float[np.ndarray, "4 136"]  # of 1, pitch, yaw and roll

    @classmethod
    def fit(
        cls, landmarks: Float[np.ndarray, "n 68 2"], head: Float[np.ndarray, "n 3"]
    ) -> "UsualFace":
        """Estimate it from the frames of a video.

        Args:
            landmarks: fractions of the side of the aligned face.
            head: pitch, yaw and roll in degrees; NaN if unknown.
        """
        shapes = _shapes(landmarks)
        coefficients = np.zeros((4, shapes.shape[1]))
        known = np.isfinite(head).all(1)
        if known.sum() < MIN_FRAMES:
            coefficients[0] = np.median(shapes, axis=0)
            return cls(coefficients)
        predictors = _predictors(head[known])
        coefficients[:] = np.linalg.lstsq(predictors, shapes[known], rcond=None)[0]
        residuals = shapes[known] - predictors @ coefficients
        coefficients[0] += np.median(residuals, axis=0)  # most frames, not the extreme ones
        return cls(coefficients)

    def deviations(
        self,
        landmarks: Float[np.ndarray, "68 2"],
        head: Float[np.ndarray, " 3"],
        std: Float[np.ndarray, "68 2"],
    ) -> Float[np.ndarray, " 68"]:
        """How far each landmark is from its usual place, in standard deviations ``std``."""
        usual = _predictors(np.nan_to_num(head)[None]) @ self.coefficients
        shift = (_shapes(landmarks[None]) - usual).reshape(-1, 2) / std
        deviations: np.ndarray = np.linalg.norm(shift, axis=1)
        return deviations


def movement_map(
    landmarks: Float[np.ndarray, "68 2"], deviations: Float[np.ndarray, " 68"], side: int
) -> Float[np.ndarray, "{side} {side}"]:
    """Map of where a face differs from the usual face, 0 to 1.

    Args:
        landmarks: fractions of the side of the aligned face.
        deviations: of each landmark, as ``UsualFace.deviations`` returns them.
        side: of the map, in pixels.
    """
    ticks = (np.arange(side) + 0.5) / side
    squares = (ticks[None, None, :] - landmarks[MOVING, 0, None, None]) ** 2 + (
        ticks[None, :, None] - landmarks[MOVING, 1, None, None]
    ) ** 2
    spots = deviations[MOVING, None, None] / STRONG * np.exp(-squares / (2 * RADIUS**2))
    strongest: np.ndarray = np.clip(spots.max(0), 0, 1)
    return strongest


def _shapes(landmarks: np.ndarray) -> np.ndarray:
    shapes: np.ndarray = shape_of(torch.from_numpy(landmarks.astype(np.float64))).numpy()
    return shapes.reshape(len(landmarks), -1)


def _predictors(head: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(head)), head])
