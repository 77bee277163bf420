"""`depmap train-semantics`: the small open_clip model learns which action units a face shows.

Trained on frames with known AU intensities (``ground_truth/{split}/{video}.npz`` beside a corpus in
AVEC's layout), by three losses: CLIP's contrast of frames with sentences about their units, where
equal sentences count as equal; a phrase at a time, how far the similarity to that phrase tells the
unit's intensity, which also calibrates the similarities; and how far a linear map of the image
tower's features tells it, because phrases that still sound alike teach the tower little at first.
Some faces are covered (``data/occlusion.py``) and learn to be told as such, and nothing else.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from depmap_cli import __version__
from depmap_cli.action_units import ACTION_UNITS, COVERED_PHRASE, phrase
from depmap_cli.checkpoint import (
    halved,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)
from depmap_cli.config import SemanticsTrainConfig
from depmap_cli.data.augment import SAME, augment_faces
from depmap_cli.data.cache import CachedFaces
from depmap_cli.data.corpus import Recording
from depmap_cli.data.ground_truth import read_units
from depmap_cli.data.occlusion import cover_faces
from depmap_cli.devices import training_precision
from depmap_cli.metrics import auc, pearson
from depmap_cli.model.backbone import normalise_pixels
from depmap_cli.model.semantics import (
    COVERED,
    OWN_MODEL,
    build_clip,
    encode_phrases,
    tokenizer_of,
)
from depmap_cli.schedule import cosine_rate

PRESENT = 0.3
"""Intensity (of about 0 to 1) from which a unit is named in a frame's sentence."""
COVERED_SHARE = 0.2
"""Faces, of all in training, over which something is laid."""
HIDDEN = (0.05, 0.15)
"""Hidden share of the inner face up to which it counts as free, and from which as covered."""


@dataclass(frozen=True)
class AuFrames:
    """Aligned faces with the intensity of every action unit."""

    faces: list[np.ndarray]  # a recording: (n, size, size, 3) RGB uint8, memory-mapped
    intensity: Float[np.ndarray, "frames units"]
    place: np.ndarray  # (frames, 2) recording, frame

    def __len__(self) -> int:
        return len(self.place)

    @staticmethod
    def joined(parts: "list[AuFrames]") -> "AuFrames":
        """The frames of all parts, in order."""
        before = np.cumsum([0, *(len(p.faces) for p in parts[:-1])])
        places = [p.place + (shift, 0) for p, shift in zip(parts, before, strict=True)]
        return AuFrames(
            [faces for p in parts for faces in p.faces],
            np.concatenate([p.intensity for p in parts]),
            np.concatenate(places),
        )

    def thinned(self, step: int) -> "AuFrames":
        """Every ``step``-th frame."""
        return AuFrames(self.faces, self.intensity[::step], self.place[::step])

    def pictures(self, rows: np.ndarray) -> UInt8[Tensor, "n h w 3"]:
        """The faces of some rows."""
        return torch.from_numpy(np.stack([self.faces[r][f] for r, f in self.place[rows]]))


def read_au_frames(data: Path, recordings: list[Recording], cached: list[CachedFaces]) -> AuFrames:
    """Pair cached faces with the ground truth of their time.

    Raises:
        DataInvalid: a recording without ground truth, or with other action units.
    """
    intensities, places = [], []
    for number, (recording, faces) in enumerate(zip(recordings, cached, strict=True)):
        intensities.append(read_units(data, recording).at(faces.times))
        places.append(np.stack([np.full(len(faces), number), np.arange(len(faces))], 1))
    return AuFrames([c.faces for c in cached], np.concatenate(intensities), np.concatenate(places))


