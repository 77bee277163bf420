"""Semantic disambiguation prototypes (SDPM): typical facial behaviour of each severity level.

How strongly a frame activates each prototype is in ``distillation.py``.
"""

from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from depmap_cli.model.assignment import assigned_prototypes, balanced_assignment

INITIAL_ROUNDS = 10
"""Rounds of assignment and averaging on the first tokens of a level."""


class PrototypeClusters(nn.Module):
    """Dep-MAP "Semantic Disambiguation Prototype Cluster", Eq. (2) and (11).

    The prototypes are buffers: they are moving averages of tokens and get no gradient.

    Reading: as printed, the weight of the old prototype never decreases; here
    P <- beta P + (1 - beta) mean, followed by normalisation to unit length. For the first tokens of
    a level beta is 0.
    """

    def __init__(
        self, *, n_levels: int, n_prototypes: int, token_dim: int, entropy: float, momentum: float
    ) -> None:
        super().__init__()
        self.entropy, self.momentum = entropy, momentum
        prototypes = F.normalize(torch.randn(n_levels, n_prototypes, token_dim), dim=-1)
        self.register_buffer("prototypes", prototypes)
        self.register_buffer("initialised", torch.zeros(n_levels, dtype=torch.bool))
        self.register_buffer("usage", torch.zeros(n_levels, n_prototypes))

    @property
    def bank(self) -> Float[Tensor, "levels prototypes token"]:
        """The prototypes P, unit length."""
        return cast(Tensor, self.prototypes)

    @torch.no_grad()
    def assign(
        self,
        tokens: Float[Tensor, "b t n l"],
        key: Bool[Tensor, "b t n"],
        levels: Int[Tensor, " b"],
    ) -> Int[Tensor, "b t n"]:
        """The assigned prototype of each key token, among those of its video's level; -1 for tokens
        that are not key tokens."""
        unit = F.normalize(tokens.float(), dim=-1)
        choice = torch.full(key.shape, -1, dtype=torch.long, device=key.device)
        for level in sorted(set(levels.tolist())):
            mask = key & (levels == level)[:, None, None]
            if mask.any():
                choice[mask] = assigned_prototypes(
                    balanced_assignment(unit[mask] @ self.bank[level].T, self.entropy)
                )
        return choice

    @torch.no_grad()
    def update(
        self,
        tokens: Float[Tensor, "b t n l"],
        key: Bool[Tensor, "b t n"],
        levels: Int[Tensor, " b"],
    ) -> None:
        """Move the prototypes of the levels in the batch towards the means of their key tokens."""
        unit = F.normalize(tokens.float(), dim=-1)
        for level in sorted(set(levels.tolist())):
            mask = key & (levels == level)[:, None, None]
            if not mask.any():
                continue
            initialised = cast(Tensor, self.initialised)
            momentum, rounds = (self.momentum, 1) if initialised[level] else (0.0, INITIAL_ROUNDS)
            for _ in range(rounds):
                self._move(level, unit[mask], momentum)
            initialised[level] = True

    def _move(self, level: int, unit: Float[Tensor, "n l"], momentum: float) -> None:
        choice = assigned_prototypes(balanced_assignment(unit @ self.bank[level].T, self.entropy))
        counts = torch.bincount(choice, minlength=self.bank.shape[1]).float()
        sums = torch.zeros_like(self.bank[level]).index_add_(0, choice, unit)
        mean = sums / counts.clamp(min=1)[:, None]
        moved = momentum * self.bank[level] + (1 - momentum) * mean  # Eq. (2), Eq. (11)
        used = counts > 0
        self.bank[level, used] = F.normalize(moved[used], dim=-1)
        usage = cast(Tensor, self.usage)
        usage[level] = momentum * usage[level] + (1 - momentum) * counts / counts.sum()
