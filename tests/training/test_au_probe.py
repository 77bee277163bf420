"""Losses beside the paper's: of action units in the fused representation, of levels in frames."""

import csv
import math

import pytest
import torch
from torch.nn import functional as F

from depmap_cli.config import ModelConfig
from depmap_cli.io.checkpoint import load_tensors
from depmap_cli.model.depmap import DepMap
from depmap_cli.model.keyframes import key_frame_weights
from depmap_cli.model.losses import level_loss
from depmap_cli.training.au_probe import AuProbe
from tests.support.runs import train

pytestmark = pytest.mark.slow


def test_the_loss_is_the_cross_entropy_summed_over_units():
    probe = AuProbe(2, torch.full((18,), 0.5))
    au_probabilities = torch.rand(5, 18, generator=torch.Generator().manual_seed(0))
    loss = probe(torch.randn(5, 2, generator=torch.Generator().manual_seed(1)), au_probabilities)
    torch.testing.assert_close(loss, torch.tensor(18 * math.log(2)))  # ln 2 a unit, whatever it is


def test_it_reaches_maps_only():
    """Activations of tokens from readings are computed from what the loss asks for."""
    config = ModelConfig(n_channels=8, token_dim=8, fused_channels=8, tokens="readings")
    model = DepMap(config=config, semantic_dim=4)
    maps = [torch.randn(2, c, 8, 8) for c in model.backbone.channels]
    maps = [F.interpolate(m, size=2 ** (5 - i)) for i, m in enumerate(maps)]
    frames = model.encode_maps(maps, torch.randn(2, 4), torch.randn(2, 4), torch.rand(2, 23))
    probe = AuProbe(model.map_dim, torch.full((18,), 0.5))
    torch.nn.init.normal_(probe.units.weight)
    probe(model.standardise(frames.fused)[:, : model.map_dim], torch.rand(2, 18)).backward()
    assert model.fusion.read[0].weight.grad.abs().sum() > 0
    assert model.reading_encoder.weight.grad is None or not model.reading_encoder.weight.grad.any()


def test_it_starts_at_the_mean_probability_of_each_unit():
    """So that features are not pushed, epoch after epoch, to tell what no frame has to tell."""
    means = torch.linspace(0.0, 0.9, 18)
    probe = AuProbe(3, means)
    fused = torch.randn(7, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    probe(fused, means.expand(7, -1)).backward()
    told = torch.sigmoid(probe.units(fused))
    torch.testing.assert_close(told, means.clamp(min=1e-4).expand(7, -1))
    assert not fused.grad.any()


def test_what_the_representation_tells_is_learned():
    """Planted: one feature is the logit of every unit's evidence."""
    torch.manual_seed(0)
    fused = torch.randn(256, 4)
    au_probabilities = torch.sigmoid(3 * fused[:, :1]).expand(-1, 18)
    probe = AuProbe(4, au_probabilities.mean(0))
    optimizer = torch.optim.Adam(probe.parameters(), 0.1)
    for _ in range(200):
        optimizer.zero_grad()
        probe(fused, au_probabilities).backward()
        optimizer.step()
    weight = probe.units.weight.detach()
    torch.testing.assert_close(weight[:, 0], torch.full((18,), 3.0), atol=0.1, rtol=0)
    assert weight[:, 1:].abs().max() < 0.1


def test_it_is_logged_and_not_kept(trained, corpus, cache, tmp_path, monkeypatch):
    with (trained / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(float(row["au"]) > 0 and float(row["level"]) > 0 for row in rows)
    assert not [name for name in load_tensors(trained / "weights.safetensors") if "reader" in name]
    for name, options in (
        ("off", ["--set", "train.au_loss_weight=0", "--set", "train.level_loss_weight=0"]),
        ("plain", ["--model", "resnet-baseline"]),  # knows nothing of CLIP
    ):
        out = tmp_path / name
        assert train(monkeypatch, corpus, cache, out, *options) == 0
        heads = (out / "log.csv").read_text().splitlines()[0].split(",")
        assert not {"au", "level"}.intersection(heads)


def test_the_level_loss_by_hand():
    shares = torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.75, 0.25]])
    loss = level_loss(shares, torch.tensor([0, 3]))
    torch.testing.assert_close(loss, torch.tensor((math.log(2) + math.log(4)) / 2))


def test_the_level_loss_makes_key_frames_show_the_level():
    """Planted: two of eight frames show the level, the others the wrong one less decidedly."""
    logits = torch.zeros(1, 8, 4)
    logits[0, :2, 2], logits[0, 2:, 0] = 1.0, 1.2
    logits.requires_grad_()
    optimizer = torch.optim.Adam([logits], 0.1)
    valid, level = torch.ones(1, 8).bool(), torch.tensor([2])
    for _ in range(100):
        weights = key_frame_weights(logits, valid, 0.5)
        shares = (weights[..., None] * logits.softmax(-1)).sum(1)
        optimizer.zero_grad()
        level_loss(shares, level).backward()
        optimizer.step()
    assert shares[0, 2] > 0.9
