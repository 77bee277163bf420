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
_LATER_SWITCHES = ("signals",)
"""Switches of ``model`` that older weights lack."""
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
    """Return the document with training settings of earlier versions under their current names.

    They are in ``config`` of weights, and in ``settings`` of the ``key`` of an unfinished run.
    """
    current = dict(document)
    if isinstance(document.get("config"), dict):
        current["config"] = _with_switches(_with_current_names_of_train(document["config"]), False)
    key = document.get("key")
    if isinstance(key, dict) and isinstance(key.get("settings"), dict):
        settings = _with_current_names_of_train(key["settings"])
        current["key"] = {**key, "settings": _with_switches(settings, True)}
    return current


def _with_switches(config: dict[str, Any], value: bool) -> dict[str, Any]:
    """Add the switches of later modules: off for weights that were written without them, on for an
    unfinished run, whose weights will have them."""
    if not isinstance(config.get("model"), dict):
        return config
    return {**config, "model": {**dict.fromkeys(_LATER_SWITCHES, value), **config["model"]}}


def _with_current_names_of_train(config: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(config.get("train"), dict):
        return config
    train = {
        _RENAMED_SETTINGS.get(name, name): value
        for name, value in config["train"].items()
        if name not in _REMOVED_SETTINGS
    }
    return {**config, "train": train}


def with_current_names(tensors: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """Return the tensors with buffer names of earlier versions replaced by the current ones."""
    return {_current_name(name): value for name, value in tensors.items()}


def _current_name(name: str) -> str:
    for old, current in _RENAMED_TENSORS.items():
        if name == old or name.endswith(f".{old}"):
            return name.removesuffix(old) + current
    return name
