"""`depmap train`: fit Dep-MAP to labelled recordings, select on Development, store what is needed.

Only Training and Development are ever read here; Testing belongs to `depmap evaluate`.
"""

import copy
import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from depmap_cli import __version__
from depmap_cli.checkpoint import (
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)
from depmap_cli.config import Config, SamplingConfig
from depmap_cli.data.augment import OTHER, augment_faces
from depmap_cli.data.clips import Clip
from depmap_cli.data.occlusion import cover_faces
from depmap_cli.devices import training_precision
from depmap_cli.errors import DataInvalid, DepmapError
from depmap_cli.evaluation import estimate_clip
from depmap_cli.metrics import agreement
from depmap_cli.model.depmap import DepMap
from depmap_cli.model.losses import Loss, depmap_loss
from depmap_cli.model.semantics import Semantics
from depmap_cli.schedule import cosine_rate
from depmap_cli.severity import level_of

COVERED_SHARE = 0.1
"""Faces, of all in training, over which something is laid."""
BEST = "best.safetensors"
STATE = "state.safetensors"


@dataclass(frozen=True)
class Batch:
    """Frames of some recordings, augmented."""

    pixels: Tensor  # (b, t, 3, h, w)
    image: Tensor  # (b, t, d)
    text: Tensor  # (b, t, d)
    target: Tensor  # (b,) BDI-II
    levels: Tensor  # (b,) index of the severity band


