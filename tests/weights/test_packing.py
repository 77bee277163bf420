"""Weights files omit a backbone that equals the image encoder, and restore it when loaded."""

import pytest
import torch

from depmap_cli.config import ModelConfig
from depmap_cli.io.checkpoint import halved
from depmap_cli.model.depmap import DepMap
from depmap_cli.semantics.clip_model import BUNDLED_MODEL
from depmap_cli.semantics.load_model import load_semantic_model
from depmap_cli.weights.locations import default_semantic_weights
from depmap_cli.weights.packing import pack_network, unpack_network


@pytest.fixture(scope="module")
def semantics():
    return load_semantic_model(BUNDLED_MODEL, str(default_semantic_weights()))


@pytest.fixture
def model(semantics):
    torch.manual_seed(0)
    made = DepMap(config=ModelConfig(), semantic_dim=semantics.dim)
    made.backbone.load_state_dict(semantics.image_encoder_weights)
    return made


def test_the_image_encoder_is_omitted_and_restored(semantics, model):
    tensors = halved(model.state_dict())
    packed = pack_network(tensors, semantics)
    assert packed.keys() == {n for n in tensors if not n.startswith("backbone.")}
    unpacked = unpack_network(packed, semantics)
    assert unpacked.keys() == tensors.keys()
    for name, value in model.backbone.state_dict().items():
        assert torch.equal(unpacked[f"backbone.{name}"], value)


def test_a_backbone_with_any_difference_is_stored(semantics, model):
    with torch.no_grad():
        model.backbone.stages[3][1].bn2.running_mean[7] += 0.25
    tensors = halved(model.state_dict())
    assert pack_network(tensors, semantics) is tensors
    assert unpack_network(tensors, semantics) == tensors


def test_a_backbone_of_another_depth_is_stored(semantics):
    tensors = DepMap(
        config=ModelConfig(backbone="resnet34"), semantic_dim=semantics.dim
    ).state_dict()
    assert pack_network(tensors, semantics) is tensors
