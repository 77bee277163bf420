"""Metrics of several runs on Development: each run, then mean and standard deviation over seeds."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from depmap_cli.stats.metrics import mean_and_sd
from depmap_cli.training.run_folder import WEIGHTS

SeedRow = tuple[str, str, dict[str, float]]
"""A fold, "all" or ""; a seed, "mean" or "sd"; metrics by name."""


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """One finished run."""

    folder: Path
    fold: int | None  # None for the corpus's own splits
    seed: int
    development: dict[str, float]  # rmse, mae, pcc, ccc of the finished weights
    left_out: list[str]  # videos in which the face is covered throughout

    @property
    def weights(self) -> Path:
        """The weights file for `depmap score`."""
        return self.folder / WEIGHTS


def seed_summary_rows(results: Sequence[TrainResult]) -> list[SeedRow]:
    """Rows for the runs, for the mean over folds of each seed, and for mean and sd over seeds.

    There is no standard deviation over folds: folds hold different people, so what differs between
    them is not the variation of training.
    """
    by_folds = any(result.fold is not None for result in results)
    rows = [("" if r.fold is None else str(r.fold), str(r.seed), r.development) for r in results]
    seed_means = [
        (str(seed), _means([r.development for r in results if r.seed == seed]))
        for seed in sorted({r.seed for r in results})
    ]
    fold = "all" if by_folds else ""
    if by_folds:
        rows += [(fold, seed, metrics) for seed, metrics in seed_means]
    if len(seed_means) > 1:
        values = [metrics for _, metrics in seed_means]
        summary = {name: mean_and_sd([m[name] for m in values]) for name in values[0]}
        rows += [
            (fold, label, {name: pair[i] for name, pair in summary.items()})
            for i, label in enumerate(("mean", "sd"))
        ]
    return rows


def _means(metrics: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([m[name] for m in metrics])) for name in metrics[0]}


def seed_summary_csv(results: Sequence[TrainResult]) -> str:
    """The rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["fold", "seed", *results[0].development])
    for fold, seed, metrics in seed_summary_rows(results):
        writer.writerow([fold, seed, *(f"{value:.4f}" for value in metrics.values())])
    return text.getvalue()


def left_out(results: Sequence[TrainResult]) -> list[str]:
    """Names of the videos that any run left out, each once."""
    return list(dict.fromkeys(name for result in results for name in result.left_out))
