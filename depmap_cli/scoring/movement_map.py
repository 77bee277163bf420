"""Maps of where a face differs from the person's usual face, for the pictures of key frames.

They show the behaviour that a reader can look for in the picture. They do not show what the network
looked at: maps of where a face matches the prototypes do not point at the part of the face that
acts (measured: LOG L79).
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from depmap_cli.domain.landmarks import BROWS, EYE_CORNERS, EYES, LIPS
from depmap_cli.semantics.landmark_shape import shape_of

FULL_MOVEMENT = ((BROWS, 0.11), (EYES, 0.09), (LIPS, 0.11))
"""How far a movement at full intensity shifts a landmark, in distances between the outer corners of
the eyes: means of AU1 with AU2 and AU4, AU43, AU12 and AU15 in rendered faces (LOG L79)."""
MOVING = np.setdiff1d(np.concatenate([np.r_[region] for region, _ in FULL_MOVEMENT]), EYE_CORNERS)
"""The landmarks that facial behaviour moves; the others follow the head. Shapes are measured from
the corners of the eyes."""
MIN_FRAMES = 20
"""Smallest number of frames from which the effect of the head pose is estimated."""
MAX_FRAMES = 2000
"""Most frames of a video that are used to estimate the usual face, to limit memory use."""
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
        """Estimate it from the frames of a video, or from ``MAX_FRAMES`` of them, evenly spaced.

        Args:
            landmarks: fractions of the side of the aligned face.
            head: pitch, yaw and roll in degrees; NaN if unknown.
        """
        if len(landmarks) > MAX_FRAMES:
            rows = np.linspace(0, len(landmarks) - 1, MAX_FRAMES).round().astype(int)
            landmarks, head = landmarks[rows], head[rows]
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
    ) -> Float[np.ndarray, " 68"]:
        """How far each landmark is from its usual place, in full movements; 0 if it is not moved
        by facial behaviour."""
        usual = _predictors(np.nan_to_num(head)[None]) @ self.coefficients
        shift = np.linalg.norm((_shapes(landmarks[None]) - usual).reshape(-1, 2), axis=1)
        deviations = np.zeros(len(shift))
        for region, full in FULL_MOVEMENT:
            deviations[region] = shift[region] / full
        deviations[list(EYE_CORNERS)] = 0
        return deviations


def movement_map(
    landmarks: Float[np.ndarray, "68 2"], deviations: Float[np.ndarray, " 68"], side: int
) -> Float[np.ndarray, "{side} {side}"]:
    """Map of where a face differs from the usual face, 1 for a full movement.

    Args:
        landmarks: fractions of the side of the aligned face.
        deviations: of each landmark, as ``UsualFace.deviations`` returns them.
        side: of the map, in pixels.
    """
    ticks = (np.arange(side) + 0.5) / side
    squares = (ticks[None, None, :] - landmarks[MOVING, 0, None, None]) ** 2 + (
        ticks[None, :, None] - landmarks[MOVING, 1, None, None]
    ) ** 2
    spots = deviations[MOVING, None, None] * np.exp(-squares / (2 * RADIUS**2))
    strongest: np.ndarray = spots.max(0)
    return strongest


def _shapes(landmarks: np.ndarray) -> np.ndarray:
    shapes: np.ndarray = shape_of(torch.from_numpy(landmarks.astype(np.float64))).numpy()
    return shapes.reshape(len(landmarks), -1)


def _predictors(head: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(head)), head])
