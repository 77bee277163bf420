"""The training loop of `depmap train-semantics`: epochs, model selection, resuming."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch

from depmap_cli import __version__
from depmap_cli.config import SemanticsTrainConfig
from depmap_cli.domain.action_units import ACTION_UNITS, phrase
from depmap_cli.domain.head_and_gaze import DIRECTIONS, HEAD, direction_phrase
from depmap_cli.errors import DataInvalid
from depmap_cli.io.checkpoint import (
    halved,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)
from depmap_cli.runtime.devices import explain_out_of_memory, move_to_device
from depmap_cli.runtime.seeding import generator_for
from depmap_cli.semantics.clip_model import BUNDLED_MODEL
from depmap_cli.semantics_training.batches import SemanticsBatch, epoch_batches, workers_for
from depmap_cli.semantics_training.evaluation import evaluate_frames
from depmap_cli.semantics_training.frames import AuFrames
from depmap_cli.semantics_training.trainable_model import TrainableSemanticModel
from depmap_cli.training.schedule import cosine_rate
from depmap_cli.weights.document import STARTED_RANDOM

GRAD_CLIP_NORM = 1.0
_OPTIMIZER = "optimizer."


@dataclass(frozen=True, kw_only=True)
class SemanticsRun:
    """One training run: settings, output, and what is stored about its data."""

    output: Path
    config: SemanticsTrainConfig
    statement: str  # description of the data, stored with the weights
    simulated: bool
    people: dict[str, list[str]] = field(default_factory=dict)  # hashes, as stored with weights
    init: tuple[Path, ...] = ()  # semantic weights to start from; several are averaged
    resume: bool = False
    device: torch.device = torch.device("cpu")

    @property
    def state(self) -> Path:
        """File with the state after the last finished epoch, to resume from."""
        return self.output.with_name(self.output.stem + ".training.safetensors")


def train_semantics(
    train: AuFrames,
    development: AuFrames,
    run: SemanticsRun,
    on_event: Callable[[dict[str, Any]], None],
) -> float:
    """Train the model and write the weights of the epoch that is best on Development.

    Random numbers depend only on the seed and the epoch, so on a CPU a resumed run has exactly the
    same result as an uninterrupted one.

    Args:
        train: the training frames.
        development: frames for model selection.
        run: the settings; the weights are written to ``run.output``.
        on_event: called after each step with ``epoch``, ``step``, ``steps`` and ``loss``, and after
            each epoch with ``epoch`` and ``metrics``.

    Returns:
        The mean Pearson r over the action units on Development.

    Raises:
        WeightsInvalid: one of ``run.init`` is damaged or belongs to another open_clip model.
        DataInvalid: only landmarks are to be trained, and none are known.
        OutOfMemory: the device is too small for a batch.
        OutputUnwritable: the weights cannot be written.
    """
    size = run.config.batch_size
    steps = math.ceil(len(train) / size)
    trainer = _Trainer(run, steps)
    if run.config.only != "head-and-gaze":
        trainer.start_landmarks(train)
    if run.resume and run.state.is_file():
        trainer.resume()
    while trainer.epoch < run.config.epochs:
        epoch = trainer.epoch
        torch.manual_seed(run.config.seed * 1000 + epoch)  # dropout
        trainer.model.train()
        batches = epoch_batches(train, size, run.config.seed, epoch, workers_for(run.device))
        for step, batch in enumerate(batches):
            loss = trainer.step(batch)
            on_event({"epoch": epoch, "step": step, "steps": steps, "loss": loss})
        metrics = trainer.evaluate(development)
        trainer.end_epoch(metrics)
        on_event({"epoch": epoch, "metrics": metrics})
    return trainer.best


def evaluate_semantics(development: AuFrames, run: SemanticsRun) -> float:
    """Write the weights of ``run.init`` unchanged, with their metrics on other Development data.

    Returns:
        The mean Pearson r over the action units.

    Raises:
        WeightsInvalid, OutOfMemory, OutputUnwritable: as ``train_semantics``.
    """
    trainer = _Trainer(run, steps=0)
    trainer.save_if_best(trainer.evaluate(development))
    return trainer.best


class _Trainer:
    """The model, its optimizer and learning rate schedule, and the progress of the run."""

    def __init__(self, run: SemanticsRun, steps: int) -> None:
        """``steps`` is the number of steps in an epoch."""
        torch.manual_seed(run.config.seed)
        self.run, self.steps = run, steps
        self.model = TrainableSemanticModel()
        checkpoints = [load_checkpoint(path, "semantics") for path in run.init]
        self._init_documents = [checkpoint.document for checkpoint in checkpoints]
        if checkpoints:
            self.model.initialise_from(checkpoints)
        if run.config.only:
            self.model.train_only(run.config.only)
        else:
            self.model.freeze_stages(run.config.freeze_stages)
        move_to_device(self.model, run.device, torch.channels_last)
        self.optimizer = torch.optim.AdamW(
            [p for p in self.model.parameters() if p.requires_grad],
            run.config.learning_rate,
            weight_decay=run.config.weight_decay,
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda step: cosine_rate(step, steps * run.config.epochs, run.config.warmup),
        )
        self.epoch = 0  # finished epochs
        self.best = -1.0  # mean r on Development of the stored weights

    def start_landmarks(self, train: AuFrames) -> None:
        """Prepare the network that finds landmarks, if the weights had none.

        Its prior is the mean face, and the regressions on landmarks are fitted. Without
        known landmarks there is nothing for it to learn, and it stays out of the weights.

        Raises:
            DataInvalid: it alone is to be trained, and no landmarks are known.
        """
        known = np.isfinite(train.landmarks).all((1, 2)) & np.isfinite(train.angles[:, HEAD]).all(1)
        if self.run.config.only and not known.any():
            raise DataInvalid(
                "the training data have no 68 landmarks",
                "add portraits that this version of `depmap simulate` has made",
            )
        if self.model.finds_landmarks or not known.any():
            return
        landmarks, head, intensities = (
            torch.from_numpy(values[known]).float()
            for values in (train.landmarks, train.angles[:, HEAD], train.intensity.clip(0, 1))
        )
        reader = self.model.landmark_reader
        reader.network.set_prior(landmarks.mean(0))
        generator = generator_for(self.run.config.seed)
        reader.units.fit(landmarks, head, intensities, generator)
        reader.pitch.fit(landmarks, head, generator)
        self.model.finds_landmarks = True

    def resume(self) -> None:
        """Load the state after the last finished epoch."""
        state = load_checkpoint(self.run.state, "training")
        model = {k: v for k, v in state.tensors.items() if not k.startswith(_OPTIMIZER)}
        self.model.load_state_dict(model)
        restore_optimizer(self.optimizer, state.tensors)
        self.epoch, self.best = state.document["epoch"], state.document["best"]
        self.schedule.last_epoch = self.epoch * self.steps
        for group, rate in zip(self.optimizer.param_groups, state.document["rates"], strict=True):
            group["lr"] = rate

    def step(self, batch: SemanticsBatch) -> float:
        """Make one optimizer step; returns the loss."""
        with explain_out_of_memory("a batch", "lower --batch-size"):
            if self.run.config.only == "head-and-gaze":
                loss = self.model.angle_loss(batch)
            elif self.run.config.only == "landmarks":
                loss = self.model.landmark_loss(batch)
            else:
                loss = self.model.loss(batch, self.run.config.side)
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), GRAD_CLIP_NORM)
            self.optimizer.step()
        self.schedule.step()
        return loss.item()

    def evaluate(self, development: AuFrames) -> dict[str, Any]:
        """Metrics of the current model."""
        hint = "close other programs and add --resume"
        with explain_out_of_memory("evaluating on Development", hint):
            return evaluate_frames(development, self.model, self.run.config.side)

    def end_epoch(self, metrics: dict[str, Any]) -> None:
        """Write the model if it is the best so far, and the state to resume from."""
        self.save_if_best(metrics)
        self.epoch += 1
        document = {
            "epoch": self.epoch,
            "best": self.best,
            "rates": [group["lr"] for group in self.optimizer.param_groups],
        }
        tensors = {**self.model.state_dict(), **optimizer_tensors(self.optimizer)}
        save_checkpoint(self.run.state, "training", document, tensors)

    def save_if_best(self, metrics: dict[str, Any]) -> None:
        """Write the model if its mean r is the best so far.

        The mean is over the action units or, if only head and gaze are trained, over the angles.
        """
        mean_r = metrics["mean_r"]
        if self.run.config.only == "head-and-gaze":
            mean_r = mean([angle["r"] for angle in metrics["angles"].values()])
        if mean_r > self.best:
            self.best = mean_r
            tensors = halved(self.model.stored_tensors)
            save_checkpoint(self.run.output, "semantics", self._document(metrics), tensors)

    def _known_directions(self) -> list[str]:
        """The phrases of head and gaze that the model was trained with."""
        if self.run.config.epochs and not self.run.config.only:
            return [direction_phrase(direction) for direction in DIRECTIONS]
        return list(self._init_documents[0].get("directions", [])) if self.run.init else []

    def _document(self, metrics: dict[str, Any]) -> dict[str, Any]:
        """Document of the weights file: everything but the tensors that a semantic model needs."""
        run = self.run
        return {
            "model": BUNDLED_MODEL,
            "version": __version__,
            "training_data": run.statement,
            "simulated": run.simulated,
            **run.people,
            "started_from": " and ".join(path.name for path in run.init) or STARTED_RANDOM,
            "train": run.config.model_dump(),
            "epoch": self.epoch,
            "phrases": [phrase([unit]) for unit in ACTION_UNITS],
            "directions": self._known_directions(),
            "calibration": self.model.calibration.to_document(),
            "rest": metrics["rest"],
            "development": {name: value for name, value in metrics.items() if name != "rest"},
        }
