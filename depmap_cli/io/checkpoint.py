"""Weights files: safetensors with everything needed to rebuild a network or resume a run.

The metadata holds one JSON document under the key ``depmap``. Nothing is ever unpickled.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depmap_cli.errors import OutputUnwritable, WeightsInvalid
from depmap_cli.io.atomic_files import atomic_write
from depmap_cli.io.clean_text import clean
from depmap_cli.io.file_identity import sha256_of
from depmap_cli.io.older_weights import with_current_names, with_current_settings

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

FORMAT = 2
"""Version of the file format, increased if older weights would load but score differently. Since
version 2, faces are cropped larger."""
_KEY = "depmap"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Content of one weights file."""

    path: Path
    sha256: str
    kind: str  # "depmap", "semantics" or "training"
    document: dict[str, Any]
    tensors: "dict[str, Tensor]"


def save_checkpoint(
    path: Path, kind: str, document: dict[str, Any], tensors: "dict[str, Tensor]"
) -> None:
    """Write a weights file atomically: a reader sees either the old file or the new one.

    Args:
        path: the file; an existing one is replaced.
        kind: "depmap", "semantics" or "training".
        document: content of the JSON document.
        tensors: stored in their own precision.

    Raises:
        OutputUnwritable: the folder cannot be written or the disk is full; the old file stays.
    """
    from safetensors.torch import save_file

    body = json.dumps({"format": FORMAT, "kind": kind, **document}, sort_keys=True)
    try:
        with atomic_write(path) as temporary:
            stored = {name: v.detach().cpu().contiguous() for name, v in tensors.items()}
            save_file(stored, temporary, {_KEY: body})
            temporary.chmod(0o644)  # safetensors writes files that only their owner can read
    except Exception as error:
        raise OutputUnwritable(
            f"{clean(str(path))}: cannot be written: {error}",
            "check the free space and the permissions of the folder",
        ) from error


def read_document(path: Path, kind: str | None = None) -> dict[str, Any]:
    """Read the JSON document without the tensors; imports no torch.

    Args:
        path: the file.
        kind: the expected kind; None for any.

    Raises:
        WeightsInvalid: the file is missing, is not safetensors, was not written by depmap, or is of
            another kind or format.
    """
    shown = clean(str(path))
    if not path.is_file():
        raise WeightsInvalid(
            f"{shown}: no such weights file",
            "check the path; `depmap weights list` lists the weights folder",
        )
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 0 < length <= path.stat().st_size:
                raise ValueError("header length")
            header = json.loads(file.read(length))
        document = json.loads(header["__metadata__"][_KEY])
        file_format, file_kind = document["format"], document["kind"]
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError) as error:
        raise WeightsInvalid(
            f"{shown}: not a depmap weights file",
            "give a safetensors file that depmap has written",
        ) from error
    if file_format != FORMAT or not isinstance(file_kind, str):
        raise WeightsInvalid(
            f"{shown}: weights format {file_format!r} is not supported, only {FORMAT}",
            "update depmap or, if the file is older, train again",
        )
    if kind not in (None, file_kind):
        raise WeightsInvalid(
            f"{shown}: contains a {file_kind!r} model, but a {kind!r} model is needed",
            "give a file of the right kind; `depmap weights list` shows the kinds",
        )
    return with_current_settings(document)


def load_checkpoint(path: Path, kind: str) -> Checkpoint:
    """Read a weights file of this ``kind`` with its tensors.

    Raises:
        WeightsInvalid: as ``read_document``, or the tensors are damaged.
    """
    document = read_document(path, kind)
    return Checkpoint(
        path=path,
        sha256=sha256_of(path),
        kind=kind,
        document=document,
        tensors=with_current_names(load_tensors(path)),
    )


def load_tensors(path: Path) -> "dict[str, Tensor]":
    """Read the tensors of any safetensors file; floating-point tensors become float32.

    Raises:
        WeightsInvalid: the file is missing, damaged, or not safetensors.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise WeightsInvalid(
            f"{clean(str(path))}: not a readable safetensors file",
            "pickled weights (.pt, .bin) are never loaded; give a safetensors file",
        ) from error
    return {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}


def halved(tensors: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """The tensors with floating-point ones in half precision, as weights are stored."""
    return {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}


def optimizer_tensors(optimizer: "Optimizer") -> "dict[str, Tensor]":
    """The state of an optimizer as a flat dictionary of tensors, to store in a weights file."""
    import torch

    return {
        f"optimizer.{index}.{name}": value if torch.is_tensor(value) else torch.tensor(value)
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def restore_optimizer(optimizer: "Optimizer", tensors: "dict[str, Tensor]") -> None:
    """Restore the state of an optimizer from the tensors of ``optimizer_tensors``."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".", 2)
            state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
