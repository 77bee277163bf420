"""The plain ResNet that stands beside weights in an evaluation: where it lies, how it is made."""

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
from depmap_cli.training.runs import cross_validations, find_runs, folds_beside, seeds_beside
from depmap_cli.weights.document import FROM_SCRATCH
from depmap_cli.weights.locations import (
    BASELINE_WEIGHTS,
    DEFAULT_WEIGHTS,
    default_semantic_weights,
    weights_folder,
)

FOLDER = "resnet-baseline"
"""Below the folder of other runs: what `depmap train --model resnet-baseline` wrote."""


def plain_beside(weights: Path | None, n_folds: int | None = None) -> tuple[tuple[Path, ...], str]:
    """What to evaluate beside these weights (a file, a folder of runs, None for those shipped),
    all ``n_folds`` of them pooled where they are a run by folds.

    Nothing where there is no plain ResNet, where the weights are one, or where it is unfinished or
    of other seeds or folds, which is then told in words.

    Raises:
        UsageProblem: the weights themselves are unfinished.
    """
    found = _plain_of(weights)
    if not found.exists():
        return (), ""
    fits: Callable[[Sequence[Path]], object]
    if weights is not None and n_folds is not None:
        fits = partial(folds_beside, cross_validations(weights, n_folds), n_folds)
    else:
        fits = partial(seeds_beside, find_runs(weights) if weights else [None])
    try:
        fits((found,))
    except UsageProblem as problem:
        return (), f"{found} does not stand beside: {problem}"
    return (found,), ""


def _plain_of(weights: Path | None) -> Path:
    """Where the plain ResNet of these weights lies, if there is one."""
    shipped = weights_folder() / DEFAULT_WEIGHTS
    if weights is None or (weights.is_file() and weights.resolve() == shipped.resolve()):
        return weights_folder() / BASELINE_WEIGHTS
    return (weights if weights.is_dir() else weights.parent) / FOLDER


def way_to_plain(data: Path, weights: Path | None, folds: int | None) -> str | None:
    """The command that trains one as these weights were trained, so that ``plain_beside`` finds it:
    with their settings, from a like start, on the same semantic model.

    None if these weights are one.
    """
    if weights is not None and (_is_plain(weights) or FOLDER in weights.resolve().parts[-2:]):
        return None
    command = ["depmap", "train", "--data", str(data), "--model", "resnet-baseline"]
    command += ["--folds", str(folds)] if folds else []
    plain, after = Path(FOLDER), f", then add --compare-with {Path(FOLDER, WEIGHTS)}"
    if weights is not None:
        run = weights if weights.is_dir() else weights.parent
        command += ["--config", str(settings)] if (settings := _first(run, CONFIG)) else []
        command += _as_trained(weights, run)
        plain, after = run / FOLDER, ""
    command += ["--out", str(plain)]
    return f"to put a plain ResNet beside: {shlex.join(command)}{after}"


def _as_trained(weights: Path, run: Path) -> list[str]:
    """The options that weights, or the first ones of a run, were trained with beyond settings."""
    document = _document(weights if weights.is_file() else _first(run, WEIGHTS))
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


def _is_plain(weights: Path) -> bool:
    """Whether a file of weights holds a plain ResNet."""
    document = _document(weights)
    return (
        bool(document)
        and network_name(ModelConfig.model_validate(document["config"]["model"])) == PLAIN_NAME
    )


def _document(path: Path | None) -> dict[str, Any]:
    """That of a file of weights; empty where there is none, or what is wrong with it is yet to be
    said by whoever loads it."""
    try:
        return read_document(path, "depmap") if path else {}
    except WeightsInvalid:
        return {}


def _first(run: Path, name: str) -> Path | None:
    """A file of a run, of several seeds or folds that of the first; None where there is none."""
    places = ("", "seed-*", "fold-*", "fold-*/seed-*")
    found = (path for place in places for path in sorted(run.glob(f"{place}/{name}".lstrip("/"))))
    return next(found, None)
