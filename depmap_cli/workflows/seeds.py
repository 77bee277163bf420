"""`depmap evaluate` of one run, or of several that differ in their seed: each by itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from depmap_cli.errors import UsageProblem
from depmap_cli.progress import Told
from depmap_cli.training.cross_validation import seed_of
from depmap_cli.training.folder import WEIGHTS, folder_name
from depmap_cli.workflows.evaluate import EvaluateOptions, Evaluation, evaluate_run

Runs = Mapping[int | None, Path]
"""Weights by seed, in order; None is the seed of a run that stands for itself."""


def evaluate_seeds(options: EvaluateOptions, told: Told) -> list[Evaluation]:
    """One evaluation, or one a seed where ``options.weights`` is a folder of several.

    Each is beside the other weights of its seed, or beside the only ones there are.

    Raises:
        DepmapError: as ``runs_of`` and ``evaluate_run``, or runs beside it are of other seeds.
    """
    own = runs_of(options.weights) if options.weights else {None: None}
    beside = seeds_beside(own, options.beside)
    found = []
    for seed, weights in own.items():
        one = evaluate_run(replace(options, weights=weights, beside=beside[seed]), told)
        found.append(one if seed is None else _of_seed(one, seed))
    return found


def seeds_beside(
    seeds: Iterable[int | None], beside: Sequence[Path]
) -> dict[int | None, tuple[Path, ...]]:
    """Seed -> the weights that stand beside those of that seed, one from each of ``beside``.

    Raises:
        UsageProblem: as ``runs_of``, or runs beside are of other seeds.
    """
    others = [(folder_name(path), runs_of(path)) for path in beside]
    return {seed: tuple(_alike(*other, seed) for other in others) for seed in seeds}


def runs_of(path: Path) -> Runs:
    """The weights file itself, that of a run folder, or those of what `--seeds` wrote.

    Raises:
        UsageProblem: a folder without them, one seed's are missing, or more is there than one
            `depmap train` writes.
    """
    if not path.is_dir():
        return {None: path}
    seeds = sorted(seed for folder in path.iterdir() if (seed := seed_of(folder)) is not None)
    found: dict[int | None, Path] = {seed: path / f"seed-{seed}" / WEIGHTS for seed in seeds}
    if not seeds or (path / WEIGHTS).exists():
        found[None] = path / WEIGHTS
    if len(found) > 1 and None in found:
        raise UsageProblem(
            f"{folder_name(path)}: weights of several seeds, and others beside them",
            "keep the runs of one `depmap train` in a folder",
        )
    for weights in found.values():
        if not weights.is_file():
            raise UsageProblem(
                f"{folder_name(path)}: no {weights.relative_to(path)}",
                "a finished run of `depmap train` is expected; one by folds needs --group-by",
            )
    return found


def _alike(name: str, runs: Runs, seed: int | None) -> Path:
    """The weights to compare with others of this seed."""
    if len(runs) > 1 and seed not in runs:
        raise UsageProblem(
            f"{name}: its seeds are not those of --weights",
            "compare runs of the same seeds, or with a run of one seed",
        )
    return runs[seed] if len(runs) > 1 else next(iter(runs.values()))


def _of_seed(found: Evaluation, seed: int) -> Evaluation:
    settings = {**found.report.settings, "seed": seed}
    return replace(found, report=found.report.model_copy(update={"settings": settings}))
