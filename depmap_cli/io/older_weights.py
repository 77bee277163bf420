"""Weights files of older versions: names that have changed since they were written."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

_RENAMED_SETTINGS = {
    "average": "ema_decay",
    "balance": "band_balance",
    "clip_norm": "grad_clip_norm",
    "contrastive_start": "contrastive_start_epoch",
    "evidence_weight": "au_loss_weight",
    "head_rate": "head_lr_multiplier",
    "level_weight": "level_loss_weight",
    "looks": "n_cached_views",
    "start_from_semantics": "init_from_semantic_model",
}
"""Old and current names of settings of ``train``, so that older weights still load."""
_REMOVED_SETTINGS = frozenset({"straighten"})
_RENAMED_TENSORS = {
    "standardise.spread": "standardise.std",
    "standardise.started": "standardise.initialised",
    "level_logits.spread": "level_logits.std",
    "level_logits.started": "level_logits.initialised",
    "clusters.started": "clusters.initialised",
}
"""Old and current names of Dep-MAP's buffers, so that older weights and unfinished runs (whose
names have a prefix, such as ``model.``) still load."""


def with_current_settings(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the training settings of earlier versions under their current names."""
    config = document.get("config")
    if not isinstance(config, dict) or not isinstance(config.get("train"), dict):
        return document
    train = {
        _RENAMED_SETTINGS.get(name, name): value
        for name, value in config["train"].items()
        if name not in _REMOVED_SETTINGS
    }
    return {**document, "config": {**config, "train": train}}


def with_current_names(tensors: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """The tensors with the buffer names of earlier versions replaced by the current ones."""
    return {_current_name(name): value for name, value in tensors.items()}


def _current_name(name: str) -> str:
    for old, current in _RENAMED_TENSORS.items():
        if name == old or name.endswith(f".{old}"):
            return name.removesuffix(old) + current
    return name
