"""Batch normalisation as a part of convolutions."""

import pytest
import torch

from depmap_cli.model.backbone import Backbone
from depmap_cli.runtime.fold_batch_norm import fold_batch_norm
from depmap_cli.semantics.head_and_gaze import HeadAndGaze
from depmap_cli.semantics.landmark_network import LandmarkNetwork


@pytest.mark.parametrize(
    "make",
    [lambda: Backbone("resnet18"), lambda: Backbone("resnet50"), LandmarkNetwork, HeadAndGaze],
)
def test_folded_batch_norm_gives_the_same_outputs(make):
    torch.manual_seed(0)
    network = make().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.2)
    faces = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected = network(faces)
        fold_batch_norm(network)
        folded = network(faces)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules())
    for a, b in zip(folded, expected, strict=True):
        assert (a - b).abs().max() < 1e-4 * b.abs().max()
