"""Multi-scale representation (MSR): attention at each scale, joined by wavelets."""

import math
import warnings

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class ScaleAttention(nn.Module):
    """One scale made ready for fusion: pointwise and grouped convolution, then channel attention.

    Dep-MAP "Multi-Scale Representation Learning". The groups tie channels that share a prototype.
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
        """The scale at ``channels`` channels, each weighed by how much it matters."""
        mixed: Tensor = self.mix(feature)
        attention: Tensor = self.attention(mixed.mean((2, 3)))
        return mixed * attention[:, :, None, None]


class MultiScaleFusion(nn.Module):
    """Dep-MAP "Multi-Scale Representation Learning": small map + LL of the next, then inverse DWT.

    From the deepest chosen scale to the shallowest. Where neighbours in ``scales`` lie more than
    one stage apart, the transform has as many levels, so every choice in Table 2 can be fused.
    Side lengths must halve exactly: faces have sides that are multiples of 32.

    The transform is linear and inverted exactly, so what is added to LL arrives as its own inverse
    transform without details: IDWT(LL + s, LH, HL, HH) = map + IDWT(s, 0, 0, 0). That spares the
    forward transform. With Haar's wavelet, the paper's, what is left is s with every value
    repeated, and needs no transform at all; other wavelets interpolate more smoothly.

    Reading: the LL of a constant map is twice that constant at each level of an orthonormal
    transform, so the small map is doubled likewise before it joins. Added as it is, S4 would reach
    S1's size at an eighth of its height, and the fused vector would know next to nothing of it
    (measured: CHANGELOG).
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
        """One vector a frame from its maps f_1 to f_4 (the deepest guided)."""
        read: Tensor = self.read(self.fuse(features))
        return read.mean((2, 3))

    def fuse(self, features: list[Tensor]) -> Float[Tensor, "n d h w"]:
        """The unified map, at the resolution of the shallowest scale."""
        deeper = self.scales[-1]
        fused: Tensor = self.ready[str(deeper)](features[deeper - 1])
        for scale in self.scales[-2::-1]:
            ready: Tensor = self.ready[str(scale)](features[scale - 1])
            fused = ready + self.enlarge(fused, deeper - scale)
            deeper = scale
        return fused

    def enlarge(self, small: Float[Tensor, "n d h w"], levels: int) -> Float[Tensor, "n d H W"]:
        """Inverse transform of the small map, doubled at each level, without details."""
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
