"""Loading of Dep-MAP and its semantic model from weights files."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depmap_cli.config import Config, SamplingConfig
from depmap_cli.errors import WeightsInvalid
from depmap_cli.io.checkpoint import Checkpoint, load_checkpoint
from depmap_cli.io.clean_text import clean
from depmap_cli.weights.document import check_document
from depmap_cli.weights.locations import find_semantic_weights, weights_file

if TYPE_CHECKING:
    import torch

    from depmap_cli.model.depmap import DepMap
    from depmap_cli.semantics.clip_model import SemanticModel
    from depmap_cli.stats.out_of_distribution import TrainingFaceModel

MAX_EMBEDDING_WIDTH = 1 << 14
"""Largest accepted width of the embeddings, eight times that of open_clip's largest models."""


@dataclass(frozen=True, kw_only=True)
class Networks:
    """A trained Dep-MAP and the semantic model it was trained with."""

    model: "DepMap"
    semantics: "SemanticModel"
    path: Path
    sha256: str  # of the file in ``path``
    document: dict[str, Any]
    config: Config
    sampling: SamplingConfig
    device: "torch.device"
    training_face_model: "TrainingFaceModel | None" = None  # None for older weights
    shares_backbone: bool = False  # the backbone is also the image encoder


def load_networks(
    path: Path | None,
    device: "torch.device",
    semantic_model: str | None = None,
    semantic_weights: str | None = None,
    allow_network: bool = False,
) -> Networks:
    """Build both networks from weights files and move them to ``device``.

    Args:
        path: Dep-MAP weights, or the run folder of a finished run; None for the bundled weights.
        device: where the networks run.
        semantic_model: open_clip model name; None for the one that Dep-MAP was trained with.
        semantic_weights: file or pretrained tag; None to find the file by its hash, in the folder
            of ``path`` and in the weights folder.
        allow_network: whether a pretrained tag may be downloaded.

    Raises:
        WeightsInvalid: a file is missing, damaged or foreign, or the semantic weights are not the
            ones that Dep-MAP was trained with.
        UsageProblem: ``semantic_weights`` is neither a file nor a tag, or a tag that would have to
            be downloaded.
        OutOfMemory: the networks do not fit on ``device``.
    """
    import torch

    from depmap_cli.model.depmap import DepMap
    from depmap_cli.runtime.devices import move_to_device
    from depmap_cli.runtime.fold_batch_norm import fold_batch_norm
    from depmap_cli.runtime.skip_init import SkipInit
    from depmap_cli.weights.packing import shares_backbone, unpack_network, unpack_training_faces

    checkpoint = load_checkpoint(weights_file(path), "depmap")
    document = checkpoint.document
    try:
        trained_with, config = document["semantics"], Config.model_validate(document["config"])
        sampling = SamplingConfig.model_validate(document["sampling"])
        check_document(document)
        with SkipInit():
            width = _checked_width(trained_with["dim"])
            model = DepMap(config=config.model, semantic_dim=width)
        semantics = _load_semantics(checkpoint, semantic_model, semantic_weights, allow_network)
        tensors = unpack_network(checkpoint.tensors, semantics)
        model.load_state_dict(tensors)
        training_face_model = unpack_training_faces(checkpoint.tensors)
    except (KeyError, ValueError, RuntimeError) as error:
        raise _content_error(checkpoint.path) from error
    model.eval().requires_grad_(False)
    fold_batch_norm(model.backbone)
    return Networks(
        model=move_to_device(model, device, torch.channels_last),
        semantics=move_to_device(semantics, device),
        path=checkpoint.path,
        sha256=checkpoint.sha256,
        document=document,
        config=config,
        sampling=sampling,
        device=device,
        training_face_model=training_face_model,
        shares_backbone=semantics.image_size == config.faces.size
        and shares_backbone(tensors, semantics),
    )


def _content_error(path: Path) -> WeightsInvalid:
    return WeightsInvalid(
        f"{clean(str(path))}: its content does not fit its description", "train or fetch it again"
    )


def _checked_width(width: object) -> int:
    """Check the width of embeddings, because a damaged file could ask for any amount of memory."""
    if not isinstance(width, int) or not 0 < width <= MAX_EMBEDDING_WIDTH:
        raise ValueError("width of embeddings")
    return width


def _load_semantics(
    checkpoint: Checkpoint,
    semantic_model: str | None,
    semantic_weights: str | None,
    allow_network: bool,
) -> "SemanticModel":
    """Load the semantic model that the weights were trained with."""
    from depmap_cli.semantics.load_model import load_semantic_model

    trained_with = checkpoint.document["semantics"]
    model, sha256 = trained_with["model"], trained_with["sha256"]
    shown = clean(str(checkpoint.path))
    if semantic_model and semantic_model != model:
        raise WeightsInvalid(
            f"--semantic-model {semantic_model}: {shown} was trained with {model}",
            "train with that model, or omit --semantic-model",
        )
    path = semantic_weights or str(find_semantic_weights(checkpoint.path, model, sha256))
    semantics = load_semantic_model(model, path, allow_network)
    if semantics.id.sha256 != sha256:
        raise WeightsInvalid(
            f"--semantic-weights {clean(path)}: {shown} was trained with other semantic weights",
            f"give the file with sha256 {sha256[:16]}..., or omit --semantic-weights",
        )
    return semantics
