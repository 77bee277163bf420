"""The state of a run on disk, so that it goes on to the same bits after a kill."""

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn
from torch.optim import Optimizer

from depmap_cli.config import Config
from depmap_cli.data.cache import content_of
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.errors import DepmapError
from depmap_cli.io.checkpoint import (
    load_checkpoint,
    optimizer_tensors,
    read_document,
    restore_optimizer,
    save_checkpoint,
)
from depmap_cli.io.file_identity import sha256_of
from depmap_cli.training.run_folder import BEST, LAST, LOG, WEIGHTS, RunFolder, folder_name

STATE = "state.safetensors"
_DESCRIPTION = "description"


@dataclass
class TrainingProgress:
    """How far a run has come."""

    epoch: int = 0  # the next one
    best: float = float("inf")  # lowest RMSE on Development, BDI-II points


def data_description(folder: Path, simulated: bool, statement: str | None) -> dict[str, Any]:
    """What is said of a run's data, by the options that say it.

    A run that goes on says what it said before, where it is told nothing else.

    Raises:
        WeightsInvalid: the state in its folder is damaged.
    """
    before = _key_in(folder).get(_DESCRIPTION, {})
    return {
        "--simulated": simulated or before.get("--simulated", False),
        "--statement": statement or before.get("--statement"),
    }


def resume_key(
    config: Config, data: str, semantics: str, start: Path | None, description: dict[str, Any]
) -> dict[str, Any]:
    """What a resumed run must share with the one that was killed.

    ``data`` is the ``data_hash`` of its recordings, ``semantics`` the hash of the semantic weights,
    ``start`` the weights it starts from, ``description`` as of ``data_description``.
    """
    return {
        "settings": config.model_dump(mode="json"),
        "data": data,
        "semantic weights": semantics,
        "weights to start from": sha256_of(start) if start else None,
        _DESCRIPTION: description,
    }


def data_hash(videos: Sequence[LabelledVideo]) -> str:
    """Tells recordings apart by their labels and their bytes, wherever they lie.

    Raises:
        DataInvalid: one cannot be read; names it.
    """
    labels = [
        (r.split, r.subject, r.session, r.task, r.path.name, r.score, r.fps, content_of(r))
        for r in videos
    ]
    return hashlib.sha256(json.dumps(sorted(labels, key=str)).encode()).hexdigest()


def check_resumable(folder: Path, key: dict[str, Any]) -> None:
    """Look whether the state in a folder is that of this run; without one it begins.

    Raises:
        DepmapError: it is of a run with another key, or is missing beside what was trained.
        WeightsInvalid: it is damaged.
    """
    option = f"--out {folder_name(folder)}"
    if not (folder / STATE).is_file():
        if trained := _trained(folder):
            raise DepmapError(
                f"{option}: holds {trained} and no {STATE} to go on from", "choose another --out"
            )
        return
    found = {_DESCRIPTION: key[_DESCRIPTION], **_key_in(folder)}  # version 0.1.0 kept none
    if changed := [name for name in key if found.get(name) != key[name]]:
        given = _differing(found.get("settings", {}), key["settings"])
        given += _said(found[_DESCRIPTION], key[_DESCRIPTION])
        told = f": {', '.join(given)}" if given else ""
        raise DepmapError(
            f"{option}: was trained with other {', '.join(changed)}{told}",
            "give what it was trained with, or choose another --out",
        )


def _key_in(folder: Path) -> dict[str, Any]:
    """That of the run in a folder; empty where there is no state."""
    path = folder / STATE
    return dict(read_document(path).get("key", {})) if path.is_file() else {}


def _trained(folder: Path) -> str | None:
    """What beginning anew would lose: finished weights, or what is of more than the first epoch,
    which a kill may leave without a state."""
    if (folder / WEIGHTS).exists():
        return WEIGHTS
    kept = (name for name in (LAST, BEST) if (folder / name).is_file())
    later = next((name for name in kept if read_document(folder / name)["epoch"] > 0), None)
    logged = any(int(row["epoch"]) > 0 for row in RunFolder(folder).rows())
    return later or (LOG if logged else None)


def _differing(found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """The settings of a run that are other than wanted, as ``--set`` takes them."""
    return [
        f"{section}.{name}={json.dumps(value, separators=(',', ':'))}"
        for section, values in found.items()
        for name, value in values.items()
        if value != wanted.get(section, {}).get(name)
    ]


def _said(found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """The options of a run that describe its data otherwise than wanted."""
    other = [(name, value) for name, value in found.items() if value != wanted[name]]
    return [_option(name, value) if value else f"no {name}" for name, value in other]


def _option(name: str, value: str | bool) -> str:
    return f"{name} {shlex.quote(value)}" if isinstance(value, str) else name


def save_state(
    folder: Path,
    place: TrainingProgress,
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
) -> TrainingProgress:
    """Put the last finished epoch back; the start where there is none.

    Raises:
        DepmapError: as ``check_resumable``.
        WeightsInvalid: the state is damaged.
    """
    path = folder / STATE
    check_resumable(folder, key)
    if not path.is_file():
        return TrainingProgress()
    state = load_checkpoint(path, "training")
    for name, module in modules.items():
        prefix = f"{name}."
        own = {k.removeprefix(prefix): v for k, v in state.tensors.items() if k.startswith(prefix)}
        module.load_state_dict(own)
    restore_optimizer(optimizer, state.tensors)
    for group, rate in zip(optimizer.param_groups, state.document["rates"], strict=True):
        group["lr"] = rate
    return TrainingProgress(state.document["epoch"], state.document["best"])
