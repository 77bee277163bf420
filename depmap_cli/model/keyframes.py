"""Key-frame fusion (MAP): the frames whose evidence is most decided make the decision."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from depmap_cli.model.sparsity import top_mask


def confidence(logits: Float[Tensor, "*n levels"]) -> Float[Tensor, "*n"]:
    """The largest logit's proportion: max over levels of softmax."""
    return torch.softmax(logits.float(), -1).amax(-1)


def key_frame_weights(
    logits: Float[Tensor, "b t levels"], valid: Bool[Tensor, "b t"], sampling_factor: float
) -> Float[Tensor, "b t"]:
    """Weights that sum to one over each video's u = c ln T most decided frames; zero elsewhere.

    Dep-MAP "Key Facial Behavior Self-Distillation", text after Eq. (13). Reading: the weights are
    the confidences themselves and not only their ranks, so that the logits get a gradient.
    """
    frame_confidence = confidence(logits)
    kept = frame_confidence * top_mask(frame_confidence, valid, sampling_factor)
    return kept / kept.sum(1, keepdim=True).clamp(min=1e-8)


def mean_weights(valid: Bool[Tensor, "b t"]) -> Float[Tensor, "b t"]:
    """Equal weights over the valid frames: fusion with MAP switched off."""
    return valid.float() / valid.sum(1, keepdim=True).clamp(min=1)
