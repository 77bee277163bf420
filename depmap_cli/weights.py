"""Where weights lie, and the two networks rebuilt from them."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depmap_cli.checkpoint import Checkpoint, load_checkpoint, read_document, sha256_of
from depmap_cli.config import Config, SamplingConfig
from depmap_cli.description import check_description
from depmap_cli.errors import WeightsInvalid

if TYPE_CHECKING:
    import torch

    from depmap_cli.familiarity import TrainingFaces
    from depmap_cli.model.depmap import DepMap
    from depmap_cli.model.semantics import Semantics

DEFAULT = "depmap-resnet18-simulated.safetensors"
PLAIN = "resnet18-simulated.safetensors"
"""A plain ResNet with mean pooling, trained alike."""
RANDOM, SEMANTICS = FROM_SCRATCH = "random", "semantics"
"""What ``started_from`` says where training began at random numbers, or at the semantic model's
image tower; else it is the name of the weights file."""
FINISHED = "weights.safetensors"
"""In the folder of a finished run: what scores."""
MAX_WIDTH = 1 << 14
"""Of embeddings; the largest of open_clip's models have an eighth of it."""
_PACKAGE = Path(__file__).parent


def weights_folder() -> Path:
    """``$DEPMAP_WEIGHTS``, else the folder inside the wheel, else ``weights/`` of the checkout."""
    if "DEPMAP_WEIGHTS" in os.environ:
        return Path(os.environ["DEPMAP_WEIGHTS"])
    bundled = _PACKAGE / "_bundled" / "weights"
    return bundled if bundled.is_dir() else _PACKAGE.parent / "weights"


def example_clip() -> Path:
    """The rendered interview that comes with the package."""
    bundled = _PACKAGE / "_bundled" / "interview.mp4"
    return bundled if bundled.is_file() else _PACKAGE.parent / "examples" / "interview.mp4"


def weights_file(path: Path | None) -> Path:
    """What a user names as weights, as a file: of a run folder the finished ones.

    None is those shipped.

    Raises:
        WeightsInvalid: a folder without them.
    """
    if path is None:
        return weights_folder() / DEFAULT
    if path.is_dir() and not (path / FINISHED).is_file():
        raise WeightsInvalid(
            f"{path.name}: no {FINISHED} in this folder",
            "name a weights file, or the folder of one finished run of `depmap train`",
        )
    return path / FINISHED if path.is_dir() else path


@dataclass(frozen=True)
class Networks:
    """A trained Dep-MAP and the semantic model it was trained with."""

    model: "DepMap"
    semantics: "Semantics"
    path: Path
    sha256: str
    document: dict[str, Any]
    config: Config
    sampling: SamplingConfig
    device: "torch.device"
    faces: "TrainingFaces | None" = None  # those it was trained on, where the weights say
    one_backbone: bool = False  # it serves both: what it makes of a face is computed once


def load_networks(
    path: Path | None,
    device: "torch.device",
    clip: str | None = None,
    clip_weights: str | None = None,
    allow_network: bool = False,
) -> Networks:
    """Rebuild both networks from Dep-MAP weights, by default those shipped.

    ``path`` is a weights file or the folder of a run. The semantic weights are looked for beside it
    and in the weights folder, by hash, unless ``clip`` and ``clip_weights`` name them.

    Raises:
        WeightsInvalid: a file is missing, damaged or foreign, or the semantic weights are not the
            ones that Dep-MAP was trained with.
        OutOfMemory: there is no room for them on ``device``.
    """
    import torch

    from depmap_cli.devices import placed
    from depmap_cli.model.depmap import DepMap
    from depmap_cli.model.unfilled import Unfilled
    from depmap_cli.stored import faces_of, is_tower, network_of

    checkpoint = load_checkpoint(weights_file(path), "depmap")
    document = checkpoint.document
    try:
        trained_with, config = document["semantics"], Config.model_validate(document["config"])
        sampling = SamplingConfig.model_validate(document["sampling"])
        check_description(document)
        with Unfilled():
            model = DepMap(config.model, _believed(trained_with["dim"]))
        semantics = _semantics(checkpoint, clip, clip_weights, allow_network)
        tensors = network_of(checkpoint.tensors, semantics)
        model.load_state_dict(tensors)
        faces = faces_of(checkpoint.tensors)
    except (KeyError, ValueError, RuntimeError) as error:
        raise WeightsInvalid(
            f"{checkpoint.path.name}: its content does not fit its description",
            "train or fetch it again",
        ) from error
    model.eval().requires_grad_(False)
    return Networks(
        placed(model, device, torch.channels_last),
        placed(semantics, device),
        checkpoint.path,
        checkpoint.sha256,
        document,
        config,
        sampling,
        device,
        faces,
        semantics.image_size == config.faces.size and is_tower(tensors, semantics),
    )


def _believed(width: object) -> int:
    """A width of embeddings that no damaged file made up, lest memory be asked for it."""
    if not isinstance(width, int) or not 0 < width <= MAX_WIDTH:
        raise ValueError("width of embeddings")
    return width


def _semantics(
    checkpoint: Checkpoint, clip: str | None, clip_weights: str | None, allow_network: bool
) -> "Semantics":
    """The semantic model that the weights were trained with."""
    from depmap_cli.model.semantics import load_semantics

    trained_with = checkpoint.document["semantics"]
    name = clip or trained_with["model"]
    if name != trained_with["model"]:
        raise WeightsInvalid(
            f"--clip {name}: {checkpoint.path.name} was trained with {trained_with['model']}",
            "train with that model, or leave --clip out",
        )
    found = clip_weights or str(semantics_of(checkpoint.path, name, trained_with["sha256"]))
    semantics = load_semantics(name, found, allow_network)
    if semantics.id.sha256 != trained_with["sha256"]:
        raise WeightsInvalid(
            f"--clip-weights {Path(found).name}: {checkpoint.path.name} was trained with others",
            f"expected sha256 {trained_with['sha256'][:16]}...",
        )
    return semantics


def semantics_of(path: Path, model: str, sha256: str) -> Path:
    """The weights of the semantic ``model`` that the Dep-MAP weights in ``path`` were trained with.

    Raises:
        WeightsInvalid: they lie neither beside those nor in the weights folder.
    """
    from depmap_cli.model.semantics import OWN_MODEL

    for folder in (path.parent, weights_folder()):
        for found in _semantics_in(folder):
            if sha256_of(found) == sha256:
                return found
    name_them = "name them with --clip-weights"
    raise WeightsInvalid(
        f"{path.name}: its semantic weights, {model} {sha256[:16]}..., are not there",
        f"put them beside it, or {name_them}" if model == OWN_MODEL else name_them,
    )


def default_semantics() -> Path:
    """The semantic weights that are shipped.

    Raises:
        WeightsInvalid: there are none.
    """
    for path in _semantics_in(weights_folder()):
        return path
    raise WeightsInvalid("no semantic weights in the weights folder", "see depmap train-semantics")


def _semantics_in(folder: Path) -> Iterator[Path]:
    """Our own semantic models among the weights there, by name; other files are passed over."""
    for path in sorted(folder.glob("*.safetensors")):
        with suppress(WeightsInvalid):
            if read_document(path)["kind"] == "semantics":
                yield path
