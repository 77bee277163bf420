"""The plain ResNet that evaluations compare weights with: where it is, and how to train it."""

import shlex
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from depmap_cli.config import ModelConfig
from depmap_cli.domain.paper_tables import PLAIN_NAME, network_name
from depmap_cli.errors import UsageProblem, WeightsInvalid
from depmap_cli.io.checkpoint import read_document
from depmap_cli.io.file_identity import sha256_of
from depmap_cli.semantics.clip_model import BUNDLED_MODEL
from depmap_cli.training.run_folder import CONFIG, WEIGHTS
from depmap_cli.training.runs import (
    cross_validations,
    cross_validations_to_compare,
    find_runs,
    runs_to_compare,
)
from depmap_cli.weights.document import FROM_SCRATCH
from depmap_cli.weights.locations import (
    BASELINE_WEIGHTS,
    DEFAULT_WEIGHTS,
    default_semantic_weights,
    weights_folder,
)

FOLDER = "resnet-baseline"
"""Folder of `depmap train --model resnet-baseline`, inside the folder of the run it belongs to."""


def find_resnet_baseline(
    weights: Path | None, n_folds: int | None = None
) -> tuple[tuple[Path, ...], str]:
    """Find the plain ResNet to compare these weights with.

    ``weights`` is a file or a folder of runs, None for the bundled weights; ``n_folds`` is given
    if they are a run by folds. Returns the paths to compare with, and why a plain ResNet is
    skipped (it is unfinished, or its seeds or folds differ); "" if it is not.

    Raises:
        UsageProblem: the weights themselves are unfinished.
    """
    plain = _baseline_path(weights)
    if not plain.exists():
        return (), ""
    check: Callable[[Sequence[Path]], object]
    if weights is not None and n_folds is not None:
        check = partial(cross_validations_to_compare, cross_validations(weights, n_folds), n_folds)
    else:
        check = partial(runs_to_compare, find_runs(weights) if weights else [None])
    try:
        check((plain,))
    except UsageProblem as problem:
        return (), f"{plain} is not compared with: {problem}"
    return (plain,), ""


def _baseline_path(weights: Path | None) -> Path:
    """The path of the plain ResNet of these weights, whether it exists or not."""
    bundled = weights_folder() / DEFAULT_WEIGHTS
    if weights is None or (weights.is_file() and weights.resolve() == bundled.resolve()):
        return weights_folder() / BASELINE_WEIGHTS
    return (weights if weights.is_dir() else weights.parent) / FOLDER


def baseline_command(data: Path, weights: Path | None, folds: int | None) -> str | None:
    """Return the command that trains a plain ResNet to compare these weights with.

    The command uses their settings, a similar start and the same semantic model. None if the
    weights are a plain ResNet themselves.
    """
    if weights is not None and (
        _is_resnet_baseline(weights) or FOLDER in weights.resolve().parts[-2:]
    ):
        return None
    command = ["depmap", "train", "--data", str(data), "--model", "resnet-baseline"]
    command += ["--folds", str(folds)] if folds else []
    plain, next_step = Path(FOLDER), f", then add --compare-with {Path(FOLDER, WEIGHTS)}"
    if weights is not None:
        run = weights if weights.is_dir() else weights.parent
        command += ["--config", str(settings)] if (settings := _first_file(run, CONFIG)) else []
        command += _training_options(weights, run)
        plain, next_step = run / FOLDER, ""
    command += ["--out", str(plain)]
    return f"to compare with a plain ResNet: {shlex.join(command)}{next_step}"


def _training_options(weights: Path, run: Path) -> list[str]:
    """The options, besides settings, that weights, or the first of a run, were trained with."""
    document = _document(weights if weights.is_file() else _first_file(run, WEIGHTS))
    if not document:
        return []
    options = ["--from-scratch"] if document["started_from"] in FROM_SCRATCH else []
    options += ["--simulated"] if document.get("simulated") else []
    semantics = document["semantics"]
    if semantics["model"] != BUNDLED_MODEL:
        options += ["--semantic-model", semantics["model"]]
    if semantics["sha256"] != sha256_of(default_semantic_weights()):
        options += ["--semantic-weights", "FILE"]
    return options


def _is_resnet_baseline(weights: Path) -> bool:
    """Return whether a weights file holds a plain ResNet."""
    document = _document(weights)
    return (
        bool(document)
        and network_name(ModelConfig.model_validate(document["config"]["model"])) == PLAIN_NAME
    )


def _document(path: Path | None) -> dict[str, Any]:
    """Return the document of a weights file; empty if it is missing or damaged.

    Loading a damaged file reports it later.
    """
    try:
        return read_document(path, "depmap") if path else {}
    except WeightsInvalid:
        return {}


def _first_file(run: Path, name: str) -> Path | None:
    """Return a file of a run, or of its first seed or fold; None if it is missing."""
    folders = ("", "seed-*", "fold-*", "fold-*/seed-*")
    files = (path for f in folders for path in sorted(run.glob(f"{f}/{name}".lstrip("/"))))
    return next(files, None)
