"""From an epoch to weights that score: what they are, how good, and what intervals rest on."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from depmap_cli.config import Config
from depmap_cli.data.clips import VideoClip
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.errors import DataInvalid
from depmap_cli.evaluation.estimate_clip import estimate_clip
from depmap_cli.io.checkpoint import halved, load_checkpoint, save_checkpoint
from depmap_cli.model.depmap import DepMap
from depmap_cli.runtime.devices import explain_out_of_memory, move_to_device
from depmap_cli.semantics.clip_model import SemanticModel
from depmap_cli.stats.metrics import agreement
from depmap_cli.stats.out_of_distribution import fit_training_face_model
from depmap_cli.training.leakage import selected_on, training_people_in
from depmap_cli.weights.packing import pack_network, pack_training_faces, unpack_network

SELECTED_ON = "Development"
"""Whose residuals a run's intervals rest on: those of the split that chose its weights."""


def finish_weights(
    best: Path,
    output: Path,
    semantics: SemanticModel,
    train: list[VideoClip],
    development: list[VideoClip],
    frames: int,
    device: torch.device,
) -> tuple[dict[str, Any], np.ndarray]:
    """The best weights in half precision, with the residuals that intervals rest on and what tells
    recordings that are unlike those trained on.

    The residuals are those of the halved weights on Development, at ``frames`` frames a video. They
    were also used for selection, which makes intervals a little too narrow. Returns the document
    that is stored with the weights, and the estimates (BDI-II points).

    Raises:
        DataInvalid: the weights are too large for half precision.
        OutOfMemory: the device is too small for ``frames``.
        OutputUnwritable: as ``save_checkpoint``.
    """
    checkpoint = load_checkpoint(best, "depmap")
    document = {k: v for k, v in checkpoint.document.items() if k not in ("format", "kind")}
    config = Config.model_validate(document["config"])
    model, usual = DepMap(config=config.model, semantic_dim=semantics.dim), config.train.frames
    tensors = halved(checkpoint.tensors)
    check_finite(tensors, "the best weights in half precision", f"{best.name} is kept as it is")
    tensors = pack_network(tensors, semantics)
    model.load_state_dict(
        unpack_network(tensors, semantics)
    )  # copied into the model's own precision
    move_to_device(model.eval().requires_grad_(False), device)
    with explain_out_of_memory("scoring Development", "close other programs and add --resume"):
        found = np.array(
            [
                estimate_clip(model, semantics, clip, frames, usual, device).score
                for clip in development
            ]
        )
    videos = [clip.video for clip in development]
    known = training_people_in(document, videos)
    document = with_figures(document, development, found, frames)
    unseen = [clip for clip in development if clip.video.subject not in known]
    faces = fit_training_face_model(*(_embeddings(clips, frames) for clips in (train, unseen)))
    save_checkpoint(output, "depmap", document, {**tensors, **pack_training_faces(faces)})
    return json.loads(json.dumps(document)), found


def _embeddings(clips: list[VideoClip], frames: int) -> list[np.ndarray]:
    """CLIP's, of the frames that scoring looks at: (frames, d) a clip."""
    return [clip.seen.image[clip.spread(frames)].numpy() for clip in clips]


def check_finite(tensors: dict[str, Tensor], what: str, hint: str) -> None:
    """Before anything is written over good weights.

    Raises:
        DataInvalid: a number among them is none.
    """
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise DataInvalid(f"{what}: not all numbers are finite", hint)


def with_figures(
    document: dict[str, Any], development: Sequence[VideoClip], found: np.ndarray, frames: int
) -> dict[str, Any]:
    """``document`` of weights with who Development is and how they do, so that they can score.

    ``found`` holds their estimates (BDI-II points) from ``frames`` frames a video.
    """
    truth = np.array([c.video.score for c in development], float)
    videos = [c.video for c in development]
    return {
        **document,
        **selected_on(videos, [document]),
        "sampling": {**document["sampling"], "frames": frames},
        "development": {k: round(v, 3) for k, v in agreement(truth, found).items()},
        "calibration": calibration(
            videos, found, SELECTED_ON, training_people_in(document, videos)
        ),
    }


def calibration(
    videos: Sequence[LabelledVideo], found: np.ndarray, source: str, known: set[str]
) -> dict[str, Any]:
    """What ``conformal.half_width`` needs: residuals (BDI-II points) and whose they are.

    Those of people whom the weights have ``known`` are left out: they are too small.
    ``found`` holds the estimates of the recordings, of which ``source`` tells whence they are.
    """
    pairs = [pair for pair in zip(videos, found, strict=True) if pair[0].subject not in known]
    people = sorted({r.subject for r, _ in pairs})
    return {
        "residuals": [round(abs(float(r.score - estimate)), 3) for r, estimate in pairs],
        "people": [people.index(r.subject) for r, _ in pairs],
        "split": source,
        "left_out": len(known),
    }