class _PhraseCalibration(nn.Module):
    """evidence = sigmoid(scale * similarity + bias), one pair an action unit, one for covered."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((len(ACTION_UNITS) + 1,), 8.0))
        self.bias = nn.Parameter(torch.full((len(ACTION_UNITS) + 1,), -3.0))

    def forward(self, similarity: Tensor) -> Tensor:
        return self.scale * similarity + self.bias


class _Learner(nn.Module):
    """What is trained: the open_clip model, its calibration, and a map from the image tower's
    features to the units, which is not kept."""

    def __init__(self) -> None:
        super().__init__()
        clip: Any = build_clip(OWN_MODEL)
        self.clip = clip
        self.tokenizer = tokenizer_of(OWN_MODEL)
        self.calibration = _PhraseCalibration()
        self.units = nn.Linear(clip.visual.trunk.num_features, len(ACTION_UNITS))

    def look(self, pixels: Float[Tensor, "n 3 h w"]) -> tuple[Tensor, Tensor]:
        """The image tower's features (n, f) and the embeddings (n, d) made of them, unit length."""
        with training_precision(pixels.device):
            features = self.clip.visual.trunk(pixels.to(memory_format=torch.channels_last))
            image = self.clip.visual.head(features)
        return features.float(), F.normalize(image.float(), dim=-1)

    def read(self, sentences: list[str]) -> Float[Tensor, "n d"]:
        """The embeddings of sentences, unit length."""
        return F.normalize(self.clip.encode_text(self.tokenizer(sentences)).float(), dim=-1)

    def asked(self, image: Float[Tensor, "n d"]) -> Float[Tensor, "n asked"]:
        """Logits of every unit's phrase and, last, of a covered face."""
        text = encode_phrases(self.clip, self.tokenizer)
        phrases = torch.cat([text[: len(ACTION_UNITS)], text[-1:]])  # all but the neutral one
        logits: Tensor = self.calibration(image @ phrases.T)
        return logits


def contrastive_loss(
    image: Float[Tensor, "n d"], text: Float[Tensor, "n d"], sentence: list[str], scale: Tensor
) -> Float[Tensor, ""]:
    """CLIP's symmetric cross-entropy; frames with the same sentence share the target."""
    same = torch.tensor([[a == b for b in sentence] for a in sentence], dtype=torch.float32)
    target = same / same.sum(1, keepdim=True)
    logits = scale.exp() * image @ text.T
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def train_semantics(
    train: AuFrames,
    development: AuFrames,
    config: SemanticsTrainConfig,
    output: Path,
    about: tuple[str, bool],
    resume: bool,
    progress: Callable[[dict[str, Any]], None],
) -> float:
    """Fit the model; write the epoch best on Development to ``output``. Returns its mean r.

    Every epoch draws from a generator seeded by the seed and its number, so a resumed run continues
    to the same bits. ``about`` is stored with the weights: what data this is, and whether its
    faces are rendered.
    """
    torch.manual_seed(config.seed)
    learner = _Learner().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    steps = math.ceil(len(train) / config.batch_size)
    optimizer = torch.optim.AdamW(
        learner.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: cosine_rate(step, steps * config.epochs, config.warmup)
    )
    state_path = output.with_name(output.stem + ".training.safetensors")
    first, best = 0, -1.0
    if resume and state_path.is_file():
        state = load_checkpoint(state_path, "training")
        learner.load_state_dict(
            {k: v for k, v in state.tensors.items() if not k.startswith("optimizer.")}
        )
        restore_optimizer(optimizer, state.tensors)
        first, best = state.document["epoch"], state.document["best"]
        schedule.last_epoch = first * steps
        for group, rate in zip(optimizer.param_groups, state.document["rates"], strict=True):
            group["lr"] = rate
    for epoch in range(first, config.epochs):
        generator = torch.Generator().manual_seed(config.seed * 1000 + epoch)
        order = torch.randperm(len(train), generator=generator).numpy()
        learner.train()
        for step in range(steps):
            rows = order[step * config.batch_size : (step + 1) * config.batch_size]
            loss = _step(train, rows, learner, generator)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            progress({"epoch": epoch, "step": step, "steps": steps, "loss": loss.item()})
        metrics = _evaluate(development, learner)
        progress({"epoch": epoch, "metrics": metrics})
        if metrics["mean_r"] > best:
            best = metrics["mean_r"]
            _save(output, learner, metrics, config, about, epoch)
        tensors = {**learner.state_dict(), **optimizer_tensors(optimizer)}
        rates = [group["lr"] for group in optimizer.param_groups]
        save_checkpoint(
            state_path, "training", {"epoch": epoch + 1, "best": best, "rates": rates}, tensors
        )
    return best


