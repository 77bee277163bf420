"""The plain ResNet that stands beside weights in an evaluation: where it lies, how it is made."""

import shlex
from pathlib import Path

from depmap_cli.training.folder import CONFIG, WEIGHTS
from depmap_cli.weights import DEFAULT, PLAIN, weights_folder

FOLDER = "resnet-baseline"
"""Below the folder of other runs: what `depmap train --model resnet-baseline` wrote."""


def plain_beside(weights: Path | None) -> tuple[Path, ...]:
    """What to evaluate beside these weights (a file, a folder of runs, None for those shipped).

    Nothing where there is no plain ResNet, or where the weights are one.
    """
    shipped = weights_folder() / DEFAULT
    if weights is None or (weights.is_file() and weights.resolve() == shipped.resolve()):
        found = weights_folder() / PLAIN
    elif weights.is_dir():
        found = weights / FOLDER
    else:
        found = weights.parent / FOLDER / WEIGHTS
    return (found,) if found.exists() else ()


def way_to_plain(data: Path, weights: Path | None, folds: int | None) -> str | None:
    """The command that trains one as these weights were trained, so that ``plain_beside`` finds it.

    None if these weights are one.
    """
    if weights is not None and FOLDER in weights.resolve().parts[-2:]:
        return None
    command = ["depmap", "train", "--data", str(data), "--model", "resnet-baseline"]
    command += ["--group-by", "subject", "--folds", str(folds)] if folds else []
    plain, after = Path(FOLDER), f", then add --beside {Path(FOLDER, WEIGHTS)}"
    if weights is not None:
        run = weights if weights.is_dir() else weights.parent
        command += ["--config", str(settings)] if (settings := _settings_of(run)) else []
        plain, after = run / FOLDER, ""
    command += ["--out", str(plain)]
    return f"to put a plain ResNet beside: {shlex.join(command)}{after}"


def _settings_of(run: Path) -> Path | None:
    """The settings of a run, of several seeds or folds those of the first; None where none lie."""
    places = ("", "seed-*", "fold-*", "fold-*/seed-*")
    found = (path for place in places for path in sorted(run.glob(f"{place}/{CONFIG}".lstrip("/"))))
    return next(found, None)
