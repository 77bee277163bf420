"""The training loop: batches, steps, selection on Development. Testing is never read here."""

import copy
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from depmap_cli.config import TrainConfig
from depmap_cli.data.clips import VideoClip
from depmap_cli.errors import DataInvalid
from depmap_cli.evaluation.estimate_clip import estimate_clip
from depmap_cli.model.backbone import normalise_pixels
from depmap_cli.model.depmap import DepMap, FrameFeatures, VideoScores
from depmap_cli.model.losses import Loss, depmap_loss, level_loss
from depmap_cli.runtime.devices import explain_out_of_memory, move_to_device, training_precision
from depmap_cli.runtime.distributed import ProcessGroup
from depmap_cli.semantics.clip_model import SemanticModel
from depmap_cli.stats.metrics import agreement
from depmap_cli.training.au_probe import AuProbe
from depmap_cli.training.batches import (
    AugmentedView,
    Draw,
    TrainingBatch,
    augmented_views,
    batch_rows,
    epoch_batches,
    make_batch,
)
from depmap_cli.training.export import check_finite, with_figures
from depmap_cli.training.feature_cache import FeatureCache, fingerprint
from depmap_cli.training.progress import EpochDone, EventCallback, StepDone
from depmap_cli.training.resume import TrainingProgress, load_state, save_state
from depmap_cli.training.run_folder import BEST, LAST, RunFolder
from depmap_cli.training.schedule import cosine_rate
from depmap_cli.weights.document import STARTED_RANDOM

DEAD = 0.1
"""A prototype is dead where it gets less than this part of an even share of its level's tokens."""

SETTLED = 256
"""Recordings from which the averaged weights' statistics are taken after an epoch."""


