"""What a weights file holds: Dep-MAP's tensors, less what is known already, and the faces it knows.

A backbone that is the semantic model's image tower is left out, and taken from there again.
"""

import torch
from torch import Tensor

from depmap_cli.semantics.clip_model import SemanticModel
from depmap_cli.stats.out_of_distribution import TrainingFaceModel

_BACKBONE, _FACES = "backbone.", "training_faces."


def pack_network(tensors: dict[str, Tensor], semantics: SemanticModel) -> dict[str, Tensor]:
    """What a file need hold of Dep-MAP's tensors: the backbone only where it is another.

    That is, where it differs from the image tower in the tensors' own precision.
    """
    if not shares_backbone(tensors, semantics):
        return tensors
    return {n: v for n, v in tensors.items() if not n.startswith(_BACKBONE)}


def shares_backbone(network: dict[str, Tensor], semantics: SemanticModel) -> bool:
    """Whether the backbone among Dep-MAP's tensors is the semantic model's image tower."""
    own = {n.removeprefix(_BACKBONE): v for n, v in network.items() if n.startswith(_BACKBONE)}
    tower = semantics.tower
    return own.keys() == tower.keys() and all(
        torch.equal(v.cpu(), tower[n].to("cpu", v.dtype)) for n, v in own.items()
    )


def unpack_network(stored: dict[str, Tensor], semantics: SemanticModel) -> dict[str, Tensor]:
    """All of Dep-MAP's tensors, from what a file holds."""
    own = {name: value for name, value in stored.items() if not name.startswith(_FACES)}
    if any(name.startswith(_BACKBONE) for name in own):
        return own
    return {**own, **{_BACKBONE + name: value for name, value in semantics.tower.items()}}


def pack_training_faces(faces: TrainingFaceModel | None) -> dict[str, Tensor]:
    """Beside the network's tensors in a file."""
    if faces is None:
        return {}
    return {_FACES + n: torch.from_numpy(value).half() for n, value in faces.arrays.items()}


def unpack_training_faces(stored: dict[str, Tensor]) -> TrainingFaceModel | None:
    """What a file knows of the training faces; None where it knows nothing, as older ones do."""
    arrays = {
        name.removeprefix(_FACES): value.float().numpy()
        for name, value in stored.items()
        if name.startswith(_FACES)
    }
    return TrainingFaceModel.of_arrays(arrays) if arrays else None
