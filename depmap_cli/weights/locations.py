"""Where weights files are. Imports no torch."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from depmap_cli.errors import WeightsInvalid
from depmap_cli.io.checkpoint import read_document
from depmap_cli.io.file_identity import sha256_of

DEFAULT_WEIGHTS = "depmap-resnet18-simulated.safetensors"


BASELINE_WEIGHTS = "resnet18-simulated.safetensors"
"""A plain ResNet with mean pooling, trained alike."""


RUN_WEIGHTS = "weights.safetensors"
"""In the folder of a finished run: what scores."""


_PACKAGE = Path(__file__).parents[1]


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
        return weights_folder() / DEFAULT_WEIGHTS
    if path.is_dir() and not (path / RUN_WEIGHTS).is_file():
        raise WeightsInvalid(
            f"{path.name}: no {RUN_WEIGHTS} in this folder",
            "name a weights file, or the folder of one finished run of `depmap train`",
        )
    return path / RUN_WEIGHTS if path.is_dir() else path


def find_semantic_weights(path: Path, model: str, sha256: str) -> Path:
    """The weights of the semantic ``model`` that the Dep-MAP weights in ``path`` were trained with.

    Raises:
        WeightsInvalid: they lie neither beside those nor in the weights folder.
    """
    from depmap_cli.semantics.clip_model import BUNDLED_MODEL

    for folder in (path.parent, weights_folder()):
        for found in _semantics_in(folder):
            if sha256_of(found) == sha256:
                return found
    name_them = "name them with --semantic-weights"
    raise WeightsInvalid(
        f"{path.name}: its semantic weights, {model} {sha256[:16]}..., are not there",
        f"put them beside it, or {name_them}" if model == BUNDLED_MODEL else name_them,
    )


def default_semantic_weights() -> Path:
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
