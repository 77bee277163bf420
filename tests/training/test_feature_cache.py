"""Protects what is kept of a frozen backbone: the same maps as computed anew, and once only."""

import csv
import json
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from depmap_cli.config import TrainConfig
from depmap_cli.data.clips import VideoClip
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.io.checkpoint import load_tensors, read_document
from depmap_cli.model.backbone import Backbone
from depmap_cli.runtime.devices import training_precision
from depmap_cli.semantics.clip_model import SemanticFeatures
from depmap_cli.training.batches import Draw, augmented_views
from depmap_cli.training.feature_cache import FeatureCache, fingerprint
from depmap_cli.weights.loading import load_networks
from tests.support.runs import depmap, train

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


@pytest.fixture
def clips(tmp_path) -> list[VideoClip]:
    make = np.random.default_rng(0)
    seen = SemanticFeatures(
        image=torch.zeros(20, 4),
        au_probabilities=torch.zeros(20, 18),
        covered=torch.zeros(20),
        angles=torch.zeros(20, 5),
    )
    return [
        VideoClip(
            video=LabelledVideo(
                split="Training",
                subject=str(n),
                session="1",
                task="",
                path=tmp_path / f"{n}.mp4",
                score=10,
            ),
            faces=make.integers(0, 256, (20, 64, 64, 3), np.uint8),
            features=seen,
            usable=np.arange(20),
        )
        for n in range(3)
    ]


def shown(clips, config, epoch, *draws):
    return [
        (view.rows, view.pixels()) for view in augmented_views(clips, list(draws), config, epoch)
    ]


def same(a, b) -> bool:
    return bool((a[0] == b[0]).all()) and torch.equal(a[1], b[1])


def test_cached_views_repeat_wherever_a_clip_is_drawn(clips):
    config = TrainConfig(frames=5, n_cached_views=2)
    (first,) = shown(clips, config, 0, Draw(0, 1))
    (second,) = shown(clips, config, 1, Draw(0, 1))
    (other, again) = shown(clips, config, 2, Draw(0, 2), Draw(1, 1))
    assert same(first, again)
    assert not same(first, second)
    assert not same(first, other)


def test_without_cached_views_every_epoch_differs(clips):
    config = TrainConfig(frames=5)
    seen = [shown(clips, config, epoch, Draw(0, 1))[0] for epoch in range(4)]
    assert not any(same(a, b) for i, a in enumerate(seen) for b in seen[:i])
    assert same(seen[0], shown(clips, config, 0, Draw(0, 1))[0])


def test_maps_are_computed_once_for_each_backbone():
    torch.manual_seed(0)
    backbone, calls = Backbone("resnet18").eval(), []
    pixels = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    kept = FeatureCache()

    def asked():
        calls.append(1)
        return pixels

    with torch.no_grad(), training_precision(CPU):
        expected = backbone(pixels)
    for _ in range(3):
        found = kept.maps(backbone, (fingerprint(backbone), 1), asked, CPU)
        for ours, theirs in zip(found, expected, strict=True):
            assert ours.dtype == torch.float32
            torch.testing.assert_close(ours, theirs.float(), rtol=1e-3, atol=1e-3)
    assert len(calls) == 1
    before = fingerprint(backbone)
    with torch.no_grad():
        backbone.stages[0][0].conv1.weight[0, 0, 0, 0] += 1
    assert fingerprint(backbone) != before


def test_a_run_with_kept_maps_is_the_run_without(corpus, cache, tmp_path, monkeypatch):
    frozen = ("--set", "train.freeze_backbone=true", "--set", "train.n_cached_views=1")
    frozen += ("--set", "train.epochs=1")
    assert train(monkeypatch, corpus, cache, tmp_path / "kept", *frozen) == 0
    monkeypatch.setattr("depmap_cli.training.trainer.fingerprint", lambda backbone: "")
    assert train(monkeypatch, corpus, cache, tmp_path / "anew", *frozen) == 0
    kept, anew = (
        [float(row["rmse"]) for row in csv.DictReader((tmp_path / run / "log.csv").open())]
        for run in ("kept", "anew")
    )
    assert kept == pytest.approx(anew, abs=0.1)
    start = load_networks(None, CPU).model.backbone.state_dict()
    weights = tmp_path / "kept" / "weights.safetensors"
    for name, value in load_networks(weights, CPU).model.backbone.state_dict().items():
        assert torch.equal(value, start[name]), name
    assert not [name for name in load_tensors(weights) if name.startswith("backbone.")]


@pytest.mark.parametrize(
    ("found", "mixed"),
    [
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, False),
        ({"avx512_bf16": False, "amx_bf16": True}, True),
        ({"avx512_bf16": True}, False),
        ({}, False),
    ],
)
def test_bfloat16_only_where_the_processor_multiplies_it(found, mixed, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    context = training_precision(CPU)
    assert isinstance(context, nullcontext) != mixed


@pytest.mark.parametrize(
    "more", [(), ("--set", "train.freeze_backbone=true", "--set", "train.n_cached_views=1")]
)
def test_an_epoch_is_judged_by_the_estimates_that_scoring_gives(
    corpus, cache, tmp_path, monkeypatch, more, capfd
):
    """Not in the lower precision of training, in which another epoch may be the best."""
    monkeypatch.setattr("depmap_cli.runtime.devices._cpu_has_bf16", lambda: True)
    assert train(monkeypatch, corpus, cache, tmp_path, "--set", "train.epochs=1", *more) == 0
    best = tmp_path / "best.safetensors"
    capfd.readouterr()
    where = ("--data", corpus, "--cache", cache, "--weights", best, "--split", "Development")
    where += ("--frames", read_document(best)["config"]["train"]["score_frames"])
    assert depmap(monkeypatch, "evaluate", *where, "--device", "cpu", "-q", "--json") == 0
    found = json.loads(capfd.readouterr().out)["agreement"]["clips"]["estimates"]
    for name, value in read_document(best)["development"].items():
        assert found[name]["value"] == pytest.approx(value, abs=2e-3), name
