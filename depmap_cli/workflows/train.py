"""`depmap train`: from labelled recordings to weights that score, in one folder a run."""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from depmap_cli.config import Config
from depmap_cli.data.clips import VideoClip
from depmap_cli.data.corpus import of_split
from depmap_cli.data.corpus_summary import check_trainable
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.io.checkpoint import read_document
from depmap_cli.results import CorpusSummary
from depmap_cli.runtime.devices import move_to_device, resolve_device
from depmap_cli.runtime.distributed import ProcessGroup, init_process_group, process_count
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.semantics.clip_model import SemanticModel
from depmap_cli.training.batches import check_divides
from depmap_cli.training.export import finish_weights
from depmap_cli.training.feature_cache import FeatureCache
from depmap_cli.training.initialise import build_model
from depmap_cli.training.leakage import known_at_start
from depmap_cli.training.progress import EventCallback, TrainingDisplay, numbered
from depmap_cli.training.provenance import training_document
from depmap_cli.training.resume import check_resumable, data_description, data_hash, resume_key
from depmap_cli.training.run_folder import BEST, WEIGHTS, RunFolder
from depmap_cli.training.runs import RunLayout, check_alone, fold_folder, seed_folder
from depmap_cli.training.seed_summary import TrainResult, spread_csv
from depmap_cli.training.trainer import Trainer
from depmap_cli.weights.locations import find_semantic_weights
from depmap_cli.workflows.labelled_data import (
    LabelledData,
    SemanticModelSpec,
    covered_names,
    people,
)

SEEDS = "seeds.csv"
"""Beside several runs: figures of each, mean and spread."""

LEARNED = ("Training", "Development")
"""The splits that a run reads: what it learns from, and what it selects on."""

