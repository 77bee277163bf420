"""An auxiliary loss: the representation of the maps must predict the action units of its frame."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from depmap_cli.domain.action_units import ACTION_UNITS

MIN_PROBABILITY = 1e-4
"""Lower bound of the initial probability of a unit, so that its bias is finite."""


class AuProbe(nn.Module):
    """A linear map from the representation of the maps to the semantic model's AU probabilities.

    It is not in the paper, and is used in training only. One score for each video teaches the new
    layers little about what to look for: they memorise appearance, and on Development they help no
    more than mean pooling does (measured: LOG L45). AU probabilities are available for every
    frame, without labels.

    The biases start at the mean probability of each unit. From zero they need hundreds of steps to
    get there; the features, whose mean is subtracted slowly, would compensate for them instead,
    step after step, until only rounding error is left of them (measured: LOG L31).
    """

    def __init__(self, map_dim: int, mean_probabilities: Float[Tensor, " units"]) -> None:
        super().__init__()
        self.units = nn.Linear(map_dim, len(ACTION_UNITS))
        nn.init.zeros_(self.units.weight)
        with torch.no_grad():
            self.units.bias.copy_(torch.logit(mean_probabilities, eps=MIN_PROBABILITY))

    def forward(
        self, maps: Float[Tensor, "n maps"], au_probabilities: Float[Tensor, "n units"]
    ) -> Float[Tensor, ""]:
        """Cross-entropy with the probabilities (0 to 1), summed over units, mean over frames."""
        with torch.autocast(maps.device.type, enabled=False):
            logits = self.units(maps.float())
            loss = F.binary_cross_entropy_with_logits(logits, au_probabilities, reduction="none")
        return loss.sum(1).mean()
