"""Help for the fused representation: it is to know the action units that each frame shows."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from depmap_cli.domain.action_units import ACTION_UNITS

RAREST = 1e-4
"""Least usual evidence of a unit."""


class AuProbe(nn.Module):
    """A linear map from the fused representation to the semantic model's evidence; not kept.

    Not in the paper. One score a recording teaches the new layers little of what to look for: they
    come to know looks, and help on Development no more than mean pooling does (measured:
    CHANGELOG). The evidence is there for every frame, without labels.

    It starts at the ``usual`` evidence of each unit. From zero its biases need hundreds of steps
    to get there; the features, whose mean is taken off slowly, would run ahead of that instead,
    step after step, until nothing but rounding is left of them (measured: CHANGELOG).
    """

    def __init__(self, fused_dim: int, usual: Float[Tensor, " units"]) -> None:
        super().__init__()
        self.units = nn.Linear(fused_dim, len(ACTION_UNITS))
        nn.init.zeros_(self.units.weight)
        with torch.no_grad():
            self.units.bias.copy_(torch.logit(usual, eps=RAREST))

    def forward(
        self, fused: Float[Tensor, "n fused"], au_probabilities: Float[Tensor, "n units"]
    ) -> Float[Tensor, ""]:
        """Cross-entropy with the evidence (0 to 1), summed over units, the mean over frames."""
        with torch.autocast(fused.device.type, enabled=False):
            told = self.units(fused.float())
            loss = F.binary_cross_entropy_with_logits(told, au_probabilities, reduction="none")
        return loss.sum(1).mean()
