"""`depmap train`: train on labelled videos, one run for each fold and seed, each in its own folder.

``TrainingJob`` reads in the order in which things happen: check, prepare faces, train, export.
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from depmap_cli.config import Config
from depmap_cli.data.clips import VideoClip
from depmap_cli.data.corpus import of_split
from depmap_cli.data.corpus_summary import check_trainable
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.results import CorpusSummary
from depmap_cli.runtime.devices import move_to_device, resolve_device
from depmap_cli.runtime.distributed import ProcessGroup, init_process_group, process_count
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.training.batches import check_divides
from depmap_cli.training.export import export_weights
from depmap_cli.training.feature_cache import FeatureCache
from depmap_cli.training.initialise import build_model
from depmap_cli.training.leakage import check_start_leakage
from depmap_cli.training.progress import EventCallback, TrainingDisplay, numbered
from depmap_cli.training.provenance import training_document
from depmap_cli.training.resume import check_resumable, data_description, data_hash, resume_key
from depmap_cli.training.run_folder import BEST, WEIGHTS, RunFolder
from depmap_cli.training.runs import RunLayout, check_layout, fold_folder, seed_folder
from depmap_cli.training.seed_summary import TrainResult, seed_summary_csv
from depmap_cli.training.trainer import Trainer
from depmap_cli.workflows.labelled_data import (
    LabelledData,
    SemanticModelSpec,
    count_videos,
    covered_names,
    prepared_frames,
)
from depmap_cli.workflows.training_inputs import TrainingInputs

SEEDS = "seeds.csv"
"""Written beside several runs: the metrics of each, their mean and standard deviation."""

CorpusCallback = Callable[[CorpusSummary], None]
"""Called with the summary of a corpus before a run trains on it."""


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """One run: its fold, its settings with its seed, and its folder."""

    name: str  # e.g. "fold 1, seed 3408"; "" if there is no other run
    config: Config
    folder: RunFolder
    fold: int | None = None  # None: the corpus's own splits


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """What `depmap train` is asked for: one run, or one for each fold and seed."""

    source: LabelledData
    out: Path
    config: Config
    device: str = "auto"
    semantic_model: SemanticModelSpec = SemanticModelSpec()
    init: Path | None = None  # weights to start from
    statement: str | None = None  # description of the data, stored with the weights
    simulated: bool = False
    resume: bool = False
    folds: int | None = None  # None: the corpus's own splits
    seeds: int = 1

    def runs_of(self, fold: int | None) -> list[TrainingRun]:
        """The runs of one fold (None: of the corpus's own splits), one for each seed."""
        first = self.config.train.seed
        return [self._run(fold, seed) for seed in range(first, first + self.seeds)]

    def folder_of(self, fold: int | None) -> Path:
        """The folder of a fold's run, or of its runs if there are several seeds."""
        return self.out if fold is None else fold_folder(self.out, fold)

    def _run(self, fold: int | None, seed: int) -> TrainingRun:
        folder, names = self.folder_of(fold), [] if fold is None else [f"fold {fold}"]
        if self.seeds > 1:
            folder = seed_folder(folder, seed)
            names.append(f"seed {seed}")
        train = self.config.train.model_copy(update={"seed": seed})
        return TrainingRun(
            name=", ".join(names),
            config=self.config.model_copy(update={"train": train}),
            folder=RunFolder(folder),
            fold=fold,
        )


@dataclass(frozen=True, kw_only=True)
class _Fold:
    """The videos of one fold (or of the corpus's own splits), and the runs that train on them."""

    number: int | None
    videos: list[LabelledVideo]
    summary: CorpusSummary
    runs: list[TrainingRun]

    @cached_property
    def training_videos(self) -> list[LabelledVideo]:
        """What the runs learn from and select on. They never read Testing."""
        return [*of_split(self.videos, "Training"), *of_split(self.videos, "Development")]

    @cached_property
    def data_hash(self) -> str:
        return data_hash(self.training_videos)


@dataclass(frozen=True, kw_only=True)
class _Clips:
    """The clips that the runs of a fold learn from and select on."""

    train: list[VideoClip]
    development: list[VideoClip]
    left_out: list[str]  # videos in which the face is covered throughout


class TrainingJob:
    """All runs of one `depmap train`. They share the corpus, the semantic model and the faces.

    ``inputs`` and ``feature_cache`` may be those of other jobs on the same data; by default the
    job has its own inputs, and each of its runs its own feature cache.
    """

    def __init__(
        self,
        options: TrainOptions,
        *,
        on_progress: ProgressCallback,
        on_corpus: CorpusCallback,
        display: TrainingDisplay,
        inputs: TrainingInputs | None = None,
        feature_cache: FeatureCache | None = None,
    ) -> None:
        self.options = options
        self.on_progress = on_progress
        self.on_corpus = on_corpus
        self.display = numbered(display, (options.folds or 1) * options.seeds)
        self.inputs = inputs or TrainingInputs(options.source, options.semantic_model, options.init)
        self.feature_cache = feature_cache
        self.processes = ProcessGroup()

    @cached_property
    def device(self) -> torch.device:
        """The device to train on.

        Raises:
            UsageProblem: as ``resolve_device``.
        """
        return resolve_device(self.options.device)

    def dry_run(self) -> None:
        """Check everything and decode a frame of every video; write nothing.

        Raises:
            DepmapError: something is wrong with the data, settings, weights, device or folders.
        """
        first, *_ = self.check()
        self.options.source.check_videos(first.videos)

    def train(self) -> list[TrainResult]:
        """Train every run, select its weights on Development, and write its folder.

        Everything is checked before the first run starts. With several processes, only the first
        one writes, reports progress and returns results.

        Raises:
            DepmapError: as ``check``; or a run cannot be finished.
        """
        self.processes = init_process_group(self.device)
        if not self.processes.is_first:
            self._silence()
        folds = self.check()
        move_to_device(self.inputs.semantics, self.device)
        results = [result for fold in folds for result in self._train_fold(fold)]
        if len(results) > 1:
            RunFolder(self.options.out).write(SEEDS, seed_summary_csv(results))
        return results

    def check(self) -> list[_Fold]:
        """Look for whatever would stop any run, except broken videos.

        Reports the corpus as the first fold splits it.

        Raises:
            DepmapError: something is wrong with the data, settings, weights, device or folders.
        """
        _ = self.device  # raises if it is not available
        n_folds = self.options.folds
        folds = [self._check_data(n) for n in (range(n_folds) if n_folds else [None])]
        self._check_network(folds[0])
        for fold in folds:
            for run in fold.runs:
                check_resumable(run.folder.path, self._resume_key(run, fold))
        return folds

    def _silence(self) -> None:
        self.on_progress = lambda stage, done, total: None
        self.on_corpus = lambda summary: None
        self.display = _hide_training

    def _check_data(self, number: int | None) -> _Fold:
        """Split the corpus; check that it can be learned from and that folders can be written."""
        options = self.options
        source = options.source
        if number is not None and options.folds is not None:
            source = replace(source, fold=(number, options.folds))
        videos, summary = source.split(self.inputs.corpus)
        leaks = check_start_leakage(
            options.init, videos, number, self.inputs.semantic_model.document()
        )
        summary = replace(summary, notes=[*summary.notes, *leaks])
        if not number:
            self.on_corpus(summary)
        self._check_learnable(videos, number)
        self._check_folders(number)
        return _Fold(number=number, videos=videos, summary=summary, runs=options.runs_of(number))

    def _check_learnable(self, videos: list[LabelledVideo], fold: int | None) -> None:
        check_trainable(videos, fold)
        n_videos = len(of_split(videos, "Training"))
        check_divides(n_videos, self.options.config.train, process_count())

    def _check_folders(self, fold: int | None) -> None:
        """Check that the folders are writable and hold nothing that evaluation would confuse."""
        options = self.options
        layout = RunLayout.seeds if options.seeds > 1 else RunLayout.run
        check_layout(options.folder_of(fold), layout)
        if fold is not None:
            check_layout(options.out, RunLayout.folds)
        for run in options.runs_of(fold):
            run.folder.check(options.resume)

    def _check_network(self, fold: _Fold) -> None:
        """Check that settings, semantic model and start fit each other; all runs share them."""
        train = of_split(fold.videos, "Training")
        build_model(self.options.config, self.inputs.semantics, _scores(train), self.options.init)

    def _train_fold(self, fold: _Fold) -> list[TrainResult]:
        if fold.number:  # ``check`` has reported the first one
            self.on_corpus(fold.summary)
        for run in fold.runs:
            run.folder.make()
        clips = self._prepare(fold)
        results = [self._train_run(run, fold, clips) for run in fold.runs]
        return [result for result in results if result]

    def _prepare(self, fold: _Fold) -> _Clips:
        """Prepare the faces of a fold. The first process does it; the others read its cache."""
        if not self.processes.is_first:
            self.processes.wait()
        clips = self.inputs.clips(
            fold.training_videos,
            self.options.config,
            self.device,
            self.on_progress,
        )
        if self.processes.is_first:
            self.processes.wait()
        usable = [clip for clip in clips if len(clip.usable)]
        self._check_learnable([clip.video for clip in usable], fold.number)
        return _Clips(
            train=[clip for clip in usable if clip.video.split == "Training"],
            development=[clip for clip in usable if clip.video.split == "Development"],
            left_out=covered_names(clips),
        )

    def _train_run(self, run: TrainingRun, fold: _Fold, clips: _Clips) -> TrainResult | None:
        """Train one run. Returns its result in the first process, None in the others."""
        trainer = self._trainer(run, fold, clips)
        if self.processes.is_first:
            about = {
                "command": sys.argv[1:],
                "device": str(trainer.device),
                "seed": run.config.train.seed,
                "training_data": trainer.document["training_data"],
            }
            run.folder.describe(run.config.model_dump(mode="json"), about)
        with self.display(run.name) as on_event:
            trainer.run(self.options.resume, on_event)
        result = self._export(run, clips) if self.processes.is_first else None
        self.processes.wait()
        return result

    def _trainer(self, run: TrainingRun, fold: _Fold, clips: _Clips) -> Trainer:
        semantics, init = self.inputs.semantics, self.options.init
        train = [clip.video for clip in clips.train]
        description = self._data_description(run)
        model, started_from = build_model(run.config, semantics, _scores(train), init)
        document = training_document(
            config=run.config,
            semantics=semantics,
            train=train,
            started_from=started_from,
            init=init,
            statement=description["--statement"] or count_videos(train),
            simulated=description["--simulated"],
        )
        return Trainer(
            model=model,
            semantics=semantics,
            train=clips.train,
            development=clips.development,
            config=run.config.train,
            folder=run.folder,
            document=document,
            key=self._resume_key(run, fold),
            device=self.device,
            processes=self.processes,
            feature_cache=self.feature_cache or FeatureCache(),
        )

    def _export(self, run: TrainingRun, clips: _Clips) -> TrainResult:
        """Write the finished weights, the estimates on Development and the model card."""
        document, estimates = export_weights(
            run.folder.path / BEST,
            run.folder.path / WEIGHTS,
            self.inputs.semantics,
            clips.train,
            clips.development,
            prepared_frames(run.config.train.score_frames),
            self.device,
        )
        run.folder.write_results(document, [clip.video for clip in clips.development], estimates)
        return TrainResult(
            folder=run.folder.path,
            fold=run.fold,
            seed=run.config.train.seed,
            development={name: float(value) for name, value in document["development"].items()},
            left_out=clips.left_out,
        )

    def _resume_key(self, run: TrainingRun, fold: _Fold) -> dict[str, Any]:
        """What a run and its resumption must have in common."""
        return resume_key(
            run.config,
            fold.data_hash,
            self.inputs.semantics.id.sha256,
            self.options.init,
            self._data_description(run),
        )

    def _data_description(self, run: TrainingRun) -> dict[str, Any]:
        return data_description(run.folder.path, self.options.simulated, self.options.statement)


def _scores(videos: list[LabelledVideo]) -> np.ndarray:
    return np.array([video.score for video in videos], float)


def _hide_training(name: str) -> AbstractContextManager[EventCallback]:
    """A ``TrainingDisplay`` that shows nothing."""
    return nullcontext(lambda event: None)
