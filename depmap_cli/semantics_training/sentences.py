"""Sentences that describe the action units of a frame."""

from jaxtyping import Bool, Float
from torch import Tensor

from depmap_cli.domain.action_units import ACTION_UNITS, COVERED_PHRASE, phrase

PRESENT_INTENSITY = 0.3
"""Intensity (about 0 to 1) from which a unit counts as present and is named in the sentence."""


def sentences_of(
    intensity: Float[Tensor, "n units"], covered: Bool[Tensor, " n"] | None = None
) -> list[str]:
    """The sentence for each frame; covered faces all get ``COVERED_PHRASE``."""
    is_covered = [False] * len(intensity) if covered is None else covered.tolist()
    return [
        COVERED_PHRASE if hidden else _sentence(row)
        for row, hidden in zip(intensity.tolist(), is_covered, strict=True)
    ]


def _sentence(intensity: list[float]) -> str:
    pairs = zip(ACTION_UNITS, intensity, strict=True)
    return phrase([unit for unit, value in pairs if value >= PRESENT_INTENSITY])
