"""The backbone equals torchvision's ResNet and accepts only weights that fit it."""

import pytest
import torch
from torchvision import models

from depmap_cli.model.backbone import (
    CHANNELS,
    PIXEL_MEAN,
    PIXEL_STD,
    Backbone,
    resnet_tensors,
)
from depmap_cli.model.backbone import normalise_pixels as normalise


def stages_of(net, x):
    """Feature maps of a torchvision ResNet, by hooks rather than by our own wiring."""
    maps = []
    for layer in (net.layer1, net.layer2, net.layer3, net.layer4):
        layer.register_forward_hook(lambda module, given, result: maps.append(result))
    net(x)
    return maps


@pytest.fixture(scope="module")
def reference():
    torch.manual_seed(7)
    return models.resnet18(weights=None).eval()


def test_torchvision_weights_give_torchvision_features(reference):
    torch.manual_seed(0)
    backbone = Backbone("resnet18").eval()
    backbone.load_state_dict(resnet_tensors(reference.state_dict()))
    x = torch.randn(2, 3, 64, 64)
    for ours, theirs in zip(backbone(x), stages_of(reference, x), strict=True):
        assert torch.equal(ours, theirs)


def test_other_depths_are_refused(reference):
    with pytest.raises(RuntimeError):
        Backbone("resnet34").load_state_dict(resnet_tensors(reference.state_dict()))
    with pytest.raises(RuntimeError):
        Backbone("resnet18").load_state_dict(
            resnet_tensors(models.resnet34(weights=None).state_dict())
        )


def test_incomplete_and_foreign_names_are_refused(reference):
    state = reference.state_dict()
    with pytest.raises(RuntimeError):
        Backbone("resnet18").load_state_dict(
            resnet_tensors({f"module.{k}": v for k, v in state.items()})
        )
    del state["layer3.0.conv1.weight"]
    with pytest.raises(RuntimeError):
        Backbone("resnet18").load_state_dict(resnet_tensors(state))


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50"])
def test_shapes_at_every_depth(name):
    backbone = Backbone(name).eval()
    with torch.inference_mode():
        maps = backbone(torch.randn(1, 3, 64, 64))
    strides = (4, 8, 16, 32)
    shapes = [(1, c, 64 // s, 64 // s) for c, s in zip(CHANNELS[name], strides, strict=True)]
    assert [tuple(feature.shape) for feature in maps] == shapes


def test_pixels_are_normalised_and_channels_lead():
    faces = torch.zeros(1, 2, 3, 3, dtype=torch.uint8)
    faces[0, 0, 0] = torch.tensor([255, 51, 0], dtype=torch.uint8)
    pixels = normalise(faces)
    assert pixels.shape == (1, 3, 2, 3)
    for channel, value in enumerate((1.0, 0.2, 0.0)):
        expected = (value - PIXEL_MEAN[channel]) / PIXEL_STD[channel]
        assert float(pixels[0, channel, 0, 0]) == pytest.approx(expected, abs=1e-5)
