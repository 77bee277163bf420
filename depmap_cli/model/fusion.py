"""Multi-scale representation (MSR): channel attention at each scale, wavelet fusion of scales."""

import math
import warnings

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class ScaleAttention(nn.Module):
    """Prepares one scale for fusion: pointwise and grouped convolution, then channel attention.

    Dep-MAP "Multi-Scale Representation Learning". A group holds the channels of one prototype.
    """

    def __init__(self, in_channels: int, channels: int, groups: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.Conv2d(in_channels, channels, 1, bias=False),
            nn.GroupNorm(math.gcd(8, channels), channels),
            nn.GELU(),
            nn.Conv2d(channels, channels, 3, padding=1, groups=math.gcd(groups, channels)),
            nn.GELU(),
        )
        self.attention = nn.Sequential(
            nn.Linear(channels, channels // 4),
            nn.GELU(),
            nn.Linear(channels // 4, channels),
            nn.Sigmoid(),
        )

    def forward(self, feature: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        """The map with ``channels`` channels, each multiplied by its attention weight."""
        mixed: Tensor = self.mix(feature)
        attention: Tensor = self.attention(mixed.mean((2, 3)))
        return mixed * attention[:, :, None, None]


class MultiScaleFusion(nn.Module):
    """Dep-MAP "Multi-Scale Representation Learning": add the small map to the LL band of the next
    scale, then apply the inverse DWT.

    Fusion runs from the deepest scale in ``scales`` to the shallowest. If two neighbours are more
    than one stage apart, the transform has as many levels, so every choice in Table 2 can be fused.
    Side lengths must halve exactly: the side of a face is a multiple of 32.

    The transform is linear and its inverse is exact, so IDWT(LL + s, LH, HL, HH) = map +
    IDWT(s, 0, 0, 0), and the forward transform is not needed. With the paper's Haar wavelet,
    IDWT(s, 0, 0, 0) repeats every value of s, which needs no transform; other wavelets interpolate
    more smoothly.

    Reading: in an orthonormal transform the LL band of a constant map is twice that constant at
    each level, so the small map is doubled at each level before it is added. Without doubling, S4
    would reach the size of S1 at an eighth of its magnitude, and the fused vector would carry
    almost nothing of it (measured: LOG L42).
    """

    def __init__(
        self,
        *,
        in_channels: tuple[int, ...],
        scales: tuple[int, ...],
        channels: int,
        groups: int,
        wavelet: str = "haar",
    ) -> None:
        super().__init__()
        self.scales = scales
        self.ready = nn.ModuleDict(
            {str(s): ScaleAttention(in_channels[s - 1], channels, groups) for s in scales}
        )
        self.inverse_dwt = None if wavelet == "haar" else _inverse_transform(wavelet)
        self.read = nn.Sequential(
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1, bias=False),
            nn.GroupNorm(math.gcd(8, channels), 2 * channels),
            nn.GELU(),
        )
        self.fused_dim = 2 * channels

    def forward(self, features: list[Tensor]) -> Float[Tensor, "n fused"]:
        """One vector for each frame, from its maps f_1 to f_4 (the deepest after guidance)."""
        read: Tensor = self.read(self.fuse(features))
        return read.mean((2, 3))

    def fuse(self, features: list[Tensor]) -> Float[Tensor, "n d h w"]:
        """The fused map, at the resolution of the shallowest scale."""
        deeper = self.scales[-1]
        fused: Tensor = self.ready[str(deeper)](features[deeper - 1])
        for scale in self.scales[-2::-1]:
            ready: Tensor = self.ready[str(scale)](features[scale - 1])
            fused = ready + self.enlarge(fused, deeper - scale)
            deeper = scale
        return fused

    def enlarge(self, small: Float[Tensor, "n d h w"], levels: int) -> Float[Tensor, "n d H W"]:
        """Inverse DWT of the small map with zero detail bands, doubled at each level."""
        if self.inverse_dwt is None:
            return F.interpolate(small, scale_factor=2**levels)
        with torch.autocast(small.device.type, enabled=False):
            large: Tensor = self.inverse_dwt((2**levels * small.float(), [None] * levels))
        return large


def _inverse_transform(wavelet: str) -> nn.Module:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
        from pytorch_wavelets import DWTInverse
    inverse: nn.Module = DWTInverse(wave=wavelet, mode="periodization")
    return inverse
