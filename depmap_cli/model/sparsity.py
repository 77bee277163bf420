"""Which tokens stand out over time: Informer's sparsity measure and the choice of the top u."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

CHUNK = 256
"""Query frames compared at a time, so that memory grows with T and not with its square."""


def sparsity(
    tokens: Float[Tensor, "b t n l"], valid: Bool[Tensor, "b t"]
) -> tuple[Float[Tensor, "b t n"], Float[Tensor, "b t n"]]:
    """M and its bound M-bar of every token against the same channel's tokens at all valid times.

    Dep-MAP "Semantic Disambiguation Prototype Cluster", Eq. (5) and (6); ln T <= M <= M-bar + ln T.
    Computed exactly, never on randomly drawn keys.
    """
    tokens = tokens.float()
    count = valid.sum(1).clamp(min=1).view(-1, 1, 1)
    hidden = ~valid[:, None, None, :]
    measures, bounds = [], []
    for start in range(0, tokens.shape[1], CHUNK):
        query = tokens[:, start : start + CHUNK]
        with torch.autocast(tokens.device.type, enabled=False):
            scores = torch.einsum("btnl,bsnl->btns", query, tokens) / math.sqrt(tokens.shape[-1])
        mean = scores.masked_fill(hidden, 0).sum(-1) / count
        scores = scores.masked_fill(hidden, float("-inf"))
        measures.append(scores.logsumexp(-1) - mean)  # Eq. (5)
        bounds.append(scores.amax(-1) - mean)  # Eq. (6)
    return torch.cat(measures, 1), torch.cat(bounds, 1)


def n_key(time: int, sampling_factor: float) -> int:
    """u = c ln T, rounded, at least 1 and at most T."""
    return max(1, min(time, round(sampling_factor * math.log(max(time, 1)))))


def top_mask(
    measure: Float[Tensor, "b t ..."], valid: Bool[Tensor, "b t"], sampling_factor: float
) -> Bool[Tensor, "b t ..."]:
    """True at the u largest values along time, among each video's valid frames.

    u follows each video's own number of valid frames; ties go to the earlier frame.
    """
    hidden = ~valid.view(*valid.shape, *[1] * (measure.dim() - 2))
    order = measure.masked_fill(hidden, float("-inf")).sort(dim=1, descending=True, stable=True)[1]
    rank = torch.empty_like(order)
    places = torch.arange(measure.shape[1], device=measure.device)
    places = places.view(1, -1, *[1] * (measure.dim() - 2)).expand_as(order)
    rank.scatter_(1, order, places)
    limits = [n_key(int(count), sampling_factor) for count in valid.sum(1).tolist()]
    limit = torch.tensor(limits, device=measure.device).view(-1, *[1] * (measure.dim() - 1))
    return (rank < limit) & ~hidden
