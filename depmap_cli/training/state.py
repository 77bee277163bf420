"""The state of a run on disk, so that it goes on to the same bits after a kill."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn
from torch.optim import Optimizer

from depmap_cli.checkpoint import (
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)
from depmap_cli.errors import DepmapError

STATE = "state.safetensors"


@dataclass
class Place:
    """How far a run has come."""

    epoch: int = 0  # the next one
    best: float = float("inf")  # lowest RMSE on Development, BDI-II points


def save_state(
    folder: Path,
    place: Place,
    modules: dict[str, nn.Module],
    optimizer: Optimizer,
    settings: dict[str, Any],
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
        "settings": settings,
    }
    save_checkpoint(
        folder / STATE, "training", document, {**tensors, **optimizer_tensors(optimizer)}
    )


def load_state(
    folder: Path,
    modules: dict[str, nn.Module],
    optimizer: Optimizer,
    settings: dict[str, Any],
) -> Place:
    """Put the last finished epoch back; the start where there is none.

    Raises:
        DepmapError: the folder's run had other settings.
        WeightsInvalid: the state is damaged.
    """
    path = folder / STATE
    if not path.is_file():
        return Place()
    state = load_checkpoint(path, "training")
    if state.document["settings"] != settings:
        raise DepmapError("the run folder was trained with other settings", "choose another --out")
    for name, module in modules.items():
        prefix = f"{name}."
        own = {k.removeprefix(prefix): v for k, v in state.tensors.items() if k.startswith(prefix)}
        module.load_state_dict(own)
    restore_optimizer(optimizer, state.tensors)
    for group, rate in zip(optimizer.param_groups, state.document["rates"], strict=True):
        group["lr"] = rate
    return Place(state.document["epoch"], state.document["best"])
