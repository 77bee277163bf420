"""Where runs lie, single ones and those of several seeds or folds, and which there are."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from depmap_cli.errors import DataInvalid, UsageProblem
from depmap_cli.training.run_folder import RUN, WEIGHTS, folder_name

T = TypeVar("T")
_SEED = re.compile(r"seed-(\d+)")


def fold_folder(out: Path, fold: int) -> Path:
    """Where below ``out`` the run of a fold goes, or its runs of several seeds."""
    return out / f"fold-{fold}"


def seed_folder(out: Path, seed: int) -> Path:
    """Where below ``out`` the run of one of several seeds goes."""
    return out / f"seed-{seed}"


def seed_of(folder: Path) -> int | None:
    """The seed whose run a folder is, by its name; None if it is no such folder."""
    match = _SEED.fullmatch(folder.name)
    return int(match[1]) if match else None


class RunLayout(StrEnum):
    """What one `depmap train` writes to a folder, as messages name it."""

    run = "a single run"
    seeds = "runs of several seeds"
    folds = "runs by folds"


_TRACES = {
    RunLayout.run: (RUN, WEIGHTS),
    RunLayout.seeds: ("seed-*",),
    RunLayout.folds: ("fold-*",),
}


def check_alone(folder: Path, wanted: RunLayout) -> None:
    """See to it that a folder holds nothing of another layout.

    Raises:
        DataInvalid: it does.
    """
    for layout, traces in _TRACES.items():
        if layout != wanted and any(any(folder.glob(trace)) for trace in traces):
            told = f"holds {layout}; {wanted} in it could not be evaluated"
            raise DataInvalid(f"--out {folder_name(folder)}: {told}", "choose another folder")


Runs = Mapping[int | None, Path]
"""Weights by seed, in order; None is the seed of a run that stands for itself."""


def find_runs(path: Path) -> Runs:
    """The weights file itself, that of a run folder, or those of what `--seeds` wrote.

    Raises:
        UsageProblem: a folder without them, one seed's are missing, or more is there than one
            `depmap train` writes.
    """
    if not path.is_dir():
        return {None: path}
    seeds = _seeds(path, path.iterdir(), alone=(path / WEIGHTS).exists())
    found = {s: (path if s is None else seed_folder(path, s)) / WEIGHTS for s in seeds}
    for weights in found.values():
        _check_finished(
            path,
            weights,
            "a finished run of `depmap train` is expected; one by folds needs --folds",
        )
    return found


def seeds_beside(
    seeds: Iterable[int | None], beside: Sequence[Path]
) -> dict[int | None, tuple[Path, ...]]:
    """Seed -> the weights that stand beside those of that seed, one from each of ``beside``.

    Raises:
        UsageProblem: as ``find_runs``, or runs beside are of other seeds.
    """
    others = [(path, find_runs(path)) for path in beside]
    return {seed: tuple(of_seed(*other, seed) for other in others) for seed in seeds}


@dataclass(frozen=True)
class CrossValidation:
    """The runs of all folds, of one seed."""

    path: Path
    n_folds: int
    seed: int | None = None  # None where there are no folders of seeds

    def weights(self, fold: int) -> Path:
        """The finished weights of a fold."""
        folder = fold_folder(self.path, fold)
        return (folder if self.seed is None else seed_folder(folder, self.seed)) / WEIGHTS

    def check(self) -> None:
        """Look for the weights of every fold.

        Raises:
            UsageProblem: some are missing, or there are more folds.
        """
        command = f"depmap train --folds {self.n_folds}"
        for path in map(self.weights, range(self.n_folds)):
            _check_finished(self.path, path, f"a run of `{command}` is expected")
        if fold_folder(self.path, self.n_folds).exists():
            raise UsageProblem(
                f"{folder_name(self.path)}: holds more than {self.n_folds} folds", "check --folds"
            )


def cross_validations(path: Path, n_folds: int) -> dict[int | None, CrossValidation]:
    """What `depmap train --folds` wrote to ``path``: one, or one a seed, in order.

    Raises:
        UsageProblem: a fold lacks weights, of any seed; there are more folds, or runs with folders
            of seeds and without, of which either may be meant.
    """
    seeds = _seeds(path, path.glob("fold-*/seed-*"), alone=any(path.glob(f"fold-*/{WEIGHTS}")))
    found = {seed: CrossValidation(path, n_folds, seed) for seed in seeds}
    for one in found.values():
        one.check()
    return found


def folds_beside(
    seeds: Iterable[int | None], n_folds: int, beside: Sequence[Path]
) -> dict[int | None, tuple[CrossValidation, ...]]:
    """Seed -> the cross-validations that stand beside that of this seed, one from each of
    ``beside``.

    Raises:
        UsageProblem: as ``cross_validations``, or runs beside are of other seeds.
    """
    others = [(path, cross_validations(path, n_folds)) for path in beside]
    return {seed: tuple(of_seed(*other, seed) for other in others) for seed in seeds}


def of_seed(path: Path, found: Mapping[int | None, T], seed: int | None) -> T:
    """What to compare with a run of this seed, of what lies in ``path``: that of the same, or the
    only one there is.

    Raises:
        UsageProblem: there are several, and none of this seed.
    """
    if len(found) == 1:
        return next(iter(found.values()))
    if seed not in found:
        raise UsageProblem(
            f"{folder_name(path)}: its seeds are not those of --weights",
            "compare runs of the same seeds, or with a run of one seed",
        )
    return found[seed]


def _seeds(path: Path, folders: Iterable[Path], alone: bool) -> list[int | None]:
    """The seeds of which ``folders`` hold runs, in order; None where none is a folder of a seed.

    Raises:
        UsageProblem: weights lie there ``alone``, too.
    """
    seeds: list[int | None] = [*sorted({s for s in map(seed_of, folders) if s is not None})]
    if seeds and alone:
        raise UsageProblem(
            f"{folder_name(path)}: weights of several seeds, and others beside them",
            "keep the runs of one `depmap train` in a folder",
        )
    return seeds or [None]


def _check_finished(path: Path, weights: Path, expected: str) -> None:
    if not weights.is_file():
        raise UsageProblem(f"{folder_name(path)}: no {weights.relative_to(path)}", expected)
