"""A backbone that is the semantic model's image tower is not stored with Dep-MAP's weights, too."""

import torch
from torch import Tensor

from depmap_cli.model.semantics import Semantics

_BACKBONE = "backbone."


def stored(tensors: dict[str, Tensor], semantics: Semantics) -> dict[str, Tensor]:
    """What a file need hold of Dep-MAP's tensors: the backbone only where it is another.

    That is, where it differs from the image tower in the tensors' own precision.
    """
    own = {n.removeprefix(_BACKBONE): v for n, v in tensors.items() if n.startswith(_BACKBONE)}
    tower = semantics.tower
    if own.keys() != tower.keys():
        return tensors
    if not all(torch.equal(v.cpu(), tower[n].to("cpu", v.dtype)) for n, v in own.items()):
        return tensors
    return {n: v for n, v in tensors.items() if not n.startswith(_BACKBONE)}


def whole(tensors: dict[str, Tensor], semantics: Semantics) -> dict[str, Tensor]:
    """All of Dep-MAP's tensors from those ``stored``."""
    if any(name.startswith(_BACKBONE) for name in tensors):
        return tensors
    return {**tensors, **{_BACKBONE + name: value for name, value in semantics.tower.items()}}
