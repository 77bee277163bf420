"""Latent facial-behaviour tokens: where on the face each channel responds."""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

GRID = 8
"""Largest side of the pooled map on which responses are located."""


def soft_peaks(
    response: Float[Tensor, "*batch h w"], n_peaks: int, temperature: float
) -> Float[Tensor, "*batch peaks 2"]:
    """(row, column), each in [-1, 1], of a map's strongest responses, the strongest first.

    A continuous top-k (Ploetz and Roth, NeurIPS 2018): softmax, expected position, lower what was
    taken, again. It tends to the hard positions as ``temperature`` tends to 0 and has a gradient
    everywhere. Responses are standardised over the map, so only their shape matters.
    """
    height, width = response.shape[-2:]
    with torch.autocast(response.device.type, enabled=False):
        flat = response.flatten(-2).float()
        spread = flat.std(-1, keepdim=True, correction=0)
        flat = (flat - flat.mean(-1, keepdim=True)) / (spread + 1e-4)
        rows = torch.linspace(-1, 1, height, device=flat.device).repeat_interleave(width)
        columns = torch.linspace(-1, 1, width, device=flat.device).repeat(height)
        grid = torch.stack([rows, columns], -1)
        positions = []
        for _ in range(n_peaks):
            share = torch.softmax(flat / temperature, -1)
            positions.append(share @ grid)
            flat = flat + (1 - share.clamp(max=1 - 1e-4)).log()  # -9.2: lower than any spike
        return torch.stack(positions, -2)


class BehaviourEncoder(nn.Module):
    """Dep-MAP "Semantic Disambiguation Prototype Cluster", Eq. (4): one token a channel.

    Reading: hash coding is not binary hashing; the positions of a channel's strongest responses on
    the pooled map are its code. The fully connected layer has weights of its own for each channel,
    so that a token also tells which cue it belongs to.
    """

    def __init__(
        self, *, in_channels: int, n_channels: int, token_dim: int, n_peaks: int, temperature: float
    ) -> None:
        super().__init__()
        self.n_peaks, self.temperature = n_peaks, temperature
        self.conv = nn.Conv2d(in_channels, n_channels, 1, bias=False)
        self.weight = nn.Parameter(
            torch.randn(n_channels, 2 * n_peaks, token_dim) * (2 * n_peaks) ** -0.5
        )
        self.bias = nn.Parameter(torch.randn(n_channels, token_dim) * 0.5)

    def forward(self, guided: Float[Tensor, "n c h w"]) -> Float[Tensor, "n channels token"]:
        """Tokens G_t of each frame."""
        if guided.shape[-1] > GRID:  # before the convolution, with which it commutes
            guided = F.adaptive_avg_pool2d(guided, GRID)
        peaks = soft_peaks(self.conv(guided), self.n_peaks, self.temperature)
        code = rearrange(peaks, "n channel peak rc -> n channel (peak rc)")
        return torch.einsum("nik,ikl->nil", code, self.weight) + self.bias  # Eq. (4)
