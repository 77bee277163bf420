"""Finds the 68 landmarks of Multi-PIE in an aligned face.

Geometry carries over from rendered faces to real ones better than appearance does (measured: LOG
L78).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from depmap_cli.domain.landmarks import N_LANDMARKS
from depmap_cli.semantics.pixels import resized, standardised

SIDE = 128
"""Side to which faces are resized, in pixels."""
MAP_SIDE = SIDE // 4
"""Side of the maps that say where each landmark is."""
_CHANNELS = (24, 40, 64, 128)
_PRIOR_STD = 0.06
"""Standard deviation of the initial prior around the mean place, as a fraction of the side."""
_MAP_SCALE = 3.0
"""Factor on the convolved map, so that it soon outweighs the prior."""


class LandmarkNetwork(nn.Module):
    """Maps the pixels of a face to its landmarks.

    Convolutions at 1/4 to 1/16 of the side, joined from the deepest to the shallowest, give one map
    for each landmark. The landmark is the mean place under the softmax of its map. A prior, which
    is added to the map, says where the landmark usually is.
    """

    places: Tensor

    def __init__(self) -> None:
        super().__init__()
        first, second, third, fourth = _CHANNELS
        self.stem = _convolution(3, first, 2)
        self.quarter = nn.Sequential(_convolution(first, second, 2), _Residual(second))
        self.eighth = nn.Sequential(_convolution(second, third, 2), _Residual(third))
        self.sixteenth = nn.Sequential(_convolution(third, fourth, 2), _Residual(fourth))
        self.to_eighth, self.to_quarter = nn.Conv2d(fourth, third, 1), nn.Conv2d(third, second, 1)
        self.joined_eighth, self.joined_quarter = _Residual(third), _Residual(second)
        self.maps = nn.Conv2d(second, N_LANDMARKS, 1)
        nn.init.normal_(self.maps.weight, std=0.01)
        self.prior = nn.Parameter(torch.zeros(N_LANDMARKS, MAP_SIDE, MAP_SIDE))
        ticks = (torch.arange(MAP_SIDE) + 0.5) / MAP_SIDE
        rows, columns = torch.meshgrid(ticks, ticks, indexing="ij")
        places = torch.stack([columns.flatten(), rows.flatten()], 1)
        self.register_buffer("places", places, persistent=False)

    @torch.no_grad()
    def set_prior(self, mean: Float[Tensor, "68 2"]) -> None:
        """Set the prior to a Gaussian around the mean place of each landmark.

        Args:
            mean: column and row as fractions of the side.
        """
        squares = (self.places[None] - mean.to(self.places)[:, None]).square().sum(-1)
        self.prior.copy_((-squares / (2 * _PRIOR_STD**2)).view_as(self.prior))

    def forward(self, pixels: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 68 2"]:
        """Return the landmarks of aligned, normalised faces of any size.

        They are columns and rows as fractions of the side.
        """
        quarter = self.quarter(self.stem(standardised(resized(pixels.float(), SIDE))))
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        eighth = self.joined_eighth(eighth + _twice_as_large(self.to_eighth(sixteenth)))
        quarter = self.joined_quarter(quarter + _twice_as_large(self.to_quarter(eighth)))
        maps = _MAP_SCALE * self.maps(quarter).float() + self.prior
        landmarks: Tensor = maps.flatten(2).softmax(-1) @ self.places
        return landmarks


class _Residual(nn.Module):
    """Two convolutions whose result is added to their input (He et al., CVPR 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels, 1)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        return F.relu(x + self.norm(self.second(self.first(x))))


def _convolution(before: int, after: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )


def _twice_as_large(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2)
