"""The training loss."""

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

SINGLE_PROCESS = ProcessGroup()


@dataclass(frozen=True)
class Loss:
    """The loss and its terms."""

    total: Float[Tensor, ""]
    regression: Float[Tensor, ""]  # mean squared error, BDI-II points squared
    contrastive: dict[int, Tensor]  # scale -> Eq. 14, mean over frames


def depmap_loss(
    model: DepMap,
    videos: VideoScores,
    frames: FrameFeatures,
    target: Float[Tensor, " b"],
    levels: Int[Tensor, " b"],
    valid: Bool[Tensor, "b t"],
    contrastive_weight: float,
    processes: ProcessGroup = SINGLE_PROCESS,
) -> Loss:
    """Dep-MAP "Overview", Eq. (3). In training mode it also updates the running statistics and the
    prototypes.

    Reading: the squared error is divided by the variance of the training scores. In points squared
    it is about a hundred times as large as the contrastive values, which at lambda 0.1 would have
    no effect. ``Loss.regression`` stays in points squared. The contrastive values are means over
    frames and are summed over scales. With ``contrastive_weight`` 0 the tokens only move the
    prototypes. With several ``processes``, each passes the same number of its own videos, and the
    statistics and prototypes are updated from all of them.

    Args:
        target: true scores, BDI-II points.
        levels: severity level of each video, from 0.
        contrastive_weight: lambda.
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
        gathered = [processes.gathered(x) for x in (tokens[4], key, levels)]
        if model.training:
            model.clusters.update(*gathered)
            if model.level_logits is not None and frames.activations is not None:
                model.level_logits.update(processes.gathered(frames.activations))
        if model.config.kdm and contrastive_weight > 0:
            choice = processes.own(model.clusters.assign(*gathered))
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


def level_loss(
    probabilities: Float[Tensor, "b levels"], levels: Int[Tensor, " b"]
) -> Float[Tensor, ""]:
    """Cross-entropy of the level probabilities with the true severity levels; mean over videos.

    Not in the paper, which trains the level logits through the fused score alone. Key frames were
    then no better than chance, and fusing them was worse than a mean (measured: LOG L55).
    """
    own = probabilities.gather(1, levels[:, None])
    return -own.clamp(min=1e-6).log().mean()
