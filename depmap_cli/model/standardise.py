"""Standardisation of features by running statistics of the training frames."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

RELATIVE_FLOOR = 0.1
"""Smallest divisor of a feature, as a share of its absolute mean. Below it, rounding in half
precision and the lag of averaged weights would shift every estimate (measured: LOG L46)."""
ABSOLUTE_FLOOR = 1e-3
"""Smallest divisor of any feature; needed for features whose mean is near zero."""


class Standardise(nn.Module):
    """Subtracts the running mean of each feature and divides by its running standard deviation.

    Pooled features are all positive, correlated and of different magnitude, so gradient steps of a
    linear head hardly reach the directions in which people differ (measured: LOG L44). Unlike
    batch normalisation, training and scoring use the same running statistics, so the result for a
    frame never depends on the rest of the batch. Before the first ``update`` the features are
    returned unchanged.
    """

    mean: Tensor
    std: Tensor
    initialised: Tensor

    def __init__(self, dim: int, momentum: float = 0.95) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("std", torch.ones(dim))
        self.register_buffer("initialised", torch.tensor(False))

    def forward(self, features: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Standardised features. The divisor is the standard deviation or, if that is smaller,
        the floor."""
        if not self.initialised:
            return features.float()
        divisor = torch.maximum(self.std, RELATIVE_FLOOR * self.mean.abs())
        return (features.float() - self.mean) / divisor.clamp(min=ABSOLUTE_FLOOR)

    @torch.no_grad()
    def update(self, features: Float[Tensor, "n d"], reset: bool = False) -> None:
        """Move the running statistics towards those of a batch; with ``reset``, replace them."""
        features = features.float()
        keep = self.momentum if self.initialised and not reset else 0.0
        std = features.std(0, correction=0)
        self.mean = keep * self.mean + (1 - keep) * features.mean(0)
        self.std = keep * self.std + (1 - keep) * std
        self.initialised = torch.ones_like(self.initialised)
