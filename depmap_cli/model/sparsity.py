"""Informer's sparsity measure of tokens over time, and the selection of the top u."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

CHUNK = 256
"""Number of query frames compared at once, so that memory grows linearly with T."""


def sparsity(
    tokens: Float[Tensor, "b t n l"], valid: Bool[Tensor, "b t"]
) -> tuple[Float[Tensor, "b t n"], Float[Tensor, "b t n"]]:
    """Sparsity M of each token, and its bound M-bar, against the same channel at all valid times.

    Dep-MAP "Semantic Disambiguation Prototype Cluster", Eq. (5) and (6); ln T <= M <= M-bar + ln T.
    Both are computed over all keys; Informer samples them.
    """
    tokens = tokens.float()
    count = valid.sum(1).clamp(min=1).view(-1, 1, 1)
    invalid = ~valid[:, None, None, :]
    measures, bounds = [], []
    for start in range(0, tokens.shape[1], CHUNK):
        query = tokens[:, start : start + CHUNK]
        with torch.autocast(tokens.device.type, enabled=False):
            scores = torch.einsum("btnl,bsnl->btns", query, tokens) / math.sqrt(tokens.shape[-1])
        mean = scores.masked_fill(invalid, 0).sum(-1) / count
        scores = scores.masked_fill(invalid, float("-inf"))
        measures.append(scores.logsumexp(-1) - mean)  # Eq. (5)
        bounds.append(scores.amax(-1) - mean)  # Eq. (6)
    return torch.cat(measures, 1), torch.cat(bounds, 1)


def n_key(time: int, sampling_factor: float) -> int:
    """Number of key tokens u = c ln T, rounded, at least 1 and at most T."""
    return max(1, min(time, round(sampling_factor * math.log(max(time, 1)))))


def top_mask(
    measure: Float[Tensor, "b t ..."], valid: Bool[Tensor, "b t"], sampling_factor: float
) -> Bool[Tensor, "b t ..."]:
    """Mask of the u largest values along time among the valid frames of each video.

    u depends on the video's number of valid frames. The earlier frame wins a tie.
    """
    invalid = ~valid.view(*valid.shape, *[1] * (measure.dim() - 2))
    order = measure.masked_fill(invalid, float("-inf")).sort(dim=1, descending=True, stable=True)[1]
    rank = torch.empty_like(order)
    ranks = torch.arange(measure.shape[1], device=measure.device)
    ranks = ranks.view(1, -1, *[1] * (measure.dim() - 2)).expand_as(order)
    rank.scatter_(1, order, ranks)
    limits = [n_key(int(count), sampling_factor) for count in valid.sum(1).tolist()]
    limit = torch.tensor(limits, device=measure.device).view(-1, *[1] * (measure.dim() - 1))
    return (rank < limit) & ~invalid
