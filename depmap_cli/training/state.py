"""The state of a run on disk, so that it goes on to the same bits after a kill."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn
from torch.optim import Optimizer

from depmap_cli.checkpoint import (
    load_checkpoint,
    optimizer_tensors,
    read_document,
    restore_optimizer,
    save_checkpoint,
    sha256_of,
)
from depmap_cli.config import Config
from depmap_cli.data.cache import content_of
from depmap_cli.data.recording import Recording
from depmap_cli.errors import DepmapError

STATE = "state.safetensors"


@dataclass
class Place:
    """How far a run has come."""

    epoch: int = 0  # the next one
    best: float = float("inf")  # lowest RMSE on Development, BDI-II points


def run_key(config: Config, data: str, semantics: str, start: Path | None) -> dict[str, Any]:
    """What a resumed run must share with the one that was killed.

    ``data`` is the ``data_hash`` of its recordings, ``semantics`` the hash of the semantic weights,
    ``start`` the weights it starts from.
    """
    return {
        "settings": config.model_dump(mode="json"),
        "data": data,
        "semantic weights": semantics,
        "weights to start from": sha256_of(start) if start else None,
    }


def data_hash(recordings: Sequence[Recording]) -> str:
    """Tells recordings apart by their labels and their bytes, wherever they lie.

    Raises:
        DataInvalid: one cannot be read; names it.
    """
    labels = [
        (r.split, r.subject, r.session, r.task, r.path.name, r.score, r.fps, content_of(r))
        for r in recordings
    ]
    return hashlib.sha256(json.dumps(sorted(labels, key=str)).encode()).hexdigest()


def check_resumable(folder: Path, key: dict[str, Any]) -> None:
    """Look whether the state in a folder, if there is one, is that of this run.

    Raises:
        DepmapError: it is of a run with another key.
        WeightsInvalid: it is damaged.
    """
    if not (folder / STATE).is_file():
        return
    found = read_document(folder / STATE).get("key", {})
    if changed := [name for name in key if found.get(name) != key[name]]:
        given = _differing(found.get("settings", {}), key["settings"])
        told = f": {', '.join(given)}" if given else ""
        raise DepmapError(
            f"--out {folder.name}: was trained with other {', '.join(changed)}{told}",
            "give what it was trained with, or choose another --out",
        )


def _differing(found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """The settings of a run that are other than wanted, as ``--set`` takes them."""
    return [
        f"{section}.{name}={json.dumps(value, separators=(',', ':'))}"
        for section, values in found.items()
        for name, value in values.items()
        if value != wanted.get(section, {}).get(name)
    ]


def save_state(
    folder: Path,
    place: Place,
    modules: dict[str, nn.Module],
    optimizer: Optimizer,
    key: dict[str, Any],
) -> None:
    """Write all that the next epoch starts from.

    Raises:
        OutputUnwritable: as ``save_checkpoint``; the state of the epoch before stays.
    """
    tensors = {f"{n}.{k}": v for n, m in modules.items() for k, v in m.state_dict().items()}
    document = {
        "epoch": place.epoch,
        "best": place.best,
        "rates": [group["lr"] for group in optimizer.param_groups],
        "key": key,
    }
    save_checkpoint(
        folder / STATE, "training", document, {**tensors, **optimizer_tensors(optimizer)}
    )


def load_state(
    folder: Path, modules: dict[str, nn.Module], optimizer: Optimizer, key: dict[str, Any]
) -> Place:
    """Put the last finished epoch back; the start where there is none.

    Raises:
        DepmapError: as ``check_resumable``.
        WeightsInvalid: the state is damaged.
    """
    path = folder / STATE
    if not path.is_file():
        return Place()
    check_resumable(folder, key)
    state = load_checkpoint(path, "training")
    for name, module in modules.items():
        prefix = f"{name}."
        own = {k.removeprefix(prefix): v for k, v in state.tensors.items() if k.startswith(prefix)}
        module.load_state_dict(own)
    restore_optimizer(optimizer, state.tensors)
    for group, rate in zip(optimizer.param_groups, state.document["rates"], strict=True):
        group["lr"] = rate
    return Place(state.document["epoch"], state.document["best"])
