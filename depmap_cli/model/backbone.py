"""ResNet backbone with feature maps at four scales (Dep-MAP Figure 2, S1 to S4)."""

import re

import torch
from jaxtyping import Float
from torch import Tensor, nn

from depmap_cli.runtime.lazy_imports import without_compiler

with without_compiler():
    from torchvision import models

CHANNELS = {
    "resnet18": (64, 128, 256, 512),
    "resnet34": (64, 128, 256, 512),
    "resnet50": (256, 512, 1024, 2048),
}
PIXEL_MEAN = (0.48145466, 0.4578275, 0.40821073)
PIXEL_STD = (0.26862954, 0.26130258, 0.27577711)
"""CLIP's normalisation. The backbone can be initialised from the image encoder of the semantic
model, so both use the same."""


def normalise_pixels(faces: Tensor) -> Float[Tensor, "n 3 h w"]:
    """Convert RGB uint8 (n, h, w, 3) to channels-first floats of about zero mean, unit variance."""
    mean = torch.tensor(PIXEL_MEAN, device=faces.device).view(1, 3, 1, 1)
    std = torch.tensor(PIXEL_STD, device=faces.device).view(1, 3, 1, 1)
    return (faces.permute(0, 3, 1, 2).float() / 255 - mean) / std


class Backbone(nn.Module):
    """torchvision's ResNet-18, 34 or 50 without its classifier."""

    def __init__(self, name: str) -> None:
        super().__init__()
        net = getattr(models, name)(weights=None)
        self.channels = CHANNELS[name]
        self.stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
        self.stages = nn.ModuleList([net.layer1, net.layer2, net.layer3, net.layer4])

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> list[Tensor]:
        """Feature maps f_1 to f_4, each (n, channels, h / stride, w / stride)."""
        x = self.stem(x)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


def resnet_tensors(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename torchvision's ResNet weights, e.g. ``layer1.0.conv1.weight``, for ``Backbone``.

    Other tensors, such as the classifier's, are dropped.
    """
    renamed = {}
    for name, value in state.items():
        head, _, suffix = name.partition(".")
        if head in ("conv1", "bn1"):
            renamed[f"stem.{('conv1', 'bn1').index(head)}.{suffix}"] = value
        elif re.fullmatch(r"layer[1-4]", head):
            renamed[f"stages.{int(head[5:]) - 1}.{suffix}"] = value
    return renamed
