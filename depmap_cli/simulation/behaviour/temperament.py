"""Traits of behaviour that differ between people and sessions, independently of severity.

These differences are larger than the effects of severity. Rates of facial behaviour vary
log-normally between people with standard deviations of 0.5 to 0.8 (blinking: Bentivoglio 1997, 150
people) and are stable over weeks (Gaebel and Wölwer 2004).
"""

from dataclasses import asdict, dataclass, fields
from typing import NamedTuple

import numpy as np


class TraitStd(NamedTuple):
    """Standard deviations of a trait."""

    between_people: float
    between_occasions: float  # of one person; each clip is one occasion


TRAIT_STDS = {
    # logarithms of rates
    "smile_rate": TraitStd(0.45, 0.25),
    "brow_rate": TraitStd(0.40, 0.25),
    "frown_rate": TraitStd(0.45, 0.25),
    "sad_rate": TraitStd(0.45, 0.25),
    "dimple_rate": TraitStd(0.45, 0.25),
    "blink_rate": TraitStd(0.40, 0.25),
    # logarithms of sizes and shares
    "smile_strength": TraitStd(0.22, 0.12),
    "expressiveness": TraitStd(0.20, 0.12),
    "head": TraitStd(0.35, 0.25),
    "glances": TraitStd(0.35, 0.25),
    "pauses": TraitStd(0.25, 0.15),
    # log odds that a smile reaches the eyes
    "felt_smiles": TraitStd(0.50, 0.25),
    # intensities in the neutral face
    "tonic_mouth": TraitStd(0.06, 0.04),
    "tonic_brow": TraitStd(0.06, 0.04),
    "lids": TraitStd(0.07, 0.04),
}
"""Standard deviations by trait; the mean of every trait is 0."""


@dataclass(frozen=True, kw_only=True)
class Temperament:
    """One person's deviations from the average, in the units of ``TRAIT_STDS``."""

    smile_rate: float = 0.0
    brow_rate: float = 0.0
    frown_rate: float = 0.0
    sad_rate: float = 0.0
    dimple_rate: float = 0.0
    blink_rate: float = 0.0
    smile_strength: float = 0.0
    expressiveness: float = 0.0
    head: float = 0.0
    glances: float = 0.0
    pauses: float = 0.0
    felt_smiles: float = 0.0
    tonic_mouth: float = 0.0
    tonic_brow: float = 0.0
    lids: float = 0.0

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Temperament":
        """Draw a new person."""
        return cls(
            **{f.name: rng.normal(0, TRAIT_STDS[f.name].between_people) for f in fields(cls)}
        )

    def on_occasion(self, rng: np.random.Generator) -> "Temperament":
        """Draw the deviations of the same person on one occasion (mood, task, surroundings)."""
        drawn = {
            name: value + rng.normal(0, TRAIT_STDS[name].between_occasions)
            for name, value in asdict(self).items()
        }
        return Temperament(**drawn)
