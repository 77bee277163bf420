"""Where the runs of several folds and seeds lie, and which there are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from depmap_cli.errors import DataInvalid, UsageProblem
from depmap_cli.training.folder import RUN, WEIGHTS, folder_name

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


class Layout(StrEnum):
    """What one `depmap train` writes to a folder, as messages name it."""

    run = "a single run"
    seeds = "runs of several seeds"
    folds = "runs by folds"


_TRACES = {
    Layout.run: (RUN, WEIGHTS),
    Layout.seeds: ("seed-*",),
    Layout.folds: ("fold-*",),
}


def check_alone(folder: Path, wanted: Layout) -> None:
    """See to it that a folder holds nothing of another layout.

    Raises:
        DataInvalid: it does.
    """
    for layout, traces in _TRACES.items():
        if layout != wanted and any(any(folder.glob(trace)) for trace in traces):
            told = f"holds {layout}; {wanted} in it could not be evaluated"
            raise DataInvalid(f"--out {folder_name(folder)}: {told}", "choose another folder")


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
        command = f"depmap train --group-by subject --folds {self.n_folds}"
        for path in map(self.weights, range(self.n_folds)):
            if not path.is_file():
                raise UsageProblem(
                    f"{folder_name(self.path)}: no {path.relative_to(self.path)}",
                    f"a run of `{command}` is expected",
                )
        if fold_folder(self.path, self.n_folds).exists():
            raise UsageProblem(
                f"{folder_name(self.path)}: holds more than {self.n_folds} folds", "check --folds"
            )


def cross_validations(path: Path, n_folds: int) -> list[CrossValidation]:
    """What `depmap train --group-by subject` wrote to ``path``: one, or one a seed, in order.

    Raises:
        UsageProblem: a fold lacks weights, of any seed; there are more folds, or runs with folders
            of seeds and without, of which either may be meant.
    """
    numbers = map(seed_of, path.glob("fold-*/seed-*"))
    seeds: list[int | None] = [*sorted({seed for seed in numbers if seed is not None})]
    if seeds and any(path.glob(f"fold-*/{WEIGHTS}")):
        raise UsageProblem(
            f"{folder_name(path)}: weights of several seeds, and others beside them",
            "keep the runs of one `depmap train` in a folder",
        )
    found = [CrossValidation(path, n_folds, seed) for seed in seeds or [None]]
    for one in found:
        one.check()
    return found


def folds_beside(
    own: Sequence[CrossValidation], beside: Sequence[Path]
) -> list[tuple[CrossValidation, ...]]:
    """For each of ``own``, those of its folds and seed that lie in each of ``beside``.

    Raises:
        UsageProblem: as ``cross_validations`` and ``of_seed``.
    """
    others = [cross_validations(folder, own[0].n_folds) for folder in beside]
    return [tuple(of_seed(other, one.seed) for other in others) for one in own]


def of_seed(found: Sequence[CrossValidation], seed: int | None) -> CrossValidation:
    """The one to compare with another of this seed: that of the same, or the only one there is.

    Raises:
        UsageProblem: there are several, and none of this seed.
    """
    chosen = found if len(found) == 1 else [one for one in found if one.seed == seed]
    if not chosen:
        raise UsageProblem(
            f"{folder_name(found[0].path)}: its seeds are not those of --weights",
            "compare runs of the same seeds, or with a run of one seed",
        )
    return chosen[0]