def _step(
    frames: AuFrames, rows: np.ndarray, learner: _Learner, generator: torch.Generator
) -> Tensor:
    pixels = augment_faces(frames.pictures(rows), torch.arange(len(rows)), generator, SAME)
    pixels, hidden = cover_faces(pixels, COVERED_SHARE, generator)
    free, covered = hidden <= HIDDEN[0], hidden >= HIDDEN[1]
    intensity = torch.from_numpy(frames.intensity[rows]).clamp(0, 1)
    sentences = [
        COVERED_PHRASE if over else _sentence(row)
        for row, over in zip(intensity.tolist(), covered.tolist(), strict=True)
    ]
    features, image = learner.look(pixels)
    contrast = contrastive_loss(image, learner.read(sentences), sentences, learner.clip.logit_scale)
    seen = (~covered)[:, None].expand_as(intensity)
    told = torch.cat([intensity, covered[:, None].float()], 1)
    counts = torch.cat([seen, (free | covered)[:, None]], 1)
    phrases = F.binary_cross_entropy_with_logits(learner.asked(image), told, reduction="none")
    units = F.binary_cross_entropy_with_logits(learner.units(features), intensity, reduction="none")
    return 0.2 * contrast + ((phrases * counts).sum(1) + (units * seen).sum(1)).mean()


def _sentence(intensity: list[float]) -> str:
    pairs = zip(ACTION_UNITS, intensity, strict=True)
    return phrase([unit for unit, value in pairs if value >= PRESENT])


@torch.inference_mode()
def _evaluate(frames: AuFrames, learner: _Learner) -> dict[str, Any]:
    """Pearson r and AUC of presence for every unit, on faces as they are; AUC of a covered face,
    on these and the same ones covered."""
    learner.eval()
    generator = torch.Generator().manual_seed(0)
    evidence, over, hidden = [], [], []

    def look(pixels: Tensor) -> np.ndarray:
        found: np.ndarray = torch.sigmoid(learner.asked(learner.look(pixels)[1])).numpy()
        return found

    for start in range(0, len(frames), 256):
        pixels = normalise_pixels(frames.pictures(np.arange(start, min(start + 256, len(frames)))))
        evidence.append(look(pixels))
        changed, share = cover_faces(pixels, 1.0, generator)
        over.append(look(changed)[:, -1])
        hidden.append(share.numpy())
    found = np.concatenate(evidence)
    beyond = np.concatenate(hidden) >= HIDDEN[1]
    free, covered = found[:, -1], np.concatenate(over)[beyond]
    truth = np.concatenate([np.zeros(len(free), bool), np.ones(len(covered), bool)])
    units = {
        unit.code: {
            "r": round(pearson(frames.intensity[:, i], found[:, i]), 3),
            "auc": round(auc(frames.intensity[:, i] >= PRESENT, found[:, i]), 3),
        }
        for i, unit in enumerate(ACTION_UNITS)
    }
    return {
        "units": units,
        "mean_r": float(np.mean([u["r"] for u in units.values()])),
        "covered": {
            "auc": round(auc(truth, np.concatenate([free, covered])), 3),
            "limit": COVERED,
            "found": round(float((covered >= COVERED).mean()), 3),
            "false": round(float((free >= COVERED).mean()), 3),
        },
    }


def _save(
    path: Path,
    learner: _Learner,
    metrics: dict[str, Any],
    config: SemanticsTrainConfig,
    about: tuple[str, bool],
    epoch: int,
) -> None:
    *scale, covered_scale = learner.calibration.scale.tolist()
    *bias, covered_bias = learner.calibration.bias.tolist()
    document = {
        "model": OWN_MODEL,
        "version": __version__,
        "training_data": about[0],
        "simulated": about[1],
        "train": config.model_dump(),
        "epoch": epoch,
        "phrases": [phrase([unit]) for unit in ACTION_UNITS],
        "calibration": {
            "scale": scale,
            "bias": bias,
            "covered": [covered_scale, covered_bias],
        },
        "development": metrics,
    }
    save_checkpoint(path, "semantics", document, halved(learner.clip.state_dict()))
