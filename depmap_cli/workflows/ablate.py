"""`depmap ablate`: the rows of the paper's Table 2 or 3, each trained and evaluated alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from depmap_cli.config import Config
from depmap_cli.data.corpus import LabelledVideo
from depmap_cli.domain.paper_tables import METRICS, Variant, row_name, select_rows
from depmap_cli.errors import UsageProblem, WeightsInvalid
from depmap_cli.evaluation import EvaluationReport
from depmap_cli.evaluation.ablation import AblationRow
from depmap_cli.io.checkpoint import read_document
from depmap_cli.io.settings import check_settings
from depmap_cli.results import encodable
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.semantics.clip_model import SemanticModel
from depmap_cli.training.feature_cache import FeatureCache
from depmap_cli.training.initialise import build_model
from depmap_cli.training.progress import TrainingDisplay, numbered
from depmap_cli.training.run_folder import WEIGHTS, RunFolder, folder_name
from depmap_cli.training.runs import seed_folder
from depmap_cli.workflows.about_evaluation import split_counts
from depmap_cli.workflows.evaluate import EvaluateOptions, run_evaluation
from depmap_cli.workflows.train import TrainOptions, check_run, run_training

RESULT = "evaluation.json"


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """What all runs share."""

    options: TrainOptions
    split: str
    semantics: SemanticModel
    videos: list[LabelledVideo]


@dataclass(frozen=True)
class _Run:
    """A row with one seed."""

    folder: Path
    config: Config
    name: str  # for the live view

    @property
    def weights(self) -> Path:
        return self.folder / WEIGHTS


def run_ablation(
    options: TrainOptions,
    table: int,
    split: str,
    rows: Sequence[int],
    told: ProgressCallback,
    view: TrainingDisplay,
) -> list[AblationRow]:
    """Train and evaluate the rows (all if none are named) of a table, with every seed.

    Seed by seed, so that rows compare early and the maps of a frozen backbone are shared. A run
    that is finished in ``options.out`` is not repeated, so a killed grid goes on.

    Raises:
        UsageProblem: no such row, one that cannot be trained as asked, or a finished run in
            ``options.out`` is of other settings or data: before anything is trained.
        DepmapError: as ``run_training``, of a run that was begun before anything is trained, and as
            ``run_evaluation``.
    """
    variants = select_rows(table, rows)
    grid = _Grid(
        options=options,
        split=split,
        semantics=options.semantic_model.load(),
        videos=options.source.read()[0],
    )
    runs = {number: _runs(grid, number, variant) for number, variant in variants.items()}
    finished = {run.folder: _finished(grid, run) for row in runs.values() for run in row}
    for run in (run for row in runs.values() for run in row):
        if finished[run.folder] is None and run.folder.exists():
            check_run(_training(options, run))
    reports: dict[int, list[EvaluationReport]] = {number: [] for number in runs}
    view = numbered(view, sum(report is None for report in finished.values()))
    for of_seed in zip(*runs.values(), strict=True):
        shared = replace(options, kept=FeatureCache())
        for number, run in zip(runs, of_seed, strict=True):
            report = finished[run.folder] or _evaluated(grid, shared, run, told, view)
            reports[number].append(report)
    return [_row(n, variants[n], runs[n], reports[n]) for n in variants]


def _runs(grid: _Grid, number: int, variant: Variant) -> list[_Run]:
    """Those of a row, one a seed."""
    config = _config(grid, number, variant)
    slug = "".join(c if c.isalnum() else "-" for c in variant.name.lower()).strip("-")
    runs = []
    for seed in range(config.train.seed, config.train.seed + grid.options.seeds):
        train = config.train.model_copy(update={"seed": seed})
        folder = seed_folder(grid.options.out / slug, seed)
        name = f"{row_name(number, variant)}, seed {seed}"
        runs.append(_Run(folder, config.model_copy(update={"train": train}), name))
    return runs


def _config(grid: _Grid, number: int, variant: Variant) -> Config:
    """The settings of a row, which decides on every switch; its backbone starts at random where
    the image tower is another's."""
    settings = grid.options.config.model_dump(mode="json")
    config = check_settings({**settings, "model": {**settings["model"], **variant.switches}})
    try:
        build_model(config, grid.semantics, np.array([0.0, 1.0]), None)
    except UsageProblem as error:
        if config.train.freeze_backbone:
            raise UsageProblem(
                f"{row_name(number, variant)}: {error.message}, and train.freeze_backbone would "
                "leave its backbone as it is, at random",
                "leave the row out (--row names those to train), or do not freeze",
            ) from error
        train = config.train.model_copy(update={"init_from_semantic_model": False})
        return config.model_copy(update={"train": train})
    return config


