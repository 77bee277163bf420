"""Where weights files are. Imports no torch."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from depmap_cli.errors import WeightsInvalid
from depmap_cli.io.checkpoint import read_document
from depmap_cli.io.clean_text import clean
from depmap_cli.io.file_identity import sha256_of

DEFAULT_WEIGHTS = "depmap-resnet18-simulated.safetensors"
BASELINE_WEIGHTS = "resnet18-simulated.safetensors"
"""A plain ResNet with mean pooling, trained in the same way as the default weights."""
RUN_WEIGHTS = "weights.safetensors"
"""The weights that a finished run writes to its run folder."""
_PACKAGE = Path(__file__).parents[1]


def weights_folder() -> Path:
    """``$DEPMAP_WEIGHTS``, else the folder inside the wheel, else ``weights/`` of the checkout."""
    if "DEPMAP_WEIGHTS" in os.environ:
        return Path(os.environ["DEPMAP_WEIGHTS"])
    bundled = _PACKAGE / "_bundled" / "weights"
    return bundled if bundled.is_dir() else _PACKAGE.parent / "weights"


def example_video() -> Path:
    """The rendered interview that is bundled with the package."""
    bundled = _PACKAGE / "_bundled" / "interview.mp4"
    return bundled if bundled.is_file() else _PACKAGE.parent / "examples" / "interview.mp4"


def weights_file(path: Path | None) -> Path:
    """Return the weights file that ``path`` names.

    Args:
        path: a weights file, the run folder of a finished run, or None for the bundled weights.

    Raises:
        WeightsInvalid: a folder without weights.
    """
    if path is None:
        return weights_folder() / DEFAULT_WEIGHTS
    if not path.is_dir():
        return path
    if not (path / RUN_WEIGHTS).is_file():
        raise WeightsInvalid(
            f"{clean(str(path))}: no {RUN_WEIGHTS} in this folder",
            "give a weights file, or the run folder of a finished `depmap train`",
        )
    return path / RUN_WEIGHTS


def find_semantic_weights(path: Path, model: str, sha256: str) -> Path:
    """Find the semantic weights that the Dep-MAP weights in ``path`` were trained with.

    They are identified by ``sha256``; ``model`` is only used in the message. They are searched for
    in the folder of ``path`` and in the weights folder.

    Raises:
        WeightsInvalid: they are in neither folder.
    """
    from depmap_cli.semantics.clip_model import BUNDLED_MODEL

    for folder in (path.parent, weights_folder()):
        for candidate in _semantic_weights_in(folder):
            if sha256_of(candidate) == sha256:
                return candidate
    semantics = clean(f"{model}, sha256 {sha256[:16]}...")
    hint = "name them with --semantic-weights"
    raise WeightsInvalid(
        f"{clean(str(path))}: its semantic weights ({semantics}) were not found",
        f"put them into the same folder, or {hint}" if model == BUNDLED_MODEL else hint,
    )


def default_semantic_weights() -> Path:
    """The first semantic weights in the weights folder, by name.

    Raises:
        WeightsInvalid: the folder contains none.
    """
    for path in _semantic_weights_in(weights_folder()):
        return path
    raise WeightsInvalid(
        f"{clean(str(weights_folder()))}: no semantic weights in the weights folder",
        "train them with `depmap train-semantics`, or unset DEPMAP_WEIGHTS",
    )


def _semantic_weights_in(folder: Path) -> Iterator[Path]:
    """Semantic weights written by depmap in ``folder``, by name; other files are ignored."""
    for path in sorted(folder.glob("*.safetensors")):
        with suppress(WeightsInvalid):
            if read_document(path)["kind"] == "semantics":
                yield path
