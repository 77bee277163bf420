"""Key facial behaviour self-distillation (KDM): activations, level logits, and the alignment of
shallow scales with the deep prototypes."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


def prototype_activations(
    tokens: Float[Tensor, "n channels l"], prototypes: Float[Tensor, "levels k l"]
) -> Float[Tensor, "n levels k"]:
    """How strongly each frame shows each prototype: its best-matching token's cosine.

    Dep-MAP "Key Facial Behavior Self-Distillation", Eq. (12).
    """
    unit = F.normalize(tokens.float(), dim=-1)
    with torch.autocast(tokens.device.type, enabled=False):
        return torch.einsum("ncl,akl->ncak", unit, prototypes).amax(1)  # Eq. (12)


class LevelLogits(nn.Module):
    """Dep-MAP "Key Facial Behavior Self-Distillation", Eq. (13): activations weighed per level.

    Reading: logits are given in units of their spread over training frames, as deviations from
    their mean there. Bare sums of cosines differ more from level to level than from frame to
    frame, so that without this one level wins in every frame (measured: see CHANGELOG).
    """

    mean: Tensor
    spread: Tensor
    started: Tensor

    def __init__(self, n_levels: int, n_prototypes: int, momentum: float = 0.95) -> None:
        super().__init__()
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(n_levels, n_prototypes))
        self.register_buffer("mean", torch.zeros(n_levels))
        self.register_buffer("spread", torch.ones(n_levels))
        self.register_buffer("started", torch.tensor(False))

    def forward(self, activations: Float[Tensor, "n levels k"]) -> Float[Tensor, "n levels"]:
        """One logit a level."""
        return (self._sum(activations) - self.mean) / self.spread

    def _sum(self, activations: Tensor) -> Tensor:
        return (self.weight * activations).sum(-1)  # Eq. (13)

    @torch.no_grad()
    def update(self, activations: Float[Tensor, "n levels k"], reset: bool = False) -> None:
        """Follow mean and spread of the logits over the frames of a training batch, or take these
        frames' figures as they are."""
        sums = self._sum(activations)
        keep = self.momentum if self.started and not reset else 0.0
        spread = sums.std(0, correction=0).clamp(min=1e-4)
        self.mean = keep * self.mean + (1 - keep) * sums.mean(0)
        self.spread = keep * self.spread + (1 - keep) * spread
        self.started = torch.ones_like(self.started)


def contrastive_alignment(
    tokens: Float[Tensor, "b t n l"],
    prototypes: Float[Tensor, "levels k l"],
    choice: Int[Tensor, "b t n"],
    levels: Int[Tensor, " b"],
    temperature: float,
) -> Float[Tensor, ""]:
    """Pull one scale's tokens to the prototypes assigned to the deep tokens; push off the others.

    Dep-MAP "Key Facial Behavior Self-Distillation", Eq. (14). ``choice`` is -1 where a token is no
    key token. A frame's value is the mean over its key tokens, the result the mean over frames that
    have any, so that lambda means the same at every T.

    Reading: as printed the denominator leaves the positive out and compares only equal k across
    levels (all products equal: log((K - 1) + (A - 1))). Tokens and prototypes have unit length;
    the temperature, not printed, is the authors'.
    """
    unit = F.normalize(tokens.float(), dim=-1)
    with torch.autocast(tokens.device.type, enabled=False):
        logits = torch.einsum("btnl,akl->btnak", unit, prototypes) / temperature
    n_levels, n_prototypes = prototypes.shape[:2]
    key = choice >= 0
    level = levels.view(-1, 1, 1).expand_as(choice)[key]
    chosen, logits = choice[key], logits[key]  # (m,), (m, levels, k)
    row = torch.arange(len(chosen), device=logits.device)
    own_level = torch.arange(n_levels, device=logits.device) == level[:, None]
    own_k = torch.arange(n_prototypes, device=logits.device) == chosen[:, None]
    compared = (
        own_level[:, :, None] ^ own_k[:, None, :]
    )  # the level's other k, or the others' same k
    others = logits.masked_fill(~compared, float("-inf")).flatten(1).logsumexp(1)
    value = others - logits[row, level, chosen]  # Eq. (14)
    frame = key.flatten(0, 1).sum(1)
    owner = torch.arange(len(frame), device=logits.device).repeat_interleave(frame)
    per_frame = value.new_zeros(len(frame)).index_add_(0, owner, value)
    return (per_frame / frame.clamp(min=1)).sum() / (frame > 0).sum().clamp(min=1)
