"""The loop: epochs, selection on Development, taking up again what was stopped."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from depmap_cli import __version__
from depmap_cli.config import SemanticsTrainConfig
from depmap_cli.data.occlusion import cover_faces
from depmap_cli.domain.action_units import ACTION_UNITS, phrase
from depmap_cli.io.checkpoint import (
    halved,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)
from depmap_cli.model.backbone import normalise_pixels
from depmap_cli.runtime.devices import explain_out_of_memory, move_to_device
from depmap_cli.semantics.clip_model import BUNDLED_MODEL, OCCLUDED
from depmap_cli.semantics.neutral_baseline import subtract_baselines, typical_neutral
from depmap_cli.semantics_training.batches import SemanticsBatch, epoch_batches, workers_for
from depmap_cli.semantics_training.frames import AuFrames
from depmap_cli.semantics_training.learner import HIDDEN, NAMED_INTENSITY, Learner, shrunk
from depmap_cli.semantics_training.retrieval import retrieve_sentences
from depmap_cli.stats.metrics import auc, pearson
from depmap_cli.training.schedule import cosine_rate
from depmap_cli.weights.document import STARTED_RANDOM

CLIP_NORM = 1.0
_OPTIMIZER = "optimizer."


@dataclass(frozen=True, kw_only=True)
class SemanticsRun:
    """Where one run writes, and what it is told."""

    output: Path
    config: SemanticsTrainConfig
    statement: str  # what the data is; stored with the weights
    simulated: bool
    met: dict[str, list[str]] = field(default_factory=dict)  # people, as weights store them
    init: tuple[Path, ...] = ()  # semantic weights to start from: their mean, if several
    resume: bool = False
    device: torch.device = torch.device("cpu")

    @property
    def state(self) -> Path:
        """Holds the last finished epoch, to resume from."""
        return self.output.with_name(self.output.stem + ".training.safetensors")


class _Training:
    """The learner, its optimizer, and how far they have come."""

    def __init__(self, run: SemanticsRun, steps: int) -> None:
        torch.manual_seed(run.config.seed)
        self.run, self.steps = run, steps
        self.learner = Learner()
        if run.init:
            self.learner.start_at([load_checkpoint(path, "semantics") for path in run.init])
        move_to_device(self.learner, run.device, torch.channels_last)
        self.optimizer = torch.optim.AdamW(
            self.learner.parameters(),
            run.config.learning_rate,
            weight_decay=run.config.weight_decay,
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda step: cosine_rate(step, steps * run.config.epochs, run.config.warmup),
        )
        self.epoch, self.best = 0, -1.0

    def take_up(self) -> None:
        """Go on after the last finished epoch."""
        state = load_checkpoint(self.run.state, "training")
        own = {k: v for k, v in state.tensors.items() if not k.startswith(_OPTIMIZER)}
        self.learner.load_state_dict(own)
        restore_optimizer(self.optimizer, state.tensors)
        self.epoch, self.best = state.document["epoch"], state.document["best"]
        self.schedule.last_epoch = self.epoch * self.steps
        for group, rate in zip(self.optimizer.param_groups, state.document["rates"], strict=True):
            group["lr"] = rate

    def step(self, batch: SemanticsBatch) -> float:
        with explain_out_of_memory("a batch", "lower --batch-size"):
            loss = self.learner.loss(batch, self.run.config.side)
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.learner.parameters(), CLIP_NORM)
            self.optimizer.step()
        self.schedule.step()
        return loss.item()

    def keep_best(self, metrics: dict[str, Any]) -> None:
        """Write the model if it is the best so far."""
        if metrics["mean_r"] > self.best:
            self.best = metrics["mean_r"]
            document = _document(self.run, self.learner, metrics, self.epoch)
            tensors = halved(self.learner.clip.state_dict())
            save_checkpoint(self.run.output, "semantics", document, tensors)

    def end_epoch(self, metrics: dict[str, Any]) -> None:
        """Keep the model if it is the best so far, and where to go on."""
        self.keep_best(metrics)
        self.epoch += 1
        place = {
            "epoch": self.epoch,
            "best": self.best,
            "rates": [group["lr"] for group in self.optimizer.param_groups],
        }
        tensors = {**self.learner.state_dict(), **optimizer_tensors(self.optimizer)}
        save_checkpoint(self.run.state, "training", place, tensors)


def train_semantics(
    train: AuFrames,
    development: AuFrames,
    run: SemanticsRun,
    progress: Callable[[dict[str, Any]], None],
) -> float:
    """Fit the model; write the epoch best on Development to ``run.output``. Returns its mean r.

    All chance comes from the seed and the epoch's number, so a resumed run continues to the same
    bits (CPU).

    Raises:
        WeightsInvalid: one of ``run.init`` is damaged or of another open_clip model.
        OutOfMemory: the device is too small for a batch.
        OutputUnwritable: the weights cannot be written.
    """
    size = run.config.batch_size
    steps = math.ceil(len(train) / size)
    training = _Training(run, steps)
    if run.resume and run.state.is_file():
        training.take_up()
    while training.epoch < run.config.epochs:
        epoch = training.epoch
        training.learner.train()
        batches = epoch_batches(train, size, run.config.seed, epoch, workers_for(run.device))
        for step, batch in enumerate(batches):
            loss = training.step(batch)
            progress({"epoch": epoch, "step": step, "steps": steps, "loss": loss})
        metrics = _judged(development, training.learner, run.config.side)
        training.end_epoch(metrics)
        progress({"epoch": epoch, "metrics": metrics})
    return training.best


def judge_semantics(development: AuFrames, run: SemanticsRun) -> float:
    """Write the weights at the start, as they are, with their figures on other Development data.

    Returns the mean r.

    Raises:
        WeightsInvalid, OutOfMemory, OutputUnwritable: as ``train_semantics``.
    """
    training = _Training(run, steps=0)
    training.keep_best(_judged(development, training.learner, run.config.side))
    return training.best


def _judged(development: AuFrames, learner: Learner, side: int | None) -> dict[str, Any]:
    with explain_out_of_memory("judging on Development", "close other programs and add --resume"):
        return evaluate_learner(development, learner, side)


@torch.inference_mode()
def evaluate_learner(frames: AuFrames, learner: Learner, side: int | None = None) -> dict[str, Any]:
    """Pearson r and AUC of presence for every unit, and retrieval of their sentences, on faces as
    they are, or shrunk to ``side``; AUC of a covered face, on these and the same ones covered."""
    learner.eval()
    device = learner.units.weight.device
    generator = torch.Generator().manual_seed(0)
    images, probabilities, over, hidden = [], [], [], []

    def look(pixels: Tensor) -> tuple[Tensor, np.ndarray]:
        image = learner.look(shrunk(pixels.to(device), side))[1]
        return image, torch.sigmoid(learner.asked(image)).cpu().numpy()

    for start in range(0, len(frames), 256):
        pixels = normalise_pixels(frames.pictures(np.arange(start, min(start + 256, len(frames)))))
        image, seen = look(pixels)
        images.append(image)
        probabilities.append(seen)
        changed, share = cover_faces(pixels, 1.0, generator)
        over.append(look(changed)[1][:, -1])
        hidden.append(share.numpy())
    found = np.concatenate(probabilities)
    numbers = frames.place[:, 0]
    usual = typical_neutral([found[numbers == number, :-1] for number in np.unique(numbers)])
    beyond = np.concatenate(hidden) >= HIDDEN[1]
    units = _unit_figures(frames.intensity, subtract_baselines(found[:, :-1], numbers, usual))
    to_text, to_image = retrieve_sentences(torch.cat(images), frames.intensity, learner.read)
    return {
        "units": units,
        "rest": [round(float(v), 3) for v in usual],
        "mean_r": float(np.mean([u["r"] for u in units.values()])),
        "covered": _covered_figures(found[:, -1], np.concatenate(over)[beyond]),
        "retrieval": {"image_to_text": to_text.stored(), "text_to_image": to_image.stored()},
    }


def _unit_figures(truth: np.ndarray, found: np.ndarray) -> dict[str, dict[str, float]]:
    return {
        unit.code: {
            "r": round(pearson(truth[:, i], found[:, i]), 3),
            "auc": round(auc(truth[:, i] >= NAMED_INTENSITY, found[:, i]), 3),
        }
        for i, unit in enumerate(ACTION_UNITS)
    }


def _covered_figures(free: np.ndarray, covered: np.ndarray) -> dict[str, float]:
    truth = np.concatenate([np.zeros(len(free), bool), np.ones(len(covered), bool)])
    return {
        "auc": round(auc(truth, np.concatenate([free, covered])), 3),
        "limit": OCCLUDED,
        "found": round(float((covered >= OCCLUDED).mean()), 3),
        "false": round(float((free >= OCCLUDED).mean()), 3),
    }


def _document(
    run: SemanticsRun, learner: Learner, metrics: dict[str, Any], epoch: int
) -> dict[str, Any]:
    """Everything but the tensors that rebuilds and describes the model."""
    return {
        "model": BUNDLED_MODEL,
        "version": __version__,
        "training_data": run.statement,
        "simulated": run.simulated,
        **run.met,
        "started_from": " and ".join(path.name for path in run.init) or STARTED_RANDOM,
        "train": run.config.model_dump(),
        "epoch": epoch,
        "phrases": [phrase([unit]) for unit in ACTION_UNITS],
        "calibration": learner.calibration.stored(),
        "rest": metrics["rest"],
        "development": {name: value for name, value in metrics.items() if name != "rest"},
    }
