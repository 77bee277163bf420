"""Latent facial behaviour tokens, from positions of responses or from readings of the frame."""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from depmap_cli.model.standardise import Standardise

GRID = 8
"""Largest side of the map on which responses are located; larger maps are pooled."""


def soft_peaks(
    response: Float[Tensor, "*batch h w"], n_peaks: int, temperature: float
) -> Float[Tensor, "*batch peaks 2"]:
    """Positions (row, column) of a map's strongest responses, in [-1, 1], strongest first.

    A continuous top-k (Ploetz and Roth, NeurIPS 2018): take the expected position under a softmax,
    lower the responses there, and repeat. It approaches the hard positions as ``temperature``
    approaches 0, and has a gradient everywhere. Responses are standardised over the map, so only
    its shape matters.
    """
    height, width = response.shape[-2:]
    with torch.autocast(response.device.type, enabled=False):
        flat = response.flatten(-2).float()
        std = flat.std(-1, keepdim=True, correction=0)
        flat = (flat - flat.mean(-1, keepdim=True)) / (std + 1e-4)
        rows = torch.linspace(-1, 1, height, device=flat.device).repeat_interleave(width)
        columns = torch.linspace(-1, 1, width, device=flat.device).repeat(height)
        grid = torch.stack([rows, columns], -1)
        positions = []
        for _ in range(n_peaks):
            share = torch.softmax(flat / temperature, -1)
            positions.append(share @ grid)
            flat = flat + (1 - share.clamp(max=1 - 1e-4)).log()  # at most -9.2: below every peak
        return torch.stack(positions, -2)


class BehaviourEncoder(nn.Module):
    """Dep-MAP "Semantic Disambiguation Prototype Cluster", Eq. (4): one token for each channel.

    Reading: hash coding is not binary hashing; the code of a channel is the positions of its
    strongest responses on the pooled map. The fully connected layer has separate weights for each
    channel, so a token also identifies its channel.

    Initial weights are normal with variance 1 / (code width), so tokens start at about unit scale.
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
        if guided.shape[-1] > GRID:  # cheaper before the 1x1 convolution, with which it commutes
            guided = F.adaptive_avg_pool2d(guided, GRID)
        peaks = soft_peaks(self.conv(guided), self.n_peaks, self.temperature)
        code = rearrange(peaks, "n channel peak rc -> n channel (peak rc)")
        return torch.einsum("nik,ikl->nil", code, self.weight) + self.bias  # Eq. (4)


class ReadingEncoder(nn.Module):
    """Dep-MAP "Semantic Disambiguation Prototype Cluster", Eq. (4), on readings of the frame.

    Not in the paper: each token is a linear map of the frame's action units, head pose and gaze,
    standardised over the training frames. Positions on the pooled map hardly change with the
    expression, so prototypes of positions differ by channel and not by expression (measured: LOG
    L90). There is no bias, so a frame with mean readings has tokens of zero.
    """

    def __init__(self, *, n_readings: int, n_channels: int, token_dim: int) -> None:
        super().__init__()
        self.standardise = Standardise(n_readings)
        self.weight = nn.Parameter(
            torch.randn(n_channels, n_readings, token_dim) * n_readings**-0.5
        )

    def forward(self, readings: Float[Tensor, "n readings"]) -> Float[Tensor, "n channels token"]:
        """Tokens G_t of each frame.

        Args:
            readings: of ``frame_readings``; unknown ones (NaN) count as the mean in training.
        """
        known = self.standardise(readings).nan_to_num(0.0)
        with torch.autocast(known.device.type, enabled=False):
            return torch.einsum("nk,ikl->nil", known, self.weight)  # Eq. (4)

    def fit(self, readings: Float[Tensor, "n readings"]) -> None:
        """Take the statistics of the readings of all training frames.

        A reading that is not known in every frame gets mean 0 and the smallest divisor.
        """
        known = readings.isfinite().all(0)
        self.standardise.update(torch.where(known, readings, 0.0), reset=True)