CorpusCallback = Callable[[CorpusSummary], None]
"""Is told what is in a corpus."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """One run, or several that differ in their seed alone."""

    source: LabelledData
    out: Path
    config: Config
    device: str = "auto"
    semantic_model: SemanticModelSpec = SemanticModelSpec()
    init: Path | None = None
    statement: str | None = None  # what the data is, for the weights
    simulated: bool = False
    resume: bool = False
    seeds: int = 1
    kept: FeatureCache | None = (
        None  # maps of a frozen backbone that runs share; None: each its own
    )

    def configs(self) -> list[Config]:
        """The settings of each run."""
        train = self.config.train
        return [
            self.config.model_copy(
                update={"train": train.model_copy(update={"seed": train.seed + number})}
            )
            for number in range(self.seeds)
        ]

    def name(self, config: Config) -> str:
        """Which one of the runs is, of several folds and seeds."""
        fold = [] if self.source.fold is None else [f"fold {self.source.fold[0]}"]
        seed = [f"seed {config.train.seed}"] if self.seeds > 1 else []
        return ", ".join(fold + seed)

    def folder(self, config: Config) -> RunFolder:
        """Of one of the runs: ``out`` itself, or one below it for each seed."""
        several = self.seeds > 1
        return RunFolder(seed_folder(self.out, config.train.seed) if several else self.out)


def by_folds(options: TrainOptions, n_folds: int) -> list[TrainOptions]:
    """The runs of a cross-validation: one a fold of people, each in a folder of its own."""
    return [
        replace(
            options,
            source=replace(options.source, fold=(fold, n_folds)),
            out=fold_folder(options.out, fold),
        )
        for fold in range(n_folds)
    ]


def dry_run(runs: Sequence[TrainOptions], seen: CorpusCallback) -> None:
    """Look for what would stop any of the runs, and open every video; nothing is written.

    ``seen`` is told what is in the data, split as the first run takes it.

    Raises:
        DepmapError: whatever is wrong with data, settings, weights, device or folders.
    """
    setup = _set_up(runs[0], seen)
    for run in runs[1:]:
        check_run(run)
    runs[0].source.check_videos(setup.videos)


def train_all(
    runs: Sequence[TrainOptions],
    out: Path,
    told: ProgressCallback,
    seen: CorpusCallback,
    view: TrainingDisplay,
) -> list[TrainResult]:
    """Train the runs of a cross-validation, or the only one; ``SEEDS`` in ``out`` sums up several.

    Raises:
        DepmapError: as ``run_training``; what is wrong with the data or folder of any run is said
            before the first is trained.
    """
    for run in runs[1:]:
        check_run(run)
    view = numbered(view, sum(run.seeds for run in runs))
    results = [result for run in runs for result in run_training(run, told, seen, view)]
    if len(results) > 1:
        RunFolder(out).write(SEEDS, spread_csv(results))
    return results


def check_run(options: TrainOptions) -> None:
    """Look for what would stop a run, or keep it from going on, but for broken videos.

    Raises:
        DepmapError: as ``run_training``.
    """
    _set_up(options, _unseen)


def run_training(
    options: TrainOptions, told: ProgressCallback, seen: CorpusCallback, view: TrainingDisplay
) -> list[TrainResult]:
    """Train, choose on Development, calibrate, write the run folders.

    Of several processes the first alone writes and tells; the others return nothing.

    Raises:
        DepmapError: whatever is wrong with data, settings, weights or folder, before hours pass.
    """
    device = resolve_device(options.device)
    processes = init_process_group(device)
    if not processes.is_first:
        told, seen, view = _untold, _unseen, _unshown
    setup = _set_up(options, seen)
    for config in options.configs():
        options.folder(config).make()
    move_to_device(setup.semantics, device)
    material = _material(options, setup, device, processes, told)
    found = [_train(options, config, setup, material, view) for config in options.configs()]
    return [result for result in found if result]


@dataclass(frozen=True)
class _TrainingSetup:
    """Runs that nothing stands in the way of, before faces are prepared."""

    videos: list[LabelledVideo]
    semantics: SemanticModel
    data: str  # hash of what is learned from and selected on

    def key(self, options: TrainOptions, config: Config) -> dict[str, Any]:
        """What one of the runs and its resumption share."""
        said = data_description(options.folder(config).path, options.simulated, options.statement)
        return resume_key(config, self.data, self.semantics.id.sha256, options.init, said)


def _set_up(options: TrainOptions, seen: CorpusCallback) -> _TrainingSetup:
    resolve_device(options.device)
    videos = _check(options, seen)
    train = of_split(videos, "Training")
    semantics = _semantic_model(options.semantic_model, options.init).load()
    build_model(options.config, semantics, _scores(train), options.init)
    data = data_hash([*train, *of_split(videos, "Development")])
    setup = _TrainingSetup(videos, semantics, data)
    for config in options.configs():
        check_resumable(options.folder(config).path, setup.key(options, config))
    return setup


def _semantic_model(clip: SemanticModelSpec, init: Path | None) -> SemanticModelSpec:
    """What is named, else that which the weights to start from were trained with."""
    if init is None:
        return clip
    known = read_document(init)["semantics"]
    model, weights = clip.model or known["model"], clip.weights
    if model == known["model"] and not weights:
        weights = str(find_semantic_weights(init, model, known["sha256"]))
    return replace(clip, model=model, weights=weights)


def _check(options: TrainOptions, seen: CorpusCallback) -> list[LabelledVideo]:
    """The recordings, if they can be learned from and the folders written."""
    videos, summary = options.source.read()
    semantics = _semantic_model(options.semantic_model, options.init).document()
    known = known_at_start(options.init, videos, options.source.fold, semantics)
    seen(replace(summary, notes=[*summary.notes, *known]))
    _check_learnable(videos, options)
    _check_layout(options)
    for config in options.configs():
        options.folder(config).check(options.resume)
    return videos


def _check_learnable(videos: list[LabelledVideo], options: TrainOptions) -> None:
    fold = options.source.fold
    check_trainable(videos, None if fold is None else fold[0])
    rows = len(of_split(videos, "Training"))
    check_divides(rows, options.config.train, process_count())


def _check_layout(options: TrainOptions) -> None:
    """Folders hold what one command writes, or evaluation would not know what to take."""
    check_alone(options.out, RunLayout.seeds if options.seeds > 1 else RunLayout.run)
    if options.source.fold is not None:
        check_alone(options.out.parent, RunLayout.folds)


@dataclass(frozen=True, kw_only=True)
class _Material:
    """What all seeds of a run learn from, and where."""

    train: list[VideoClip]
    development: list[VideoClip]
    left_out: list[str]
    device: torch.device
    processes: ProcessGroup


def _material(
    options: TrainOptions,
    setup: _TrainingSetup,
    device: torch.device,
    processes: ProcessGroup,
    told: ProgressCallback,
) -> _Material:
    wanted = [r for split in LEARNED for r in of_split(setup.videos, split)]
    if not processes.is_first:
        processes.wait()  # until the first has written the cache
    config = options.config
    clips = options.source.clips(
        wanted, config.faces, setup.semantics, device, told, config.train.score_frames
    )
    if processes.is_first:
        processes.wait()
    usable = [c for c in clips if len(c.usable)]
    _check_learnable([c.video for c in usable], options)
    train, development = ([c for c in usable if c.video.split == s] for s in LEARNED)
    return _Material(
        train=train,
        development=development,
        left_out=covered_names(clips),
        device=device,
        processes=processes,
    )


def _train(
    options: TrainOptions,
    config: Config,
    setup: _TrainingSetup,
    material: _Material,
    view: TrainingDisplay,
) -> TrainResult | None:
    """Train in one folder; the result in the process that writes."""
    folder, processes = options.folder(config), material.processes
    trainer = _trainer(options, config, setup, material)
    if processes.is_first:
        about = {
            "command": sys.argv[1:],
            "device": str(material.device),
            "seed": config.train.seed,
            "training_data": trainer.document["training_data"],
        }
        folder.describe(config.model_dump(mode="json"), about)
    with view(options.name(config)) as told:
        trainer.run(options.resume, told)
    result = _finish(options, config, setup, material) if processes.is_first else None
    processes.wait()
    return result


def _trainer(
    options: TrainOptions, config: Config, setup: _TrainingSetup, material: _Material
) -> Trainer:
    train = [c.video for c in material.train]
    folder = options.folder(config)
    said = data_description(folder.path, options.simulated, options.statement)
    model, started_from = build_model(config, setup.semantics, _scores(train), options.init)
    document = training_document(
        config,
        setup.semantics,
        train,
        started_from,
        options.init,
        said["--statement"] or people(train),
        said["--simulated"],
    )
    return Trainer(
        model=model,
        semantics=setup.semantics,
        train=material.train,
        development=material.development,
        config=config.train,
        folder=folder,
        document=document,
        key=setup.key(options, config),
        device=material.device,
        processes=material.processes,
        kept=options.kept or FeatureCache(),
    )


def _finish(
    options: TrainOptions, config: Config, setup: _TrainingSetup, material: _Material
) -> TrainResult:
    folder = options.folder(config)
    document, found = finish_weights(
        folder.path / BEST,
        folder.path / WEIGHTS,
        setup.semantics,
        material.train,
        material.development,
        config.train.score_frames,
        material.device,
    )
    folder.conclude(document, [c.video for c in material.development], found)
    fold = options.source.fold
    return TrainResult(
        folder=folder.path,
        fold=None if fold is None else fold[0],
        seed=config.train.seed,
        development={k: float(v) for k, v in document["development"].items()},
        left_out=material.left_out,
    )


def _scores(videos: list[LabelledVideo]) -> np.ndarray:
    return np.array([r.score for r in videos], float)


def _untold(stage: str, done: int, total: int) -> None:
    pass


def _unseen(summary: CorpusSummary) -> None:
    pass


def _unshown(name: str) -> AbstractContextManager[EventCallback]:
    return nullcontext(lambda event: None)
