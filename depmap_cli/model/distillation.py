"""Key facial behaviour self-distillation (KDM): prototype activations, level logits, and the
contrastive alignment of shallow scales with the deep prototypes."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


def prototype_activations(
    tokens: Float[Tensor, "n channels l"], prototypes: Float[Tensor, "levels k l"]
) -> Float[Tensor, "n levels k"]:
    """How strongly each frame shows each prototype: the cosine of the token that matches it best.

    Dep-MAP "Key Facial Behavior Self-Distillation", Eq. (12).
    """
    unit = F.normalize(tokens.float(), dim=-1)
    with torch.autocast(tokens.device.type, enabled=False):
        return torch.einsum("ncl,akl->ncak", unit, prototypes).amax(1)  # Eq. (12)


class LevelLogits(nn.Module):
    """Dep-MAP "Key Facial Behavior Self-Distillation", Eq. (13): weighted sums of activations.

    Reading: the sums are standardised by their running mean and standard deviation over training
    frames. Plain sums of cosines differ more between levels than between frames, so without this
    step the same level wins in every frame (measured: LOG L48).
    """

    mean: Tensor
    std: Tensor
    initialised: Tensor

    def __init__(self, n_levels: int, n_prototypes: int, momentum: float = 0.95) -> None:
        super().__init__()
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(n_levels, n_prototypes))
        self.register_buffer("mean", torch.zeros(n_levels))
        self.register_buffer("std", torch.ones(n_levels))
        self.register_buffer("initialised", torch.tensor(False))

    def forward(self, activations: Float[Tensor, "n levels k"]) -> Float[Tensor, "n levels"]:
        """One standardised logit for each level."""
        return (self._sum(activations) - self.mean) / self.std

    def _sum(self, activations: Tensor) -> Tensor:
        return (self.weight * activations).sum(-1)  # Eq. (13)

    @torch.no_grad()
    def update(self, activations: Float[Tensor, "n levels k"], reset: bool = False) -> None:
        """Move the running mean and standard deviation of the sums towards those of a training
        batch; with ``reset``, replace them."""
        sums = self._sum(activations)
        keep = self.momentum if self.initialised and not reset else 0.0
        std = sums.std(0, correction=0).clamp(min=1e-4)
        self.mean = keep * self.mean + (1 - keep) * sums.mean(0)
        self.std = keep * self.std + (1 - keep) * std
        self.initialised = torch.ones_like(self.initialised)


def contrastive_alignment(
    tokens: Float[Tensor, "b t n l"],
    prototypes: Float[Tensor, "levels k l"],
    choice: Int[Tensor, "b t n"],
    levels: Int[Tensor, " b"],
    temperature: float,
) -> Float[Tensor, ""]:
    """Contrastive loss of one scale's tokens with the prototypes assigned to the deepest tokens.

    Dep-MAP "Key Facial Behavior Self-Distillation", Eq. (14). ``choice`` is the assigned prototype,
    or -1 for a token that is not a key token. The value of a frame is the mean over its key tokens;
    the result is the mean over the frames that have key tokens, so lambda means the same at every
    T.

    Reading: as printed, the denominator excludes the positive pair and compares, across levels,
    only prototypes with the same k (if all products are equal: log((K - 1) + (A - 1))). Tokens and
    prototypes have unit length. The paper does not print the temperature; it is the authors'.
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
    # Negatives: the other prototypes of the own level, and the same k of the other levels.
    compared = own_level[:, :, None] ^ own_k[:, None, :]
    others = logits.masked_fill(~compared, float("-inf")).flatten(1).logsumexp(1)
    value = others - logits[row, level, chosen]  # Eq. (14)
    frame = key.flatten(0, 1).sum(1)
    owner = torch.arange(len(frame), device=logits.device).repeat_interleave(frame)
    per_frame = value.new_zeros(len(frame)).index_add_(0, owner, value)
    return (per_frame / frame.clamp(min=1)).sum() / (frame > 0).sum().clamp(min=1)