@dataclass(kw_only=True)
class Trainer:
    """One run in one folder. A run that was killed continues to the same bits (CPU)."""

    model: DepMap
    semantics: SemanticModel
    train: list[VideoClip]
    development: list[VideoClip]
    config: TrainConfig
    folder: RunFolder
    document: dict[str, Any]  # stored with the weights
    key: dict[str, Any]  # what a resumed run must share with the one that was killed
    device: torch.device
    processes: ProcessGroup = field(default_factory=ProcessGroup)
    kept: FeatureCache = field(default_factory=FeatureCache)

    def __post_init__(self) -> None:
        self.frozen = ""  # which backbone's maps are kept
        if self.config.freeze_backbone:
            self.model.backbone.requires_grad_(False)
            if self.config.n_cached_views:
                self.frozen = fingerprint(self.model.backbone)
        usual = torch.cat([clip.seen.au_probabilities for clip in self.train]).mean(0)
        self.reader = AuProbe(self.model.head.in_features, usual)
        self.learning = nn.ModuleDict({"model": self.model, "reader": self.reader})
        self.averaged = copy.deepcopy(self.model).eval().requires_grad_(False)
        for network in self.learning, self.averaged:
            move_to_device(network, self.device, torch.channels_last)
        self.optimizer = _optimizer(self.learning, self.config)
        self.steps = len(epoch_batches(self.train, self.config, 0))
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda step: cosine_rate(step, self.steps * self.config.epochs, self.config.warmup),
        )
        self.place = TrainingProgress()

    def run(self, resume: bool, told: EventCallback) -> None:
        """Train to the last epoch; the best on Development is kept in the folder.

        Raises:
            DataInvalid: a loss, gradient, weight or estimate is no longer finite; the weights of
                the epochs before stay.
            OutOfMemory: the device is too small for a batch.
            OutputUnwritable: the run folder cannot be written.
        """
        if resume:
            self.place = load_state(self.folder.path, self._modules(), self.optimizer, self.key)
            self.schedule.last_epoch = self.place.epoch * self.steps
        while self.place.epoch < self.config.epochs:
            started = time.perf_counter()
            losses = self._train_epoch(told)
            seconds = time.perf_counter() - started
            self._end_epoch(losses, seconds, told)

    def _train_epoch(self, told: EventCallback) -> dict[str, float]:
        epoch = self.place.epoch
        torch.manual_seed(self.config.seed * 1000 + epoch + 7919 * self.processes.rank)  # dropout
        self.model.train()
        if self.config.freeze_backbone or self.document["started_from"] != STARTED_RANDOM:
            _freeze_statistics(self.model.backbone)
        totals: dict[str, float] = {}
        for step, draws in enumerate(epoch_batches(self.train, self.config, epoch)):
            losses = self._step(draws)
            for name, value in losses.items():
                totals[name] = totals.get(name, 0.0) + value / self.steps
            told(StepDone(epoch=epoch, step=step + 1, steps=self.steps, losses=losses))
        return totals

    def _step(self, draws: list[Draw]) -> dict[str, float]:
        """One step of all processes on a batch, of which this one takes its share."""
        own = self.processes.share(draws)
        with explain_out_of_memory("a batch", "lower train.batch_size or train.frames"):
            loss, added = self._loss(own)
            self._check("the loss", loss.total, own)
            self.optimizer.zero_grad()
            loss.total.backward()  # type: ignore[no-untyped-call]
            self.processes.average_gradients(self.learning)
            norm = nn.utils.clip_grad_norm_(self.learning.parameters(), self.config.grad_clip_norm)
            self._check("the gradient's norm", norm, draws)
            self.optimizer.step()
        self.schedule.step()
        self.processes.average_statistics(self.model)
        self._average()
        contrastive = {f"contrastive_s{s}": value for s, value in loss.contrastive.items()}
        terms = {"regression": loss.regression, **contrastive, **added}
        values = self.processes.mean([float(v.detach()) for v in terms.values()])
        return dict(zip(terms, values, strict=True))

    def _loss(self, draws: list[Draw]) -> tuple[Loss, dict[str, Tensor]]:
        """The paper's loss with ours added, and ours by name."""
        config, epoch = self.config, self.place.epoch
        looks = augmented_views(self.train, draws, config, epoch)
        batch = make_batch(looks, self.semantics, self.device)
        valid = torch.ones(batch.image.shape[:2], dtype=torch.bool, device=self.device)
        weight = config.contrastive_weight if epoch >= config.contrastive_start_epoch else 0.0
        with training_precision(self.device):
            maps = self._maps(self.model, looks)
            videos, frames = self.model.score_maps(maps, batch.image, batch.text, valid)
        loss = depmap_loss(
            self.model, videos, frames, batch.target, batch.levels, valid, weight, self.processes
        )
        added = self._added(videos, frames, batch)
        weighed = sum(
            getattr(config, f"{name}_loss_weight") * value for name, value in added.items()
        )
        return replace(loss, total=loss.total + weighed), added

    def _added(
        self, videos: VideoScores, frames: FrameFeatures, batch: TrainingBatch
    ) -> dict[str, Tensor]:
        """Losses of the emotional branch that are not in the paper, by the name of their weight."""
        added = {}
        if self.config.au_loss_weight and self.model.config.emotional:
            known = self.model.standardise(frames.fused)
            added["au"] = self.reader(known, batch.au_probabilities)
        if self.config.level_loss_weight and self.model.config.map and videos.levels is not None:
            added["level"] = level_loss(videos.levels, batch.levels)
        return added

    def _maps(self, model: DepMap, looks: list[AugmentedView]) -> list[Tensor]:
        if not self.frozen:
            pixels = torch.cat([look.pixels() for look in looks]).to(self.device)
            found: list[Tensor] = model.backbone(pixels)
            return found
        kept = [self._kept("Training", look.key, pixels=look.pixels) for look in looks]
        return [torch.cat(scale) for scale in zip(*kept, strict=True)]

    def _kept(
        self, *key: Hashable, pixels: Callable[[], Tensor], exact: bool = False
    ) -> list[Tensor]:
        return self.kept.of(self.model.backbone, (self.frozen, *key), pixels, self.device, exact)

    def _check(self, what: str, value: Tensor, draws: list[Draw]) -> None:
        if not torch.isfinite(value):
            names = ", ".join(self.train[d.number].video.path.name for d in draws)
            raise DataInvalid(
                f"{what} is {value.item()} at epoch {self.place.epoch} on {names}", self._way_out()
            )

    def _way_out(self) -> str:
        kept = "there are no weights of an earlier epoch"
        if self.place.epoch:
            kept = f"{BEST} and {LAST} hold the epochs before"
        return f"train with a lower train.learning_rate; {kept}"

    @torch.no_grad()
    def _average(self) -> None:
        """Move the averaged weights towards the live ones; prototypes and the like are copied."""
        live = dict(self.model.named_parameters())
        for name, parameter in self.averaged.named_parameters():
            parameter.lerp_(live[name], 1 - self.config.ema_decay)
        buffers = dict(self.model.named_buffers())
        for name, buffer in self.averaged.named_buffers():
            buffer.copy_(buffers[name])

    @torch.no_grad()
    def _settle(self) -> None:
        """Take the averaged weights' statistics from their own features of training frames.

        Those that the live weights left behind lag, and belong to other weights.
        """
        fused, activations = [], []
        for draws in epoch_batches(self.train, self.config, self.place.epoch):
            looks = augmented_views(
                self.train, self.processes.share(draws), self.config, self.place.epoch
            )
            batch = make_batch(looks, self.semantics, self.device)
            with training_precision(self.device):
                maps = self._maps(self.averaged, looks)
                seen = (batch.image.flatten(0, 1), batch.text.flatten(0, 1))
                frames = self.averaged.encode_maps(maps, *seen)
            fused.append(self.processes.gathered(frames.fused))
            if frames.activations is not None:
                activations.append(self.processes.gathered(frames.activations))
            if len(fused) * len(draws) >= SETTLED:
                break
        self.averaged.standardise.update(torch.cat(fused), reset=True)
        if self.averaged.level_logits is not None:
            self.averaged.level_logits.update(torch.cat(activations), reset=True)

    def _end_epoch(self, losses: dict[str, float], seconds: float, told: EventCallback) -> None:
        """Score Development with the averaged weights, keep them, log, save."""
        found = self._score_development()
        truth = np.array([c.video.score for c in self.development], float)
        figures = agreement(truth, found)
        epoch, is_best = self.place.epoch, figures["rmse"] < self.place.best
        seen = self.steps * batch_rows(len(self.train), self.config) * self.config.frames
        balance, dead = prototype_use(self.averaged)
        done = EpochDone(
            epoch=epoch,
            losses=losses,
            development=figures,
            balance=balance,
            dead=dead,
            frames_per_second=seen / seconds,
            is_best=is_best,
        )
        self.place = TrainingProgress(epoch + 1, min(self.place.best, figures["rmse"]))
        if self.processes.is_first:
            document = with_figures(
                {**self.document, "epoch": epoch},
                self.development,
                found,
                self.config.score_frames,
            )
            for name in (BEST, LAST) if is_best else (LAST,):
                self.folder.keep(name, self.averaged, document)
            self.folder.log(epoch, done.row)
            save_state(self.folder.path, self.place, self._modules(), self.optimizer, self.key)
        self.processes.wait()
        told(done)

    def _score_development(self) -> np.ndarray:
        """Estimates of the averaged weights as `depmap score` gives them, BDI-II points.

        Nothing is kept of broken ones.
        """
        with explain_out_of_memory(
            "scoring Development", "lower train.score_frames or train.frames"
        ):
            self._settle()
            found = np.array([self._estimate(clip) for clip in self.development])
        tensors = {**self.averaged.state_dict(), "estimates": torch.from_numpy(found)}
        check_finite(tensors, f"the weights after epoch {self.place.epoch}", self._way_out())
        return found

    def _estimate(self, clip: VideoClip) -> float:
        frames, maps = self.config.score_frames, None
        if self.frozen:
            faces = torch.from_numpy(clip.faces[clip.spread(frames)])
            maps = self._kept(
                "Development",
                clip.video.path,
                frames,
                pixels=partial(normalise_pixels, faces),
                exact=True,
            )
        usual = self.config.frames
        estimate = estimate_clip(
            self.averaged, self.semantics, clip, frames, usual, self.device, maps
        )
        return estimate.score

    def _modules(self) -> dict[str, nn.Module]:
        return {"model": self.model, "averaged": self.averaged, "reader": self.reader}


def prototype_use(model: DepMap) -> tuple[float, int]:
    """How evenly prototypes are used (mean normalised entropy of a level), and how many hardly."""
    if model.clusters is None:
        return float("nan"), 0
    usage = cast(Tensor, model.clusters.usage)
    share = usage / usage.sum(1, keepdim=True).clamp(min=1e-9)
    count = share.shape[1]
    entropy = -(share * share.clamp(min=1e-9).log()).sum(1) / np.log(max(count, 2))
    return float(entropy.mean()), int((share < DEAD / count).sum())


def _optimizer(learning: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """The backbone at the base rate, the rest at ``head_lr_multiplier`` times it; no vector decays."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in learning.named_parameters():
        if parameter.requires_grad:
            key = (name.startswith("model.backbone."), parameter.ndim > 1)
            groups.setdefault(key, []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": config.learning_rate * (1 if in_backbone else config.head_lr_multiplier),
                "weight_decay": config.weight_decay if is_matrix else 0.0,
            }
            for (in_backbone, is_matrix), parameters in groups.items()
        ]
    )


def _freeze_statistics(module: nn.Module) -> None:
    """Keep the batch norms at the statistics they came with: a batch holds few people."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eval()
