"""Sentences that describe the action units, head and gaze of a frame."""

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from depmap_cli.domain.action_units import ACTION_UNITS, COVERED_PHRASE, phrase
from depmap_cli.domain.head_and_gaze import DIRECTIONS, direction_phrase, direction_strengths

PRESENT_INTENSITY = 0.3
"""Intensity (about 0 to 1) from which a unit counts as present and is named in the sentence."""
PRESENT_STRENGTH = 0.5
"""Strength (0 to 1) from which a direction of head or gaze is named in the sentence."""


def sentences_of(
    intensity: Float[Tensor, "n units"],
    angles: Float[Tensor, "n 5"],
    covered: Bool[Tensor, " n"] | None = None,
) -> list[str]:
    """The sentence for each frame; covered faces all get ``COVERED_PHRASE``.

    Args:
        intensity: of the action units.
        angles: degrees, relative to the aligned face; NaN if unknown.
        covered: whether something hides the face; None for free faces.
    """
    is_covered = [False] * len(intensity) if covered is None else covered.tolist()
    strengths = direction_strengths(angles.numpy().astype(np.float64))
    return [
        COVERED_PHRASE if hidden else _sentence(row, shown)
        for row, shown, hidden in zip(intensity.tolist(), strengths, is_covered, strict=True)
    ]


def _sentence(intensity: list[float], strengths: np.ndarray) -> str:
    units = [u for u, v in zip(ACTION_UNITS, intensity, strict=True) if v >= PRESENT_INTENSITY]
    shown = [d for d, s in zip(DIRECTIONS, strengths, strict=True) if s >= PRESENT_STRENGTH]
    if not shown:
        return phrase(units)
    if not units and len(shown) == 1:
        return direction_phrase(shown[0])
    return f"{phrase(units)}, with {' and '.join(direction.words for direction in shown)}"
