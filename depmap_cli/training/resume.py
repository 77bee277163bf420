"""The state of a run on disk, so that a resumed run gives bit-identical results."""

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
from depmap_cli.data.face_cache import content_hash
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
from depmap_cli.training.run_folder import BEST, LAST, LOG, WEIGHTS, RunFolder, out_option

STATE = "state.safetensors"
_DESCRIPTION = "description"


@dataclass
class TrainingProgress:
    """How far a run has come."""

    epoch: int = 0  # the next one
    best: float = float("inf")  # lowest RMSE on Development, BDI-II points


def data_description(folder: Path, simulated: bool, statement: str | None) -> dict[str, Any]:
    """Return the options that describe a run's training data, with their values.

    If an option is not given, a resumed run keeps what its folder says.

    Raises:
        WeightsInvalid: the state in the folder is damaged.
    """
    stored = _stored_key(folder).get(_DESCRIPTION, {})
    return {
        "--simulated": simulated or stored.get("--simulated", False),
        "--statement": statement or stored.get("--statement"),
    }


def resume_key(
    config: Config, data: str, semantics: str, start: Path | None, description: dict[str, Any]
) -> dict[str, Any]:
    """Return what a resumed run must share with the interrupted one.

    ``data`` is the ``data_hash`` of its videos, ``semantics`` the hash of the semantic weights,
    ``start`` the weights it starts from, and ``description`` as of ``data_description``.
    """
    return {
        "settings": config.model_dump(mode="json"),
        "data": data,
        "semantic weights": semantics,
        "weights to start from": sha256_of(start) if start else None,
        _DESCRIPTION: description,
    }


def data_hash(videos: Sequence[LabelledVideo]) -> str:
    """Hash the labels and the bytes of videos, but not where they lie.

    Raises:
        DataInvalid: a video cannot be read; names it.
    """
    labels = [
        (v.split, v.subject, v.session, v.task, v.path.name, v.score, v.fps, content_hash(v))
        for v in videos
    ]
    return hashlib.sha256(json.dumps(sorted(labels, key=str)).encode()).hexdigest()


def check_resumable(folder: Path, key: dict[str, Any]) -> None:
    """Check that the state in a folder, if any, belongs to this run.

    Raises:
        DepmapError: the state has another key, or is missing although the folder holds weights.
        WeightsInvalid: the state is damaged.
    """
    if not (folder / STATE).is_file():
        if trained := _trained_file(folder):
            raise DepmapError(
                f"{out_option(folder)}: holds {trained} but no {STATE} to resume from",
                "choose another --out",
            )
        return
    # Version 0.1.0 stored no description.
    stored = {_DESCRIPTION: key[_DESCRIPTION], **_stored_key(folder)}
    if changed := [name for name in key if stored.get(name) != key[name]]:
        details = _changed_settings(stored.get("settings", {}), key["settings"])
        details += _changed_description(stored[_DESCRIPTION], key[_DESCRIPTION])
        suffix = f": {', '.join(details)}" if details else ""
        raise DepmapError(
            f"{out_option(folder)}: was trained with different {', '.join(changed)}{suffix}",
            "use the same settings, data and weights, or choose another --out",
        )


def _stored_key(folder: Path) -> dict[str, Any]:
    """The key of the run in a folder; empty if there is no state."""
    path = folder / STATE
    return dict(read_document(path).get("key", {})) if path.is_file() else {}


def _trained_file(folder: Path) -> str | None:
    """Return the name of a file of a later epoch that a fresh start would overwrite.

    A run that is killed in its first epoch may leave files of that epoch without a state.
    """
    if (folder / WEIGHTS).exists():
        return WEIGHTS
    existing = (name for name in (LAST, BEST) if (folder / name).is_file())
    later = next((name for name in existing if read_document(folder / name)["epoch"] > 0), None)
    logged = any(int(row["epoch"]) > 0 for row in RunFolder(folder).log_rows())
    return later or (LOG if logged else None)


def _changed_settings(stored: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Stored settings that differ from the wanted ones, as ``--set`` takes them."""
    return [
        f"{section}.{name}={json.dumps(value, separators=(',', ':'))}"
        for section, values in stored.items()
        for name, value in values.items()
        if value != wanted.get(section, {}).get(name)
    ]


def _changed_description(stored: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """The options that gave a stored description which differs from the wanted one."""
    changed = [(name, value) for name, value in stored.items() if value != wanted[name]]
    return [_option(name, value) if value else f"no {name}" for name, value in changed]


def _option(name: str, value: str | bool) -> str:
    return f"{name} {shlex.quote(value)}" if isinstance(value, str) else name


def save_state(
    folder: Path,
    progress: TrainingProgress,
    modules: dict[str, nn.Module],
    optimizer: Optimizer,
    key: dict[str, Any],
) -> None:
    """Write everything that the next epoch starts from.

    Raises:
        OutputUnwritable: as ``save_checkpoint``; the state of the previous epoch is kept.
    """
    tensors = {f"{n}.{k}": v for n, m in modules.items() for k, v in m.state_dict().items()}
    document = {
        "epoch": progress.epoch,
        "best": progress.best,
        "rates": [group["lr"] for group in optimizer.param_groups],
        "key": key,
    }
    save_checkpoint(
        folder / STATE, "training", document, {**tensors, **optimizer_tensors(optimizer)}
    )


def load_state(
    folder: Path, modules: dict[str, nn.Module], optimizer: Optimizer, key: dict[str, Any]
) -> TrainingProgress:
    """Restore modules and optimizer after the last finished epoch; nothing if there is no state.

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
