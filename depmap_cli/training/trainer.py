"""The training loop: batches, steps, averaging, and selection on Development.

Testing is never read here. The methods of ``Trainer`` are in call order.
"""

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
from depmap_cli.semantics.signals import frame_readings
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
from depmap_cli.training.export import check_finite, with_metrics
from depmap_cli.training.feature_cache import FeatureCache, fingerprint
from depmap_cli.training.progress import EpochDone, EventCallback, StepDone
from depmap_cli.training.resume import TrainingProgress, load_state, save_state
from depmap_cli.training.run_folder import BEST, LAST, RunFolder
from depmap_cli.training.schedule import cosine_rate
from depmap_cli.weights.document import STARTED_RANDOM

DEAD_SHARE = 0.1
"""A prototype is dead if it gets less than this part of an even share of its level's tokens."""

STATISTICS_CLIPS = 256
"""Number of clips from which the statistics of the averaged weights are computed."""


@dataclass(kw_only=True)
class Trainer:
    """Trains one network and keeps its progress in a run folder.

    A run that was killed resumes to the same bits (on the CPU).
    """

    model: DepMap
    semantics: SemanticModel
    train: list[VideoClip]
    development: list[VideoClip]
    config: TrainConfig
    folder: RunFolder
    document: dict[str, Any]  # stored with the weights
    key: dict[str, Any]  # what a resumed run must share with the interrupted one
    device: torch.device
    processes: ProcessGroup = field(default_factory=ProcessGroup)
    feature_cache: FeatureCache = field(default_factory=FeatureCache)

    def __post_init__(self) -> None:
        self.cached_backbone = ""  # hash of the backbone whose feature maps are cached, if any
        if self.config.freeze_backbone:
            self.model.backbone.requires_grad_(False)
            if self.config.n_cached_views:
                self.cached_backbone = fingerprint(self.model.backbone)
        probabilities = torch.cat([clip.features.au_probabilities for clip in self.train])
        angles = torch.cat([clip.features.angles for clip in self.train])
        encoder = self.model.reading_encoder
        if encoder is not None and not encoder.standardise.initialised:
            encoder.fit(frame_readings(probabilities, angles))
        self.au_probe = AuProbe(self.model.map_dim, probabilities.mean(0))
        self.trainable = nn.ModuleDict({"model": self.model, "reader": self.au_probe})
        self.averaged = copy.deepcopy(self.model).eval().requires_grad_(False)
        for network in self.trainable, self.averaged:
            move_to_device(network, self.device, torch.channels_last)
        self.optimizer = _optimizer(self.trainable, self.config)
        self.steps = len(epoch_batches(self.train, self.config, 0))
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda step: cosine_rate(step, self.steps * self.config.epochs, self.config.warmup),
        )
        self.progress = TrainingProgress()

    def run(self, resume: bool, on_event: EventCallback) -> None:
        """Train to the last epoch; write the best weights on Development to the folder.

        Raises:
            DataInvalid: a loss, gradient, weight or estimate is not finite; the weights of earlier
                epochs are kept.
            OutOfMemory: the device is too small for a batch.
            OutputUnwritable: the run folder cannot be written.
        """
        if resume:
            self.progress = load_state(self.folder.path, self._modules(), self.optimizer, self.key)
            self.schedule.last_epoch = self.progress.epoch * self.steps
        while self.progress.epoch < self.config.epochs:
            started = time.perf_counter()
            losses = self._train_epoch(on_event)
            seconds = time.perf_counter() - started
            estimates = self._score_development()
            event = self._summarise_epoch(losses, estimates, seconds)
            self._save_epoch(event, estimates)
            on_event(event)

    def _train_epoch(self, on_event: EventCallback) -> dict[str, float]:
        """Take the steps of an epoch; return its mean losses."""
        epoch = self.progress.epoch
        torch.manual_seed(self.config.seed * 1000 + epoch + 7919 * self.processes.rank)  # dropout
        self.model.train()
        if self.config.freeze_backbone or self.document["started_from"] != STARTED_RANDOM:
            _freeze_statistics(self.model.backbone)
        means: dict[str, float] = {}
        for step, draws in enumerate(epoch_batches(self.train, self.config, epoch)):
            losses = self._step(draws)
            for name, value in losses.items():
                means[name] = means.get(name, 0.0) + value / self.steps
            on_event(StepDone(epoch=epoch, step=step + 1, steps=self.steps, losses=losses))
        return means

    def _step(self, draws: list[Draw]) -> dict[str, float]:
        """Take one step on a batch, of which each process computes its share."""
        own = self.processes.share(draws)
        with explain_out_of_memory("a batch", "lower train.batch_size or train.frames"):
            loss, auxiliary = self._loss(own)
            self._check_step("the loss", loss.total, own)
            self.optimizer.zero_grad()
            loss.total.backward()  # type: ignore[no-untyped-call]
            self.processes.average_gradients(self.trainable)
            norm = nn.utils.clip_grad_norm_(self.trainable.parameters(), self.config.grad_clip_norm)
            self._check_step("the gradient's norm", norm, draws)
            self.optimizer.step()
        self.schedule.step()
        self.processes.average_statistics(self.model)
        self._average_weights()
        contrastive = {f"contrastive_s{s}": value for s, value in loss.contrastive.items()}
        terms = {"regression": loss.regression, **contrastive, **auxiliary}
        values = self.processes.mean([float(v.detach()) for v in terms.values()])
        return dict(zip(terms, values, strict=True))

    def _loss(self, draws: list[Draw]) -> tuple[Loss, dict[str, Tensor]]:
        """Return the paper's loss plus the auxiliary losses, and the latter by name."""
        config, epoch = self.config, self.progress.epoch
        views = augmented_views(self.train, draws, config, epoch)
        batch = make_batch(views, self.semantics, self.device)
        valid = torch.ones(batch.image.shape[:2], dtype=torch.bool, device=self.device)
        weight = config.contrastive_weight if epoch >= config.contrastive_start_epoch else 0.0
        with training_precision(self.device):
            maps = self._feature_maps(self.model, views)
            videos, frames = self.model.score_maps(
                maps, batch.image, batch.text, valid, batch.readings
            )
        loss = depmap_loss(
            self.model, videos, frames, batch.target, batch.levels, valid, weight, self.processes
        )
        auxiliary = self._auxiliary_losses(videos, frames, batch)
        weighted = sum(
            getattr(config, f"{name}_loss_weight") * value for name, value in auxiliary.items()
        )
        return replace(loss, total=loss.total + weighted), auxiliary

    def _auxiliary_losses(
        self, videos: VideoScores, frames: FrameFeatures, batch: TrainingBatch
    ) -> dict[str, Tensor]:
        """Losses of the emotional branch that are not in the paper, by the name of their weight."""
        losses = {}
        if self.config.au_loss_weight and self.model.config.emotional:
            fused = self.model.standardise(frames.fused)[:, : self.model.map_dim]
            losses["au"] = self.au_probe(fused, batch.au_probabilities)
        if self.config.level_loss_weight and self.model.config.map and videos.levels is not None:
            losses["level"] = level_loss(videos.levels, batch.levels)
        return losses

    def _feature_maps(self, model: DepMap, views: list[AugmentedView]) -> list[Tensor]:
        """The backbone's maps f_1 to f_4 of the views' frames, from the cache if it is frozen."""
        if not self.cached_backbone:
            pixels = torch.cat([view.pixels() for view in views]).to(self.device)
            maps: list[Tensor] = model.backbone(pixels)
            return maps
        cached = [self._cached_maps("Training", view.key, pixels=view.pixels) for view in views]
        return [torch.cat(scale) for scale in zip(*cached, strict=True)]

    def _cached_maps(
        self, *key: Hashable, pixels: Callable[[], Tensor], exact: bool = False
    ) -> list[Tensor]:
        key = (self.cached_backbone, *key)
        return self.feature_cache.maps(self.model.backbone, key, pixels, self.device, exact)

    def _check_step(self, name: str, value: Tensor, draws: list[Draw]) -> None:
        if not torch.isfinite(value):
            videos = ", ".join(self.train[draw.clip].video.path.name for draw in draws)
            raise DataInvalid(
                f"{name} is {value.item()} at epoch {self.progress.epoch} on {videos}",
                self._hint_if_not_finite(),
            )

    def _hint_if_not_finite(self) -> str:
        saved = "there are no weights of an earlier epoch"
        if self.progress.epoch:
            saved = f"{BEST} and {LAST} hold the epochs before"
        return f"train with a lower train.learning_rate; {saved}"

    @torch.no_grad()
    def _average_weights(self) -> None:
        """Move the averaged weights towards the current ones; copy prototypes and statistics."""
        current = dict(self.model.named_parameters())
        for name, parameter in self.averaged.named_parameters():
            parameter.lerp_(current[name], 1 - self.config.ema_decay)
        buffers = dict(self.model.named_buffers())
        for name, buffer in self.averaged.named_buffers():
            buffer.copy_(buffers[name])

    def _score_development(self) -> np.ndarray:
        """Estimates of the averaged weights, as `depmap score` gives them (BDI-II points).

        Raises:
            DataInvalid: weights or estimates are not finite; nothing of them is saved.
        """
        with explain_out_of_memory(
            "scoring Development", "lower train.score_frames or train.frames"
        ):
            self._refresh_statistics()
            estimates = np.array([self._estimate(clip) for clip in self.development])
        tensors = {**self.averaged.state_dict(), "estimates": torch.from_numpy(estimates)}
        name = f"the weights after epoch {self.progress.epoch}"
        check_finite(tensors, name, self._hint_if_not_finite())
        return estimates

    @torch.no_grad()
    def _refresh_statistics(self) -> None:
        """Compute the statistics of the averaged weights from their own features.

        Those copied from the current weights lag behind, and belong to other weights.
        """
        epoch = self.progress.epoch
        fused, activations = [], []
        for draws in epoch_batches(self.train, self.config, epoch):
            own = self.processes.share(draws)
            views = augmented_views(self.train, own, self.config, epoch)
            batch = make_batch(views, self.semantics, self.device)
            with training_precision(self.device):
                maps = self._feature_maps(self.averaged, views)
                each_frame = (x.flatten(0, 1) for x in (batch.image, batch.text, batch.readings))
                frames = self.averaged.encode_maps(maps, *each_frame)
            fused.append(self.processes.gathered(frames.fused))
            if frames.activations is not None:
                activations.append(self.processes.gathered(frames.activations))
            if len(fused) * len(draws) >= STATISTICS_CLIPS:
                break
        self.averaged.standardise.update(torch.cat(fused), reset=True)
        if self.averaged.level_logits is not None:
            self.averaged.level_logits.update(torch.cat(activations), reset=True)

    def _estimate(self, clip: VideoClip) -> float:
        frames, maps = self.config.score_frames, None
        if self.cached_backbone:
            faces = torch.from_numpy(clip.faces[clip.sample_evenly(frames)])
            maps = self._cached_maps(
                "Development",
                clip.video.path,
                frames,
                pixels=partial(normalise_pixels, faces),
                exact=True,
            )
        return estimate_clip(
            model=self.averaged,
            semantics=self.semantics,
            clip=clip,
            frames=frames,
            training_frames=self.config.frames,
            device=self.device,
            maps=maps,
        ).score

    def _summarise_epoch(
        self, losses: dict[str, float], estimates: np.ndarray, seconds: float
    ) -> EpochDone:
        scores = np.array([clip.video.score for clip in self.development], float)
        metrics = agreement(scores, estimates)
        n_frames = self.steps * batch_rows(len(self.train), self.config) * self.config.frames
        balance, dead = prototype_use(self.averaged)
        return EpochDone(
            epoch=self.progress.epoch,
            losses=losses,
            development=metrics,
            balance=balance,
            dead=dead,
            frames_per_second=n_frames / seconds,
            is_best=metrics["rmse"] < self.progress.best,
        )

    def _save_epoch(self, event: EpochDone, estimates: np.ndarray) -> None:
        """Save weights, log and state, in this order; only the first process writes."""
        best = min(self.progress.best, event.development["rmse"])
        self.progress = TrainingProgress(event.epoch + 1, best)
        if self.processes.is_first:
            document = with_metrics(
                {**self.document, "epoch": event.epoch},
                self.development,
                estimates,
                self.config.score_frames,
            )
            for name in (BEST, LAST) if event.is_best else (LAST,):
                self.folder.save_weights(name, self.averaged, document)
            self.folder.log_epoch(event.epoch, event.row)
            save_state(self.folder.path, self.progress, self._modules(), self.optimizer, self.key)
        self.processes.wait()

    def _modules(self) -> dict[str, nn.Module]:
        """The modules in the state file, under the names that they have there."""
        return {"model": self.model, "averaged": self.averaged, "reader": self.au_probe}


def prototype_use(model: DepMap) -> tuple[float, int]:
    """Return how evenly prototypes are used, and how many are dead.

    The former is the mean normalised entropy over levels: 1 if all are used equally.
    """
    if model.clusters is None:
        return float("nan"), 0
    usage = cast(Tensor, model.clusters.usage)
    share = usage / usage.sum(1, keepdim=True).clamp(min=1e-9)
    count = share.shape[1]
    entropy = -(share * share.clamp(min=1e-9).log()).sum(1) / np.log(max(count, 2))
    return float(entropy.mean()), int((share < DEAD_SHARE / count).sum())


def _optimizer(trainable: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW with the base rate for the backbone and ``head_lr_multiplier`` times it for the rest.

    Weight decay applies to matrices, not to vectors such as biases.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in trainable.named_parameters():
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
    """Keep the statistics that batch norms came with: a batch holds too few people for new ones."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eval()
