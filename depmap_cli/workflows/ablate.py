"""`depmap ablate`: train and evaluate the rows of the paper's Table 2 or 3."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from depmap_cli.config import Config
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.domain.paper_tables import METRICS, Variant, row_name, select_rows
from depmap_cli.errors import UsageProblem, WeightsInvalid
from depmap_cli.evaluation import EvaluationReport
from depmap_cli.evaluation.ablation import AblationRow
from depmap_cli.io.checkpoint import read_document
from depmap_cli.io.settings import check_settings
from depmap_cli.results import encodable
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.training.feature_cache import FeatureCache
from depmap_cli.training.initialise import build_model
from depmap_cli.training.progress import TrainingDisplay, numbered
from depmap_cli.training.run_folder import WEIGHTS, RunFolder, out_option
from depmap_cli.training.runs import seed_folder
from depmap_cli.workflows.about_evaluation import split_counts
from depmap_cli.workflows.evaluate import EvaluateOptions, run_evaluation
from depmap_cli.workflows.train import TrainingJob, TrainOptions
from depmap_cli.workflows.training_inputs import TrainingInputs

RESULT = "evaluation.json"


@dataclass(frozen=True)
class _Run:
    """One row of the table with one seed."""

    folder: Path
    config: Config
    name: str  # for the live display

    @property
    def weights(self) -> Path:
        return self.folder / WEIGHTS


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """What all runs of an ablation share."""

    options: TrainOptions
    split: str
    inputs: TrainingInputs
    videos: list[LabelledVideo]
    on_progress: ProgressCallback

    def job(
        self, run: _Run, display: TrainingDisplay, feature_cache: FeatureCache | None = None
    ) -> TrainingJob:
        """The training of one run; it resumes if it was interrupted."""
        return TrainingJob(
            replace(self.options, out=run.folder, config=run.config, seeds=1, resume=True),
            on_progress=self.on_progress,
            on_corpus=lambda summary: None,
            display=lambda _: display(run.name),
            inputs=self.inputs,
            feature_cache=feature_cache,
        )


def run_ablation(
    options: TrainOptions,
    table: int,
    split: str,
    rows: Sequence[int],
    on_progress: ProgressCallback,
    display: TrainingDisplay,
) -> list[AblationRow]:
    """Train and evaluate rows of a table (all rows if ``rows`` is empty), each with every seed.

    Runs go seed by seed, so that rows can be compared early and share the feature maps of a frozen
    backbone. Finished runs in ``options.out`` are not repeated: an interrupted ablation resumes.

    Raises:
        UsageProblem: there is no such row, a row cannot be trained with these settings, or a
            finished run in ``options.out`` has other settings or data. Raised before training.
        DepmapError: as ``TrainingJob.check`` for runs that were interrupted, before training; as
            ``TrainingJob.train`` and ``run_evaluation``.
    """
    variants = select_rows(table, rows)
    inputs = TrainingInputs(options.source, options.semantic_model)
    videos, _ = options.source.split(inputs.corpus)
    grid = _Grid(
        options=options, split=split, inputs=inputs, videos=videos, on_progress=on_progress
    )
    runs = {number: _runs_of_row(grid, number, variant) for number, variant in variants.items()}
    finished = {run.folder: _finished(grid, run) for row in runs.values() for run in row}
    for run in (run for row in runs.values() for run in row):
        if finished[run.folder] is None and run.folder.exists():
            grid.job(run, display).check()
    reports: dict[int, list[EvaluationReport]] = {number: [] for number in runs}
    display = numbered(display, sum(report is None for report in finished.values()))
    for runs_of_seed in zip(*runs.values(), strict=True):
        feature_cache = FeatureCache()
        for number, run in zip(runs, runs_of_seed, strict=True):
            report = finished[run.folder]
            if report is None:
                grid.job(run, display, feature_cache).train()
                report = _evaluate(grid, run)
            reports[number].append(report)
    return [_row(n, variants[n], runs[n], reports[n]) for n in variants]


def _runs_of_row(grid: _Grid, number: int, variant: Variant) -> list[_Run]:
    """The runs of a row, one for each seed."""
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
    """The settings of a row, which sets every switch of the model.

    The backbone starts at random if the image encoder of the semantic model has another depth.
    """
    settings = grid.options.config.model_dump(mode="json")
    config = check_settings({**settings, "model": {**settings["model"], **variant.switches}})
    try:
        build_model(config, grid.inputs.semantics, np.array([0.0, 1.0]), None)
    except UsageProblem as error:
        if config.train.freeze_backbone:
            raise UsageProblem(
                f"{row_name(number, variant)}: {error.message}, and train.freeze_backbone would "
                "keep its backbone random",
                "name the other rows with --row, or leave train.freeze_backbone out",
            ) from error
        train = config.train.model_copy(update={"init_from_semantic_model": False})
        return config.model_copy(update={"train": train})
    return config


def _finished(grid: _Grid, run: _Run) -> EvaluationReport | None:
    """Read the stored report of a run; None if the report or the weights are missing or damaged.

    Raises:
        UsageProblem: the run has other settings, other data or another semantic model.
    """
    try:
        stored = (run.folder / f"{grid.split}-{RESULT}").read_text(encoding="utf-8")
        report = EvaluationReport.model_validate_json(stored)
        document = read_document(run.weights)
        config = Config.model_validate(document["config"])
    except (OSError, ValueError, WeightsInvalid):
        return None
    same = {
        "settings": config == run.config,
        "data": _has_same_data(report, grid),
        "semantic weights": document["semantics"]["sha256"] == grid.inputs.semantics.id.sha256,
    }
    if different := [name for name, is_same in same.items() if not is_same]:
        out = grid.options.out
        raise UsageProblem(
            f"{out_option(out)}: {run.folder.relative_to(out)} is a run with other "
            f"{' and '.join(different)}",
            "repeat the options that it was made with, or choose another folder",
        )
    return report


def _has_same_data(report: EvaluationReport, grid: _Grid) -> bool:
    """Whether a report has the same splits, and in its own split the same clips."""
    clips = {(row.video, row.subject, row.session, row.score) for row in report.table}
    expected = {
        (
            encodable(video.path.name),
            encodable(video.subject),
            encodable(video.session),
            video.score,
        )
        for video in grid.videos
        if video.split == grid.split
    }
    return report.splits == split_counts(grid.videos) and clips == expected


def _evaluate(grid: _Grid, run: _Run) -> EvaluationReport:
    """Evaluate a trained run and store its report."""
    options = EvaluateOptions(
        source=grid.options.source,
        weights=run.weights,
        split=grid.split,
        device=grid.options.device,
        semantic_model=grid.options.semantic_model,
    )
    report = run_evaluation(options, grid.on_progress).report
    RunFolder(run.folder).write(f"{grid.split}-{RESULT}", report.model_dump_json())
    return report


def _row(
    number: int, variant: Variant, runs: list[_Run], reports: list[EvaluationReport]
) -> AblationRow:
    return AblationRow(
        number=number,
        variant=variant,
        started_from=read_document(runs[0].weights)["started_from"],
        seeds=tuple(run.config.train.seed for run in runs),
        metrics=_metrics_by_task(reports),
    )


def _metrics_by_task(reports: list[EvaluationReport]) -> dict[str, np.ndarray]:
    """Task -> (runs, 4), in the order of ``METRICS``; "" stands for the clips of all tasks."""
    rows: dict[str, list[list[float]]] = {}
    for report in reports:
        tasks = [(task.name, task) for task in report.agreement.tasks if task.name]
        for name, comparison in [("", report.agreement.clips), *tasks]:
            values = [getattr(comparison.estimates, metric).value for metric in METRICS]
            rows.setdefault(name, []).append([np.nan if v is None else v for v in values])
    return {task: np.array(values) for task, values in rows.items()}