class Trainer:
    """One training run in one folder. Every epoch's randomness comes from the seed and its number,
    so a run that was killed continues, at the last finished epoch, to the same bits (CPU)."""

    def __init__(
        self,
        config: Config,
        sampling: SamplingConfig,
        semantics: Semantics,
        train: list[Clip],
        development: list[Clip],
        folder: Path,
        statement: str,
        device: torch.device,
    ) -> None:
        scores = np.array([c.recording.score for c in train], float)
        if scores.std() == 0:
            raise DataInvalid("all Training scores are equal", "there is nothing to learn from")
        torch.manual_seed(config.train.seed)
        self.config, self.sampling, self.semantics, self.device = (
            config,
            sampling,
            semantics,
            device,
        )
        self.train, self.development = train, development
        self.folder, self.statement = folder, statement
        self.mean = float(scores.mean())
        self.model = DepMap(config.model, semantics.dim, self.mean, float(scores.std()))
        self.started_from = self._start_backbone()
        self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.steps = -(-len(train) // config.train.batch_size)
        self.optimizer = self._optimizer()
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda step: cosine_rate(step, self.steps * config.train.epochs, config.train.warmup),
        )
        self.epoch, self.best = 0, float("inf")

    def run(self, resume: bool, progress: Callable[[dict[str, Any]], None]) -> Path:
        """Train to the last epoch; returns the weights file that was best on Development.

        Raises:
            DataInvalid: the loss is no longer finite; the last good weights stay.
            OutputUnwritable: the run folder cannot be written.
        """
        if resume:
            self._resume()
        for epoch in range(self.epoch, self.config.train.epochs):
            self.epoch = epoch
            row = self._train_epoch(progress)
            row |= self._validate()
            progress({"epoch": self.epoch, "row": row})
            self._log(row)
            if row["rmse"] < self.best:
                self.best = row["rmse"]
                self._save_best(row)
            self._save_state()
        return self.folder / BEST

    def _start_backbone(self) -> str:
        """Start from the semantic model's image tower where it is a ResNet of the same depth."""
        trunk = getattr(self.semantics.clip.visual, "trunk", None)
        if not self.config.train.start_from_semantics or trunk is None:
            return "random"
        try:
            self.model.backbone.load_resnet(trunk.state_dict())
        except RuntimeError as error:
            raise DataInvalid(
                f"the semantic model's image tower is no {self.config.model.backbone}",
                "set train.start_from_semantics=false",
            ) from error
        return "semantics"

    def _optimizer(self) -> torch.optim.Optimizer:
        """The backbone at the base rate, the rest at ``head_rate`` times it; no vector decays."""
        train = self.config.train
        groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
        for name, parameter in self.model.named_parameters():
            groups.setdefault((name.startswith("backbone."), parameter.ndim > 1), []).append(
                parameter
            )
        return torch.optim.AdamW(
            [
                {
                    "params": parameters,
                    "lr": train.learning_rate * (1 if backbone else train.head_rate),
                    "weight_decay": train.weight_decay if matrix else 0.0,
                }
                for (backbone, matrix), parameters in groups.items()
            ]
        )

    def _train_epoch(self, progress: Callable[[dict[str, Any]], None]) -> dict[str, float]:
        train = self.config.train
        torch.manual_seed(train.seed * 1000 + self.epoch)  # dropout
        generator = torch.Generator().manual_seed(train.seed * 1000 + self.epoch)
        order = torch.randperm(len(self.train), generator=generator).tolist()
        self.model.train()
        if self.started_from == "semantics":
            _freeze_statistics(self.model.backbone)
        totals: dict[str, float] = {}
        for step in range(self.steps):
            chosen = [
                self.train[i]
                for i in order[step * train.batch_size : (step + 1) * train.batch_size]
            ]
            loss = self._step(
                self._batch(chosen, generator), [c.recording.path.name for c in chosen]
            )
            values = {"regression": float(loss.regression.detach())}
            values |= {f"contrastive_s{s}": float(v.detach()) for s, v in loss.contrastive.items()}
            for name, value in values.items():
                totals[name] = totals.get(name, 0.0) + value / self.steps
            progress({"epoch": self.epoch, "step": step + 1, "steps": self.steps, **values})
        return totals

    def _batch(self, clips: list[Clip], generator: torch.Generator) -> Batch:
        frames = self.config.train.frames
        rows = [clip.draw(frames, generator) for clip in clips]
        faces = np.concatenate([clip.faces[r] for clip, r in zip(clips, rows, strict=True)])
        group = torch.arange(len(clips)).repeat_interleave(frames)
        pixels = augment_faces(torch.from_numpy(faces), group, generator, OTHER)
        pixels = cover_faces(pixels, COVERED_SHARE, generator)[0].to(self.device)
        image = torch.stack([c.seen.image[r] for c, r in zip(clips, rows, strict=True)])
        evidence = torch.cat([c.seen.evidence[r] for c, r in zip(clips, rows, strict=True)])
        text = self.semantics.query(evidence.to(self.device)).view(len(clips), frames, -1)
        scores = [clip.recording.score for clip in clips]
        return Batch(
            pixels.view(len(clips), frames, *pixels.shape[1:]),
            image.to(self.device),
            text,
            torch.tensor(scores, dtype=torch.float32, device=self.device),
            torch.tensor([level_of(s) for s in scores], device=self.device),
        )

    def _step(self, batch: Batch, names: list[str]) -> Loss:
        train = self.config.train
        valid = torch.ones(batch.pixels.shape[:2], dtype=torch.bool, device=self.device)
        weight = train.contrastive_weight if self.epoch >= train.contrastive_start else 0.0
        with training_precision(self.device):
            videos, frames = self.model(batch.pixels, batch.image, batch.text, valid)
        loss = depmap_loss(self.model, videos, frames, batch.target, batch.levels, valid, weight)
        if not torch.isfinite(loss.total):
            raise DataInvalid(
                f"the loss is {loss.total.item()} at epoch {self.epoch} on {', '.join(names)}",
                "lower train.learning_rate; the last good weights are kept",
            )
        self.optimizer.zero_grad()
        loss.total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), train.clip_norm)
        self.optimizer.step()
        self.schedule.step()
        self._average()
        return loss

    @torch.no_grad()
    def _average(self) -> None:
        """Move the averaged weights towards the live ones; prototypes and the like are copied."""
        live = dict(self.model.named_parameters())
        for name, parameter in self.averaged.named_parameters():
            parameter.lerp_(live[name], 1 - self.config.train.average)
        buffers = dict(self.model.named_buffers())
        for name, buffer in self.averaged.named_buffers():
            buffer.copy_(buffers[name])

    def _validate(self) -> dict[str, float]:
        """The averaged weights' figures on Development."""
        truth, found = self._estimates(self.config.train.frames)
        return agreement(truth, found)

    def _estimates(self, frames: int) -> tuple[np.ndarray, np.ndarray]:
        with training_precision(self.device):
            found = [
                estimate_clip(self.averaged, self.semantics, clip, frames, self.device)
                for clip in self.development
            ]
        return np.array([c.recording.score for c in self.development], float), np.array(found)

    def _log(self, row: dict[str, float]) -> None:
        path = self.folder / "log.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["epoch", *row])
            writer.writerow([self.epoch, *(round(v, 5) for v in row.values())])

    def document(self, row: dict[str, float]) -> dict[str, Any]:
        """Everything but the tensors that rebuilds and describes the model."""
        return {
            "version": __version__,
            "torch": torch.__version__,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "config": self.config.model_dump(mode="json"),
            "sampling": self.sampling.model_dump(mode="json"),
            "semantics": {
                "model": self.semantics.id.model,
                "sha256": self.semantics.id.sha256,
                "dim": self.semantics.dim,
                "phrases": self.semantics.document.get("phrases"),
            },
            "backbone_start": self.started_from,
            "training_mean": self.mean,
            "training_data": self.statement,
            "training_subjects": sorted({c.recording.subject for c in self.train}),
            "epoch": self.epoch,
            "development": {k: round(row[k], 3) for k in ("rmse", "mae", "pcc", "ccc")},
        }

    def _save_best(self, row: dict[str, float]) -> None:
        save_checkpoint(
            self.folder / BEST, "depmap", self.document(row), self.averaged.state_dict()
        )

    def _save_state(self) -> None:
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"averaged.{k}": v for k, v in self.averaged.state_dict().items()}
        tensors |= optimizer_tensors(self.optimizer)
        document = {
            "epoch": self.epoch + 1,
            "best": self.best,
            "rates": [group["lr"] for group in self.optimizer.param_groups],
            "config": self.config.model_dump(mode="json"),
        }
        save_checkpoint(self.folder / STATE, "training", document, tensors)

    def _resume(self) -> None:
        path = self.folder / STATE
        if not path.is_file():
            return
        state = load_checkpoint(path, "training")
        if state.document["config"] != self.config.model_dump(mode="json"):
            raise DepmapError(
                "the run folder was trained with other settings", "choose another --out"
            )
        for prefix, module in (("model.", self.model), ("averaged.", self.averaged)):
            module.load_state_dict(
                {
                    k.removeprefix(prefix): v
                    for k, v in state.tensors.items()
                    if k.startswith(prefix)
                }
            )
        restore_optimizer(self.optimizer, state.tensors)
        self.epoch, self.best = state.document["epoch"], state.document["best"]
        self.schedule.last_epoch = self.epoch * self.steps
        for group, rate in zip(self.optimizer.param_groups, state.document["rates"], strict=True):
            group["lr"] = rate


