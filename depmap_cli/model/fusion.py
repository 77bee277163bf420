"""Multi-scale representation (MSR): attention at each scale, joined by Haar wavelets."""

import math
import warnings

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
    from pytorch_wavelets import DWTForward, DWTInverse


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

    Reading: the orthonormal Haar's LL of a constant map is twice that constant at each level, so
    the small map is doubled likewise before it joins. Added as it is, S4 would reach S1's size at
    an eighth of its height, and the fused vector would know next to nothing of it (measured:
    CHANGELOG).
    """

    def __init__(
        self, in_channels: tuple[int, ...], scales: tuple[int, ...], channels: int, groups: int
    ) -> None:
        super().__init__()
        self.scales = scales
        self.ready = nn.ModuleDict(
            {str(s): ScaleAttention(in_channels[s - 1], channels, groups) for s in scales}
        )
        gaps = {b - a for a, b in zip(scales, scales[1:], strict=False)}
        self.forward_dwt = nn.ModuleDict({str(g): DWTForward(J=g, wave="haar") for g in gaps})
        self.inverse_dwt = DWTInverse(wave="haar")
        self.read = nn.Sequential(
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1, bias=False),
            nn.GroupNorm(math.gcd(8, channels), 2 * channels),
            nn.GELU(),
        )
        self.fused_dim = 2 * channels

    def forward(self, features: list[Tensor]) -> Float[Tensor, "n fused"]:
        """One vector a frame from its maps f_1 to f_4 (the deepest guided)."""
        return F.adaptive_avg_pool2d(self.read(self.fuse(features)), 1).flatten(1)

    def fuse(self, features: list[Tensor]) -> Float[Tensor, "n d h w"]:
        """The unified map, at the resolution of the shallowest scale."""
        maps = {s: self.ready[str(s)](features[s - 1]).float() for s in self.scales}
        with torch.autocast(features[0].device.type, enabled=False):
            deeper = self.scales[-1]
            fused: Tensor = maps[deeper]
            for scale in self.scales[-2::-1]:
                levels = deeper - scale
                low, high = self.forward_dwt[str(levels)](maps[scale])
                fused = self.inverse_dwt((low + 2**levels * fused, high))
                deeper = scale
        return fused
