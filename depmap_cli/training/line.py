"""A line from estimates to scores, fitted on Development and folded into the weights.

A network that has not learned everything stays too near the training mean. The head is affine and
the weights of frames sum to one, so a line through its estimates is one more mean and scale.
"""

from dataclasses import asdict, dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Line:
    """score = shift + slope * estimate."""

    shift: float  # BDI-II points
    slope: float

    def at(self, estimates: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The estimates (BDI-II points) moved along it."""
        return self.shift + self.slope * estimates

    def folded(self, target: Float[Tensor, "2"]) -> Float[Tensor, "2"]:
        """Mean and scale of the head's output, such that the network says what the line says."""
        mean, scale = target.tolist()
        return torch.tensor([self.shift + self.slope * mean, self.slope * scale])

    def stored(self) -> dict[str, float]:
        """As weights tell of it."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def fit_line(estimates: Float[np.ndarray, " n"], scores: Float[np.ndarray, " n"]) -> Line:
    """By least squares; it never falls, and is level where the estimates are all alike."""
    centred = estimates - estimates.mean()
    spread = float(centred @ centred)
    slope = max(0.0, float(centred @ scores) / spread) if spread > 0 else 0.0
    return Line(float(scores.mean() - slope * estimates.mean()), slope)


def moved_by_others(
    estimates: Float[np.ndarray, " n"], scores: Float[np.ndarray, " n"], people: np.ndarray
) -> Float[np.ndarray, " n"]:
    """Each person's estimates, moved by the line that fits everybody else: errors that are not too
    small for the fit. There are two people at the least."""
    moved = np.empty(len(estimates))
    for person in np.unique(people):
        own = people == person
        moved[own] = fit_line(estimates[~own], scores[~own]).at(estimates[own])
    return moved
