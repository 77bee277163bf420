"""Folders of runs: single ones, and those of several seeds or folds."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from depmap_cli.errors import DataInvalid, UsageProblem
from depmap_cli.training.run_folder import RUN, WEIGHTS, out_option, shown_path

T = TypeVar("T")
_SEED = re.compile(r"seed-(\d+)")


def fold_folder(out: Path, fold: int) -> Path:
    """The folder below ``out`` for the run of a fold, or for its runs with several seeds."""
    return out / f"fold-{fold}"


def seed_folder(out: Path, seed: int) -> Path:
    """The folder below ``out`` for the run of one of several seeds."""
    return out / f"seed-{seed}"


def seed_of(folder: Path) -> int | None:
    """The seed in a folder's name; None if it is not the folder of a seed."""
    match = _SEED.fullmatch(folder.name)
    return int(match[1]) if match else None


class RunLayout(StrEnum):
    """What one `depmap train` writes to a folder, as messages name it."""

    run = "a single run"
    seeds = "runs of several seeds"
    folds = "runs by folds"


_LAYOUT_FILES = {
    RunLayout.run: (RUN, WEIGHTS),
    RunLayout.seeds: ("seed-*",),
    RunLayout.folds: ("fold-*",),
}


def check_layout(folder: Path, wanted: RunLayout) -> None:
    """Check that a folder holds no runs of another layout, which evaluation could not tell apart.

    Raises:
        DataInvalid: it does.
    """
    for layout, patterns in _LAYOUT_FILES.items():
        if layout != wanted and any(any(folder.glob(pattern)) for pattern in patterns):
            raise DataInvalid(
                f"{out_option(folder)}: holds {layout}; {wanted} in it could not be evaluated",
                "choose another folder",
            )


Runs = Mapping[int | None, Path]
"""Weights by seed, in order; the seed of a single run is None."""


def find_runs(path: Path) -> Runs:
    """Find the weights of a run, or of several runs that differ in their seed.

    ``path`` is a weights file, a run folder, or the folder of `depmap train --seeds`.

    Raises:
        UsageProblem: weights are missing, or the folder holds runs of more than one `depmap train`.
    """
    if not path.is_dir():
        return {None: path}
    seeds = _seeds(path, path.iterdir(), has_single_run=(path / WEIGHTS).exists())
    runs = {s: (path if s is None else seed_folder(path, s)) / WEIGHTS for s in seeds}
    for weights in runs.values():
        _check_finished(
            path,
            weights,
            "name the folder of a finished `depmap train`, or add --folds if it is a run by folds",
        )
    return runs


def runs_to_compare(
    seeds: Iterable[int | None], others: Sequence[Path]
) -> dict[int | None, tuple[Path, ...]]:
    """Find the weights to compare with: seed -> those of that seed, one from each of ``others``.

    Raises:
        UsageProblem: as ``find_runs``, or the other runs have other seeds.
    """
    runs = [(path, find_runs(path)) for path in others]
    return {seed: tuple(run_of_seed(path, own, seed) for path, own in runs) for seed in seeds}


@dataclass(frozen=True)
class CrossValidation:
    """The runs of all folds with one seed."""

    path: Path
    n_folds: int
    seed: int | None = None  # None if there are no folders of seeds

    def weights(self, fold: int) -> Path:
        """The finished weights of a fold."""
        folder = fold_folder(self.path, fold)
        return (folder if self.seed is None else seed_folder(folder, self.seed)) / WEIGHTS

    def check(self) -> None:
        """Check that the weights of every fold exist.

        Raises:
            UsageProblem: weights are missing, or there are more folds.
        """
        command = f"depmap train --folds {self.n_folds}"
        for path in map(self.weights, range(self.n_folds)):
            _check_finished(self.path, path, f"name the folder of a finished `{command}`")
        if fold_folder(self.path, self.n_folds).exists():
            raise UsageProblem(
                f"{shown_path(self.path)}: holds more than {self.n_folds} folds",
                "give the same --folds as in training",
            )


def cross_validations(path: Path, n_folds: int) -> dict[int | None, CrossValidation]:
    """Find what `depmap train --folds` wrote to ``path``: seed -> its cross-validation, in order.

    Raises:
        UsageProblem: weights of a fold or seed are missing, there are more folds, or there are runs
            both with and without folders of seeds.
    """
    has_single_runs = any(path.glob(f"fold-*/{WEIGHTS}"))
    seeds = _seeds(path, path.glob("fold-*/seed-*"), has_single_run=has_single_runs)
    runs = {seed: CrossValidation(path, n_folds, seed) for seed in seeds}
    for cross_validation in runs.values():
        cross_validation.check()
    return runs


def cross_validations_to_compare(
    seeds: Iterable[int | None], n_folds: int, others: Sequence[Path]
) -> dict[int | None, tuple[CrossValidation, ...]]:
    """Find the cross-validations to compare with: seed -> those of that seed, one from each of
    ``others``.

    Raises:
        UsageProblem: as ``cross_validations``, or the other runs have other seeds.
    """
    runs = [(path, cross_validations(path, n_folds)) for path in others]
    return {seed: tuple(run_of_seed(path, own, seed) for path, own in runs) for seed in seeds}


def run_of_seed(path: Path, runs: Mapping[int | None, T], seed: int | None) -> T:
    """Choose which of the ``runs`` in ``path`` to compare with a run of this seed.

    That is the run of the same seed, or the only one.

    Raises:
        UsageProblem: there are several, and none of this seed.
    """
    if len(runs) == 1:
        return next(iter(runs.values()))
    if seed not in runs:
        raise UsageProblem(
            f"{shown_path(path)}: its seeds are not those of --weights",
            "compare with runs of the same seeds, or with a run of one seed",
        )
    return runs[seed]


def _seeds(path: Path, folders: Iterable[Path], has_single_run: bool) -> list[int | None]:
    """The seeds among the names of ``folders``, in order; [None] if there are none.

    Raises:
        UsageProblem: there are seeds and also a run without a seed.
    """
    seeds: list[int | None] = [*sorted({s for s in map(seed_of, folders) if s is not None})]
    if seeds and has_single_run:
        raise UsageProblem(
            f"{shown_path(path)}: holds runs of several seeds and a single run",
            "keep the runs of each `depmap train` in a folder of their own",
        )
    return seeds or [None]


def _check_finished(path: Path, weights: Path, hint: str) -> None:
    if not weights.is_file():
        raise UsageProblem(f"{shown_path(path)}: no {weights.relative_to(path)}", hint)
