"""Weights files: safetensors that hold all that is needed to rebuild what they belong to.

The metadata carries one JSON document under the key ``depmap``. Nothing is ever unpickled.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depmap_cli.errors import OutputUnwritable, WeightsInvalid
from depmap_cli.io.atomic_files import atomic_write
from depmap_cli.io.file_identity import sha256_of

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

FORMAT = 2
"""Raised whenever weights would be read, but mean something else: 2, faces are drawn larger."""
_KEY = "depmap"
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


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """One weights file, read."""

    path: Path
    sha256: str
    kind: str  # "depmap", "semantics" or "training"
    document: dict[str, Any]
    tensors: "dict[str, Tensor]"


def save_checkpoint(
    path: Path, kind: str, document: dict[str, Any], tensors: "dict[str, Tensor]"
) -> None:
    """Write aside, then rename: a reader sees the old file or the new one, never half of one.

    Raises:
        OutputUnwritable: the folder cannot be written or the disk is full; the old file stays.
    """
    from safetensors.torch import save_file

    body = json.dumps({"format": FORMAT, "kind": kind, **document}, sort_keys=True)
    try:
        with atomic_write(path) as aside:
            save_file(
                {k: v.detach().cpu().contiguous() for k, v in tensors.items()}, aside, {_KEY: body}
            )
            aside.chmod(0o644)  # safetensors writes files that only their owner can read
    except Exception as error:
        raise OutputUnwritable(
            f"{path.name}: cannot be written: {error}", "check space and rights"
        ) from error


def read_document(path: Path, kind: str | None = None) -> dict[str, Any]:
    """The JSON document alone, without the tensors; imports no torch.

    Raises:
        WeightsInvalid: missing, not safetensors, not written by depmap, or not of this ``kind``.
    """
    if not path.is_file():
        raise WeightsInvalid(f"{path.name}: no such weights file", "see `depmap info`")
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 0 < length <= path.stat().st_size:
                raise ValueError("header length")
            header = json.loads(file.read(length))
        document = json.loads(header["__metadata__"][_KEY])
        found, stored = document["format"], document["kind"]
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError) as error:
        raise WeightsInvalid(
            f"{path.name}: not a depmap weights file", "only safetensors written by depmap are read"
        ) from error
    if found != FORMAT or not isinstance(stored, str):
        raise WeightsInvalid(
            f"{path.name}: weights format {found!r}, this version reads {FORMAT}",
            "update depmap, or train again where the file is the older one",
        )
    if kind not in (None, stored):
        raise WeightsInvalid(
            f"{path.name}: holds a {stored!r} model, a {kind!r} one is needed", "check the option"
        )
    return _with_current_settings(document)


def _with_current_settings(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the training settings of earlier versions under their present names."""
    config = document.get("config")
    if not isinstance(config, dict) or not isinstance(config.get("train"), dict):
        return document
    train = {
        _RENAMED_SETTINGS.get(name, name): value
        for name, value in config["train"].items()
        if name not in _REMOVED_SETTINGS
    }
    return {**document, "config": {**config, "train": train}}


def load_checkpoint(path: Path, kind: str) -> Checkpoint:
    """Read a whole weights file.

    Raises:
        WeightsInvalid: as ``read_document``, or tensors damaged.
    """
    document = read_document(path, kind)
    return Checkpoint(
        path=path,
        sha256=sha256_of(path),
        kind=kind,
        document=document,
        tensors=_with_current_names(load_tensors(path)),
    )


def _with_current_names(tensors: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """The tensors with the buffer names of earlier versions replaced by the current ones."""
    return {_current_name(name): value for name, value in tensors.items()}


def _current_name(name: str) -> str:
    for old, current in _RENAMED_TENSORS.items():
        if name == old or name.endswith(f".{old}"):
            return name.removesuffix(old) + current
    return name


def load_tensors(path: Path) -> "dict[str, Tensor]":
    """The tensors of any safetensors file, in float32 where they are floating.

    Raises:
        WeightsInvalid: missing, damaged, or not safetensors.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise WeightsInvalid(
            f"{path.name}: not a readable safetensors file",
            "pickled weights (.pt, .bin) are never loaded",
        ) from error
    return {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}


def halved(tensors: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """The tensors in half precision, where they are floating: how weights are shipped."""
    return {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}


def optimizer_tensors(optimizer: "Optimizer") -> "dict[str, Tensor]":
    """The optimiser's state as a flat dictionary of tensors."""
    import torch

    return {
        f"optimizer.{index}.{name}": value if torch.is_tensor(value) else torch.tensor(value)
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def restore_optimizer(optimizer: "Optimizer", tensors: "dict[str, Tensor]") -> None:
    """Put back what ``optimizer_tensors`` took out."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".", 2)
            state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
