"""`depmap train`: from labelled recordings to weights that score, in one folder a run."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from depmap_cli import __version__
from depmap_cli.ablation import BASELINE
from depmap_cli.checkpoint import read_document
from depmap_cli.config import Config, SamplingConfig
from depmap_cli.data.census import check_trainable
from depmap_cli.data.clips import Clip
from depmap_cli.data.corpus import of_split
from depmap_cli.devices import resolve_device
from depmap_cli.model.semantics import Semantics
from depmap_cli.processes import Processes, join_processes
from depmap_cli.progress import Told
from depmap_cli.results import CorpusSummary
from depmap_cli.training.cross_validation import fold_folder, seed_folder
from depmap_cli.training.events import Watcher
from depmap_cli.training.finish import finish_weights
from depmap_cli.training.folder import BEST, WEIGHTS, RunFolder
from depmap_cli.training.maps import KeptMaps
from depmap_cli.training.start import build_model
from depmap_cli.training.trainer import Trainer
from depmap_cli.weights import DEFAULT, weights_folder
from depmap_cli.workflows.material import (
    PREPARED_FRAMES,
    ClipChoice,
    Source,
    covered_names,
    people,
)

View = Callable[[], AbstractContextManager[Watcher]]
"""Opens what shows a run as it goes."""


@dataclass(frozen=True)
class TrainOptions:
    """One run, or several that differ in their seed alone."""

    source: Source
    out: Path
    config: Config
    device: str = "auto"
    clip: ClipChoice = ClipChoice()
    init: Path | None = None
    statement: str | None = None  # what the data is, for the weights
    simulated: bool = False
    resume: bool = False
    seeds: int = 1
    kept: KeptMaps | None = None  # maps of a frozen backbone that runs share; None: each its own


@dataclass(frozen=True)
class TrainResult:
    """One finished run."""

    folder: Path
    seed: int
    development: dict[str, float]  # rmse, mae, pcc, ccc of the finished weights
    left_out: list[str]  # recordings in which the face is covered throughout

    @property
    def weights(self) -> Path:
        """What `depmap score` takes."""
        return self.folder / WEIGHTS


def start_of(
    init: Path | None, from_scratch: bool, plain: bool = False
) -> tuple[Path | None, dict[str, Any]]:
    """The weights to start from, by default those shipped, and the architecture they dictate.

    A ``plain`` ResNet with mean pooling starts from none.
    """
    if plain:
        return None, {"model": BASELINE}
    if from_scratch:
        return None, {}
    path = init or weights_folder() / DEFAULT
    config = Config.model_validate(read_document(path)["config"])
    return path, {"model": config.model.model_dump(mode="json")}


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


def dry_run(source: Source, seen: Callable[[CorpusSummary], None]) -> None:
    """Look for what would stop training, and open every video; ``seen`` is told what is there.

    Raises:
        DataInvalid: whatever is wrong with the data.
    """
    recordings, summary = source.read()
    seen(summary)
    check_trainable(recordings)
    source.check_videos(recordings)


def train_run(
    options: TrainOptions, told: Told, seen: Callable[[CorpusSummary], None], view: View
) -> list[TrainResult]:
    """Train, choose on Development, calibrate, write the run folders.

    Of several processes the first alone writes and tells; the others return nothing.

    Raises:
        DepmapError: whatever is wrong with data, settings, weights or folder, before hours pass.
    """
    device = resolve_device(options.device)
    processes = join_processes(device)
    recordings, summary = options.source.read()
    if processes.is_first:
        seen(summary)
    check_trainable(recordings)
    train, development = of_split(recordings, "Training"), of_split(recordings, "Development")
    folders = [RunFolder(path) for path in _folders(options)]
    for folder in folders:
        folder.open(options.resume)
    semantics = options.clip.load().to(device)
    faces = options.config.faces
    if not processes.is_first:
        processes.wait()  # until the first has written the cache
    frames = options.config.train.score_frames
    clips = options.source.clips(train + development, faces, semantics, device, told, frames)
    if processes.is_first:
        processes.wait()
    left_out, usable = covered_names(clips), [c for c in clips if len(c.usable)]
    check_trainable([c.recording for c in usable])
    parts = _of_split(usable, "Training"), _of_split(usable, "Development")
    results = []
    for number, folder in enumerate(folders):
        config = _with_seed(options.config, options.config.train.seed + number)
        document = _run_one(options, config, folder, semantics, parts, device, view, processes)
        if document:
            figures = {k: float(v) for k, v in document["development"].items()}
            results.append(TrainResult(folder.path, config.train.seed, figures, left_out))
    return results


def _of_split(clips: list[Clip], split: str) -> list[Clip]:
    return [clip for clip in clips if clip.recording.split == split]


def _folders(options: TrainOptions) -> list[Path]:
    """The run folder itself, or one below it for each seed."""
    if options.seeds == 1:
        return [options.out]
    first = options.config.train.seed
    return [seed_folder(options.out, first + n) for n in range(options.seeds)]


def _with_seed(config: Config, seed: int) -> Config:
    return config.model_copy(update={"train": config.train.model_copy(update={"seed": seed})})


def _run_one(
    options: TrainOptions,
    config: Config,
    folder: RunFolder,
    semantics: Semantics,
    parts: tuple[list[Clip], list[Clip]],
    device: torch.device,
    view: View,
    processes: Processes,
) -> dict[str, Any] | None:
    """Train in one folder; what is stored with the weights, in the process that wrote them."""
    train, development = parts
    scores = np.array([c.recording.score for c in train], float)
    model, started_from = build_model(config, semantics, scores, options.init)
    statement = options.statement or people([c.recording for c in train])
    document = _document(config, semantics, train, started_from, statement, options.simulated)
    if options.init:  # who taught the weights that these start from, taught these
        earlier = read_document(options.init)["training_subjects"]
        document["training_subjects"] = sorted({*document["training_subjects"], *earlier})
    if processes.is_first:
        about = {"command": sys.argv[1:], "device": str(device), "seed": config.train.seed}
        folder.describe(config.model_dump(mode="json"), {**about, "training_data": statement})
    trainer = Trainer(
        model,
        semantics,
        train,
        development,
        config.train,
        folder,
        document,
        device,
        processes,
        options.kept or KeptMaps(),
    )
    with view() if processes.is_first else nullcontext(lambda event: None) as told:
        trainer.run(options.resume, told)
    finished = None
    if processes.is_first:
        finished, found = finish_weights(
            folder.path / BEST,
            folder.path / WEIGHTS,
            semantics,
            development,
            config.train.score_frames,
            device,
        )
        folder.conclude(finished, [c.recording for c in development], found)
    processes.wait()
    return finished


def _document(
    config: Config,
    semantics: Semantics,
    train: list[Clip],
    started_from: str,
    statement: str,
    simulated: bool,
) -> dict[str, Any]:
    """Everything but the tensors that rebuilds and describes the model."""
    scores = [c.recording.score for c in train]
    return {
        "version": __version__,
        "torch": torch.__version__,
        "config": config.model_dump(mode="json"),
        "sampling": SamplingConfig(frames=PREPARED_FRAMES).model_dump(mode="json"),
        "semantics": {
            "model": semantics.id.model,
            "sha256": semantics.id.sha256,
            "dim": semantics.dim,
            "phrases": semantics.document.get("phrases"),
        },
        "started_from": started_from,
        "training_mean": float(np.mean(scores)),
        "training_data": statement,
        "training_subjects": sorted({c.recording.subject for c in train}),
        "simulated": simulated,
        "development": {},
    }
