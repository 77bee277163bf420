"""Features as deviations from what training frames have, in units of their spread there."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

FLOOR = 0.1
"""Least unit of a feature, as a share of its mean: below it lie rounding in half precision and the
lag of averaged weights, which would shift every estimate (measured: CHANGELOG)."""
LEAST = 1e-3
"""The same for features that are about zero."""


class Standardise(nn.Module):
    """Follows mean and spread of each feature over training frames, and takes both off.

    Pooled features are all positive, rise and fall together and differ in size, so that gradient
    steps of a linear head hardly reach what tells people apart (measured: CHANGELOG). Other than a
    batch norm it uses the same figures in training and scoring: a frame's result never depends on
    the batch. Before the first observation it changes nothing.
    """

    mean: Tensor
    spread: Tensor
    started: Tensor

    def __init__(self, dim: int, momentum: float = 0.95) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("spread", torch.ones(dim))
        self.register_buffer("started", torch.tensor(False))

    def forward(self, features: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Deviations in units of the spread, or of ``FLOOR`` of the mean where that is more."""
        if not self.started:
            return features.float()
        unit = torch.maximum(self.spread, FLOOR * self.mean.abs()).clamp(min=LEAST)
        return (features.float() - self.mean) / unit

    @torch.no_grad()
    def update(self, features: Float[Tensor, "n d"], reset: bool = False) -> None:
        """Follow the frames of a training batch, or take these frames' figures as they are."""
        features = features.float()
        keep = self.momentum if self.started and not reset else 0.0
        spread = features.std(0, correction=0)
        self.mean = keep * self.mean + (1 - keep) * features.mean(0)
        self.spread = keep * self.spread + (1 - keep) * spread
        self.started = torch.ones_like(self.started)