def _freeze_statistics(module: nn.Module) -> None:
    """Keep the batch norms at the statistics they came with: a batch holds few people."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eval()


def finish_weights(
    best: Path,
    output: Path,
    semantics: Semantics,
    development: list[Clip],
    frames: int,
    simulated: bool,
    device: torch.device,
) -> dict[str, Any]:
    """The best weights in half precision, with the residuals that intervals rest on.

    The residuals are those of the halved weights on Development, at ``frames`` frames a video. They
    were also used for selection, which makes intervals a little too narrow. Returns the document.
    """
    checkpoint = load_checkpoint(best, "depmap")
    document = {k: v for k, v in checkpoint.document.items() if k not in ("format", "kind")}
    tensors = {k: _halved(v) for k, v in checkpoint.tensors.items()}
    config = Config.model_validate(document["config"])
    model = DepMap(config.model, semantics.dim)
    model.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
    )
    model.eval().requires_grad_(False).to(device)
    truth = np.array([c.recording.score for c in development], float)
    found = np.array([estimate_clip(model, semantics, c, frames, device) for c in development])
    people = sorted({c.recording.subject for c in development})
    document["sampling"]["frames"] = frames
    document["simulated"] = simulated
    document["development"] = {k: round(v, 3) for k, v in agreement(truth, found).items()}
    document["calibration"] = {
        "residuals": [round(float(r), 3) for r in np.abs(truth - found)],
        "people": [people.index(c.recording.subject) for c in development],
        "split": "Development",
    }
    save_checkpoint(output, "depmap", document, tensors)
    return json.loads(json.dumps(document))  # type: ignore[no-any-return]


def _halved(value: Tensor) -> Tensor:
    return value.half() if value.is_floating_point() else value
