"""What a person brings to every interview, whatever the severity: how expressive, how mobile, ...

Differences between people, and between the days of one, are larger than those that severity makes:
rates of facial behaviour vary log-normally between people with standard deviations of 0.5 to 0.8
(blinking: Bentivoglio 1997, 150 people), and stay over weeks (Gaebel and Wölwer 2004).
"""

from dataclasses import asdict, dataclass, fields
from typing import NamedTuple

import numpy as np


class Spread(NamedTuple):
    """Standard deviations of a trait between people, and between one person's recordings."""

    people: float
    occasions: float


SPREADS = {
    # logarithms of rates
    "smile_rate": Spread(0.45, 0.25),
    "brow_rate": Spread(0.40, 0.25),
    "frown_rate": Spread(0.45, 0.25),
    "sad_rate": Spread(0.45, 0.25),
    "dimple_rate": Spread(0.45, 0.25),
    "blink_rate": Spread(0.40, 0.25),
    # logarithms of sizes and shares
    "smile_strength": Spread(0.22, 0.12),
    "expressiveness": Spread(0.20, 0.12),
    "head": Spread(0.35, 0.25),
    "glances": Spread(0.35, 0.25),
    "pauses": Spread(0.25, 0.15),
    # log odds that a smile reaches the eyes
    "felt_smiles": Spread(0.50, 0.25),
    # intensities of the face at rest
    "tonic_mouth": Spread(0.06, 0.04),
    "tonic_brow": Spread(0.06, 0.04),
    "lids": Spread(0.07, 0.04),
}
"""Every trait is 0 on average."""


@dataclass(frozen=True, kw_only=True)
class Temperament:
    """One person's deviations from the average, in the units of ``SPREADS``."""

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
        """A new person."""
        return cls(**{f.name: rng.normal(0, SPREADS[f.name].people) for f in fields(cls)})

    def on_occasion(self, rng: np.random.Generator) -> "Temperament":
        """The same person in one recording: the day's mood, the task, the room."""
        drawn = {
            name: value + rng.normal(0, SPREADS[name].occasions)
            for name, value in asdict(self).items()
        }
        return Temperament(**drawn)
