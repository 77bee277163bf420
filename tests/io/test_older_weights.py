"""Weights and unfinished runs of version 0.1.0 are read under the current names."""

import torch

from depmap_cli.config import TrainConfig
from depmap_cli.io.older_weights import with_current_names, with_current_settings

STORED = {
    "average": 0.5,
    "balance": 0.25,
    "clip_norm": 2.0,
    "contrastive_start": 3,
    "evidence_weight": 0.1,
    "head_rate": 4.0,
    "level_weight": 0.2,
    "looks": 2,
    "start_from_semantics": False,
    "straighten": False,
    "epochs": 7,
}
"""Settings of training under the names of version 0.1.0, each different from its default."""
CURRENT = {
    "ema_decay": 0.5,
    "band_balance": 0.25,
    "grad_clip_norm": 2.0,
    "contrastive_start_epoch": 3,
    "au_loss_weight": 0.1,
    "head_lr_multiplier": 4.0,
    "level_loss_weight": 0.2,
    "n_cached_views": 2,
    "init_from_semantic_model": False,
    "epochs": 7,
}


def test_settings_of_weights_and_of_unfinished_runs():
    document = {"config": {"train": STORED, "model": {"looks": 1}}, "epoch": 3}
    found = with_current_settings(document)
    model = {"looks": 1, "signals": False}
    assert found == {"config": {"train": CURRENT, "model": model}, "epoch": 3}
    assert TrainConfig.model_validate(found["config"]["train"]) == TrainConfig(**CURRENT)
    state = {"key": {"settings": {"train": STORED, "model": {}}, "data": "hash"}}
    settings = {"train": CURRENT, "model": {"signals": True}}
    assert with_current_settings(state) == {"key": {"settings": settings, "data": "hash"}}


def test_current_settings_and_other_documents_stay_as_they_are():
    for document in ({"config": {"train": CURRENT}}, {"kind": "semantics"}, {"config": None}):
        assert with_current_settings(document) == document


def test_buffers_with_and_without_a_prefix():
    value = torch.ones(2)
    stored = {"standardise.spread": value, "model.clusters.started": value, "head.bias": value}
    current = ["standardise.std", "model.clusters.initialised", "head.bias"]
    assert list(with_current_names(stored)) == current
