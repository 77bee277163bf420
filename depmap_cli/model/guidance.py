"""Emotion semantic attention (ESA): CLIP embeddings of a frame reweight the channels of its map."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class SemanticGuidance(nn.Module):
    """Dep-MAP "Overview", Eq. (1).

    Reading: the paper does not define ``exp(T_i, V_i)``. Here the text (query) and image (key)
    embeddings are normalised and projected to the map's channels. The softmax of their product over
    channels, scaled to a mean of one, reweights the channels of the map (value). gamma scales the
    result, and the map is added. gamma starts at 0.5, because at zero the projections would get no
    gradient.
    """

    def __init__(self, semantic_dim: int, channels: int) -> None:
        super().__init__()
        self.query = nn.Sequential(nn.Linear(semantic_dim, channels), nn.LayerNorm(channels))
        self.key = nn.Sequential(nn.Linear(semantic_dim, channels), nn.LayerNorm(channels))
        self.gamma = nn.Parameter(torch.tensor(0.5))

    def forward(
        self,
        feature: Float[Tensor, "n c h w"],
        text: Float[Tensor, "n d"],
        image: Float[Tensor, "n d"],
    ) -> Float[Tensor, "n c h w"]:
        """The guided map E_t."""
        query = self.query(F.normalize(text, dim=-1))
        key = self.key(F.normalize(image, dim=-1))
        attention = torch.softmax((query * key).float(), dim=-1) * feature.shape[1]
        return self.gamma * attention[:, :, None, None] * feature + feature  # Eq. (1)
