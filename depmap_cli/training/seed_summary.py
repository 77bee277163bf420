"""What several runs gave on Development: each one's figures, then mean and sd over seeds."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from depmap_cli.stats.metrics import mean_and_sd
from depmap_cli.training.run_folder import WEIGHTS

SeedRow = tuple[str, str, dict[str, float]]
"""A fold, "all" or ""; a seed, "mean" or "sd"; figures by name."""


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """One finished run."""

    folder: Path
    fold: int | None  # None for the corpus's own splits
    seed: int
    development: dict[str, float]  # rmse, mae, pcc, ccc of the finished weights
    left_out: list[str]  # recordings in which the face is covered throughout

    @property
    def weights(self) -> Path:
        """What `depmap score` takes."""
        return self.folder / WEIGHTS


def spread_rows(results: Sequence[TrainResult]) -> list[SeedRow]:
    """The runs, of folds their mean seed by seed, and mean and sd over two seeds or more.

    Folds hold different people: what lies between them is no spread of the training.
    """
    by_folds = any(r.fold is not None for r in results)
    rows = [("" if r.fold is None else str(r.fold), str(r.seed), r.development) for r in results]
    of_seed = [
        (str(seed), _means([r.development for r in results if r.seed == seed]))
        for seed in sorted({r.seed for r in results})
    ]
    whole = "all" if by_folds else ""
    if by_folds:
        rows += [(whole, seed, figures) for seed, figures in of_seed]
    if len(of_seed) > 1:
        figures = [found for _, found in of_seed]
        over = {name: mean_and_sd([f[name] for f in figures]) for name in figures[0]}
        rows += [
            (whole, words, {name: pair[i] for name, pair in over.items()})
            for i, words in enumerate(("mean", "sd"))
        ]
    return rows


def _means(figures: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([f[name] for f in figures])) for name in figures[0]}


def spread_csv(results: Sequence[TrainResult]) -> str:
    """The rows as a table."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["fold", "seed", *results[0].development])
    for fold, seed, figures in spread_rows(results):
        writer.writerow([fold, seed, *(f"{value:.4f}" for value in figures.values())])
    return text.getvalue()


def left_out(results: Sequence[TrainResult]) -> list[str]:
    """Recordings that some run could not take, each once."""
    return list(dict.fromkeys(name for result in results for name in result.left_out))