def _finished(grid: _Grid, run: _Run) -> EvaluationReport | None:
    """The stored report of a run; None where there is none, or it or its weights are not whole.

    Raises:
        UsageProblem: it is of other settings, of other data or of another semantic model.
    """
    try:
        stored = (run.folder / f"{grid.split}-{RESULT}").read_text(encoding="utf-8")
        report = EvaluationReport.model_validate_json(stored)
        document = read_document(run.weights)
        config = Config.model_validate(document["config"])
    except (OSError, ValueError, WeightsInvalid):
        return None
    alike = {
        "settings": config == run.config,
        "data": _is_of(report, grid),
        "semantic weights": document["semantics"]["sha256"] == grid.semantics.id.sha256,
    }
    if others := [name for name, same in alike.items() if not same]:
        out = grid.options.out
        told = f"{run.folder.relative_to(out)} is a run of other {' and '.join(others)}"
        raise UsageProblem(
            f"--out {folder_name(out)}: {told}",
            "give what it was made with, or choose another folder",
        )
    return report


def _is_of(report: EvaluationReport, grid: _Grid) -> bool:
    """Whether a report is of this data: the same splits, and in its own the same clips."""
    clips = {(row.video, row.subject, row.session, row.score) for row in report.table}
    wanted = {
        (encodable(r.path.name), encodable(r.subject), encodable(r.session), r.score)
        for r in grid.videos
        if r.split == grid.split
    }
    return report.splits == split_counts(grid.videos) and clips == wanted


def _training(options: TrainOptions, run: _Run) -> TrainOptions:
    """Of one run, begun or not."""
    return replace(options, out=run.folder, config=run.config, seeds=1, resume=True)


def _evaluated(
    grid: _Grid, options: TrainOptions, run: _Run, told: ProgressCallback, view: TrainingDisplay
) -> EvaluationReport:
    """Train a run, or what is left of it, and evaluate and store it."""
    run_training(_training(options, run), told, lambda summary: None, lambda _: view(run.name))
    evaluation = EvaluateOptions(
        source=options.source,
        weights=run.weights,
        split=grid.split,
        device=options.device,
        semantic_model=options.semantic_model,
    )
    report = run_evaluation(evaluation, told).report
    RunFolder(run.folder).write(f"{grid.split}-{RESULT}", report.model_dump_json())
    return report


def _row(
    number: int, variant: Variant, runs: list[_Run], reports: list[EvaluationReport]
) -> AblationRow:
    started = read_document(runs[0].weights)["started_from"]
    seeds = tuple(run.config.train.seed for run in runs)
    return AblationRow(
        number=number, variant=variant, started_from=started, seeds=seeds, found=_figures(reports)
    )


def _figures(reports: list[EvaluationReport]) -> dict[str, np.ndarray]:
    """Task -> (runs, 4); a task without a name is all clips, which are there anyway."""
    found: dict[str, list[list[float]]] = {}
    for report in reports:
        tasks = [(task.name, task) for task in report.agreement.tasks if task.name]
        for name, comparison in [("", report.agreement.clips), *tasks]:
            values = [getattr(comparison.estimates, figure).value for figure in METRICS]
            found.setdefault(name, []).append([np.nan if v is None else v for v in values])
    return {task: np.array(values) for task, values in found.items()}
