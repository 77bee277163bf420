"""Where weights lie, and the two networks rebuilt from them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depmap_cli.config import Config, SamplingConfig
from depmap_cli.errors import WeightsInvalid
from depmap_cli.io.checkpoint import Checkpoint, load_checkpoint
from depmap_cli.weights.document import check_description
from depmap_cli.weights.locations import find_semantic_weights, weights_file

if TYPE_CHECKING:
    import torch

    from depmap_cli.model.depmap import DepMap
    from depmap_cli.semantics.clip_model import SemanticModel
    from depmap_cli.stats.out_of_distribution import TrainingFaceModel

MAX_WIDTH = 1 << 14
"""Of embeddings; the largest of open_clip's models have an eighth of it."""


@dataclass(frozen=True, kw_only=True)
class Networks:
    """A trained Dep-MAP and the semantic model it was trained with."""

    model: "DepMap"
    semantics: "SemanticModel"
    path: Path
    sha256: str
    document: dict[str, Any]
    config: Config
    sampling: SamplingConfig
    device: "torch.device"
    faces: "TrainingFaceModel | None" = None  # those it was trained on, where the weights say
    shares_backbone: bool = False  # it serves both: what it makes of a face is computed once


def load_networks(
    path: Path | None,
    device: "torch.device",
    semantic_model: str | None = None,
    semantic_weights: str | None = None,
    allow_network: bool = False,
) -> Networks:
    """Rebuild both networks from Dep-MAP weights, by default those shipped.

    ``path`` is a weights file or the folder of a run. The semantic weights are looked for beside it
    and in the weights folder, by hash, unless ``semantic_model`` and ``semantic_weights`` name them.

    Raises:
        WeightsInvalid: a file is missing, damaged or foreign, or the semantic weights are not the
            ones that Dep-MAP was trained with.
        OutOfMemory: there is no room for them on ``device``.
    """
    import torch

    from depmap_cli.model.depmap import DepMap
    from depmap_cli.runtime.devices import move_to_device
    from depmap_cli.runtime.skip_init import SkipInit
    from depmap_cli.weights.packing import shares_backbone, unpack_network, unpack_training_faces

    checkpoint = load_checkpoint(weights_file(path), "depmap")
    document = checkpoint.document
    try:
        trained_with, config = document["semantics"], Config.model_validate(document["config"])
        sampling = SamplingConfig.model_validate(document["sampling"])
        check_description(document)
        with SkipInit():
            model = DepMap(config=config.model, semantic_dim=_believed(trained_with["dim"]))
        semantics = _semantics(checkpoint, semantic_model, semantic_weights, allow_network)
        tensors = unpack_network(checkpoint.tensors, semantics)
        model.load_state_dict(tensors)
        faces = unpack_training_faces(checkpoint.tensors)
    except (KeyError, ValueError, RuntimeError) as error:
        raise WeightsInvalid(
            f"{checkpoint.path.name}: its content does not fit its description",
            "train or fetch it again",
        ) from error
    model.eval().requires_grad_(False)
    return Networks(
        model=move_to_device(model, device, torch.channels_last),
        semantics=move_to_device(semantics, device),
        path=checkpoint.path,
        sha256=checkpoint.sha256,
        document=document,
        config=config,
        sampling=sampling,
        device=device,
        faces=faces,
        shares_backbone=semantics.image_size == config.faces.size
        and shares_backbone(tensors, semantics),
    )


def _believed(width: object) -> int:
    """A width of embeddings that no damaged file made up, lest memory be asked for it."""
    if not isinstance(width, int) or not 0 < width <= MAX_WIDTH:
        raise ValueError("width of embeddings")
    return width


def _semantics(
    checkpoint: Checkpoint,
    semantic_model: str | None,
    semantic_weights: str | None,
    allow_network: bool,
) -> "SemanticModel":
    """The semantic model that the weights were trained with."""
    from depmap_cli.semantics.clip_model import load_semantic_model

    trained_with = checkpoint.document["semantics"]
    name = semantic_model or trained_with["model"]
    if name != trained_with["model"]:
        raise WeightsInvalid(
            f"--semantic-model {name}: {checkpoint.path.name} was trained with {trained_with['model']}",
            "train with that model, or leave --semantic-model out",
        )
    found = semantic_weights or str(
        find_semantic_weights(checkpoint.path, name, trained_with["sha256"])
    )
    semantics = load_semantic_model(name, found, allow_network)
    if semantics.id.sha256 != trained_with["sha256"]:
        raise WeightsInvalid(
            f"--semantic-weights {Path(found).name}: {checkpoint.path.name} was trained with others",
            f"expected sha256 {trained_with['sha256'][:16]}...",
        )
    return semantics
