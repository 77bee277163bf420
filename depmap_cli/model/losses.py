"""What training minimises."""

from dataclasses import dataclass
from typing import cast

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor

from depmap_cli.model.depmap import DepMap, FrameFeatures, VideoScores
from depmap_cli.model.distillation import contrastive_alignment
from depmap_cli.model.sparsity import sparsity, top_mask
from depmap_cli.runtime.distributed import ProcessGroup

ALONE = ProcessGroup()


@dataclass(frozen=True)
class Loss:
    """The loss and its terms, apart."""

    total: Float[Tensor, ""]
    regression: Float[Tensor, ""]  # mean squared error, BDI-II points squared
    contrastive: dict[int, Tensor]  # scale -> Eq. 14, means over frames


def depmap_loss(
    model: DepMap,
    videos: VideoScores,
    frames: FrameFeatures,
    target: Float[Tensor, " b"],
    levels: Int[Tensor, " b"],
    valid: Bool[Tensor, "b t"],
    contrastive_weight: float,
    processes: ProcessGroup = ALONE,
) -> Loss:
    """Dep-MAP "Overview", Eq. (3); moves the prototypes, too, when the model is in training.

    Reading: the squared error counts in units of the training scores' variance. In points it is
    some hundred times as large as the contrastive values, which would count for nothing at lambda
    0.1. ``Loss.regression`` is told in points. The contrastive values are means over frames and are
    summed over scales. With ``contrastive_weight`` 0 only the prototypes learn from the tokens.
    With several ``processes`` each brings its videos, as many as the others; prototypes see all.
    """
    regression = (videos.score - target).square().mean()
    contrastive: dict[int, Tensor] = {}
    if model.training:
        model.standardise.update(processes.gathered(frames.fused))
    if model.clusters is not None:
        tokens = {
            s: rearrange(x, "(b t) n l -> b t n l", b=len(target)) for s, x in frames.tokens.items()
        }
        with torch.no_grad():
            key = top_mask(sparsity(tokens[4], valid)[1], valid, model.config.sampling_factor)
        everyone = [processes.gathered(x) for x in (tokens[4], key, levels)]
        if model.training:
            model.clusters.update(*everyone)
            if model.level_logits is not None and frames.activations is not None:
                model.level_logits.update(processes.gathered(frames.activations))
        if model.config.kdm and contrastive_weight > 0:
            choice = processes.own(model.clusters.assign(*everyone))
            contrastive = {
                s: contrastive_alignment(
                    x, model.clusters.bank.clone(), choice, levels, model.config.temperature
                )
                for s, x in tokens.items()
                if s in model.config.scales or s == 4
            }
    variance = cast(Tensor, model.target)[1].square()
    total = regression / variance + contrastive_weight * sum(contrastive.values())  # Eq. (3)
    return Loss(total, regression, contrastive)


def level_loss(shares: Float[Tensor, "b levels"], levels: Int[Tensor, " b"]) -> Float[Tensor, ""]:
    """Cross-entropy of the videos' level shares with their severity levels, the mean over videos.

    Not in the paper, where the level logits learn from the fused score alone: key frames
    were then no better than chance, and their fusion worse than a mean (measured: CHANGELOG).
    """
    own = shares.gather(1, levels[:, None])
    return -own.clamp(min=1e-6).log().mean()
