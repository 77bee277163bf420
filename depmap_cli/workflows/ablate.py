"""`depmap ablate`: the rows of the paper's Table 2 or 3, each trained and evaluated alike."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from depmap_cli.ablation import FIGURES, TABLES, Variant
from depmap_cli.evaluation import EvaluationReport
from depmap_cli.progress import Told
from depmap_cli.training.cross_validation import seed_folder
from depmap_cli.training.maps import KeptMaps
from depmap_cli.workflows.evaluate import EvaluateOptions, evaluate_run
from depmap_cli.workflows.train import TrainOptions, View, train_run

RESULT = "evaluation.json"


@dataclass(frozen=True)
class AblationRow:
    """One variant: what seeds gave, per task ("" for all clips), as (runs, 4) of ``FIGURES``."""

    variant: Variant
    found: dict[str, np.ndarray]


def ablate_run(
    options: TrainOptions, table: int, split: str, rows: Sequence[int], told: Told, view: View
) -> list[AblationRow]:
    """Train and evaluate the rows (all if none are named) of a table, with every seed.

    Seed by seed, so that rows compare early and the maps of a frozen backbone are shared. A run
    that is finished in ``options.out`` is not repeated, so a killed grid goes on.
    """
    variants = [v for i, v in enumerate(TABLES[table], start=1) if not rows or i in rows]
    reports: list[list[EvaluationReport]] = [[] for _ in variants]
    for seed in range(options.seeds):
        shared = replace(options, kept=KeptMaps())
        for variant, found in zip(variants, reports, strict=True):
            found.append(_report(shared, variant, seed, split, told, view))
    return [AblationRow(v, _figures(found)) for v, found in zip(variants, reports, strict=True)]


def _report(
    options: TrainOptions, variant: Variant, number: int, split: str, told: Told, view: View
) -> EvaluationReport:
    """One trained and evaluated run, or the stored report of an earlier one."""
    seed = options.config.train.seed + number
    folder = seed_folder(options.out / _slug(variant.name), seed)
    stored = folder / f"{split}-{RESULT}"
    if stored.is_file():
        return EvaluationReport.model_validate_json(stored.read_text())
    config = options.config.model_copy(
        update={
            "model": variant.applied(options.config.model),
            "train": options.config.train.model_copy(update={"seed": seed}),
        }
    )
    run = replace(options, out=folder, config=config, seeds=1, resume=True)
    (result,) = train_run(run, told, lambda summary: None, view)
    evaluation = EvaluateOptions(options.source, result.weights, split, device=options.device)
    report = evaluate_run(evaluation, told).report
    stored.write_text(json.dumps(report.model_dump(mode="json")))
    return report


def _figures(reports: list[EvaluationReport]) -> dict[str, np.ndarray]:
    """Task -> (runs, 4)."""
    found: dict[str, list[list[float]]] = {}
    for report in reports:
        parts = [("", report.agreement.clips), *((c.name, c) for c in report.agreement.tasks)]
        for task, comparison in parts:
            values = [getattr(comparison.estimates, name).value for name in FIGURES]
            found.setdefault(task, []).append([np.nan if v is None else v for v in values])
    return {task: np.array(values) for task, values in found.items()}


def _slug(name: str) -> str:
    return Path("".join(c if c.isalnum() else "-" for c in name.lower())).name.strip("-")
