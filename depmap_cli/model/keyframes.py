"""Key-frame fusion (MAP): the most confident frames determine the score of a video."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from depmap_cli.model.sparsity import top_mask


def confidence(logits: Float[Tensor, "*n levels"]) -> Float[Tensor, "*n"]:
    """Largest softmax probability over the levels."""
    return torch.softmax(logits.float(), -1).amax(-1)


def key_frame_weights(
    logits: Float[Tensor, "b t levels"], valid: Bool[Tensor, "b t"], sampling_factor: float
) -> Float[Tensor, "b t"]:
    """Weights over the u = c ln T most confident frames of each video; they sum to one, and are
    zero for other frames.

    Dep-MAP "Key Facial Behavior Self-Distillation", text after Eq. (13). Reading: the weights are
    the confidences themselves rather than their ranks, so that the logits get a gradient.
    """
    frame_confidence = confidence(logits)
    weights = frame_confidence * top_mask(frame_confidence, valid, sampling_factor)
    return weights / weights.sum(1, keepdim=True).clamp(min=1e-8)


def mean_weights(valid: Bool[Tensor, "b t"]) -> Float[Tensor, "b t"]:
    """Equal weights over the valid frames, for fusion without MAP."""
    return valid.float() / valid.sum(1, keepdim=True).clamp(min=1)
