"""The tensors of a weights file: those of Dep-MAP, and the model of the training faces.

If the backbone equals the image encoder of the semantic model, its tensors are not stored; they are
taken from the semantic weights when the file is loaded.
"""

import torch
from torch import Tensor

from depmap_cli.semantics.clip_model import SemanticModel
from depmap_cli.stats.out_of_distribution import TrainingFaceModel

_BACKBONE, _FACES = "backbone.", "training_faces."


def pack_network(tensors: dict[str, Tensor], semantics: SemanticModel) -> dict[str, Tensor]:
    """Drop the backbone from Dep-MAP's tensors if it equals the image encoder.

    They are compared in the precision of ``tensors``.
    """
    if not shares_backbone(tensors, semantics):
        return tensors
    return {n: v for n, v in tensors.items() if not n.startswith(_BACKBONE)}


def shares_backbone(network: dict[str, Tensor], semantics: SemanticModel) -> bool:
    """Whether the backbone in Dep-MAP's tensors equals the semantic model's image encoder."""
    backbone = {n.removeprefix(_BACKBONE): v for n, v in network.items() if n.startswith(_BACKBONE)}
    encoder = semantics.image_encoder_weights
    return backbone.keys() == encoder.keys() and all(
        torch.equal(v.cpu(), encoder[n].to("cpu", v.dtype)) for n, v in backbone.items()
    )


def unpack_network(stored: dict[str, Tensor], semantics: SemanticModel) -> dict[str, Tensor]:
    """All of Dep-MAP's tensors, from the tensors of a weights file."""
    network = {name: value for name, value in stored.items() if not name.startswith(_FACES)}
    if any(name.startswith(_BACKBONE) for name in network):
        return network
    encoder = semantics.image_encoder_weights
    return {**network, **{_BACKBONE + name: value for name, value in encoder.items()}}


def pack_training_faces(faces: TrainingFaceModel | None) -> dict[str, Tensor]:
    """The model of the training faces as tensors in half precision; {} for None."""
    if faces is None:
        return {}
    return {_FACES + n: torch.from_numpy(value).half() for n, value in faces.arrays.items()}


def unpack_training_faces(stored: dict[str, Tensor]) -> TrainingFaceModel | None:
    """The model of the training faces from a file's tensors; None for older files without one."""
    arrays = {
        name.removeprefix(_FACES): value.float().numpy()
        for name, value in stored.items()
        if name.startswith(_FACES)
    }
    return TrainingFaceModel.of_arrays(arrays) if arrays else None
