"""From the best epoch to finished weights: half precision, metrics, and data for intervals."""

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
from depmap_cli.io.clean_text import clean
from depmap_cli.model.depmap import DepMap
from depmap_cli.runtime.devices import explain_out_of_memory, move_to_device
from depmap_cli.semantics.clip_model import SemanticModel
from depmap_cli.stats.conformal import fit_typical_errors
from depmap_cli.stats.metrics import agreement
from depmap_cli.stats.out_of_distribution import fit_training_face_model
from depmap_cli.training.leakage import selected_on, training_people_in
from depmap_cli.training.signal_fit import fit_signals
from depmap_cli.weights.packing import pack_network, pack_training_faces, unpack_network

SELECTED_ON = "Development"
"""The split that selects a run's weights, and whose residuals its prediction intervals use."""


def export_weights(
    best: Path,
    output: Path,
    semantics: SemanticModel,
    train: list[VideoClip],
    development: list[VideoClip],
    frames: int,
    device: torch.device,
) -> tuple[dict[str, Any], np.ndarray]:
    """Write the best weights in half precision, ready for `depmap score`.

    The regression on signals is fitted here (``fit_signals``).

    The file also holds the residuals that prediction intervals use, and the model of training faces
    that detects out-of-distribution videos. The residuals are those of the half-precision weights
    on Development, with ``frames`` frames for each video: all prepared ones, because `depmap score`
    reads many frames, too. Selection uses fewer (``train.score_frames``). Development also selected
    the weights, which makes intervals a little too narrow.

    Returns:
        The document stored with the weights, and the estimates on Development (BDI-II points).

    Raises:
        DataInvalid: a weight is too large for half precision.
        OutOfMemory: the device is too small for ``frames``.
        OutputUnwritable: as ``save_checkpoint``.
    """
    checkpoint = load_checkpoint(best, "depmap")
    document = {k: v for k, v in checkpoint.document.items() if k not in ("format", "kind")}
    config = Config.model_validate(document["config"])
    tensors = halved(checkpoint.tensors)
    check_finite(
        tensors, f"{clean(str(best))}, in half precision", "use that file, in full precision"
    )
    tensors = pack_network(tensors, semantics)
    model = DepMap(config=config.model, semantic_dim=semantics.dim)
    # Copied into the model's own (full) precision.
    model.load_state_dict(unpack_network(tensors, semantics))
    move_to_device(model.eval().requires_grad_(False), device)
    usable = [clip for clip in train if len(clip.usable)]
    fit_signals(model=model, semantics=semantics, clips=usable)
    if model.signal_head is not None:
        signals = halved(model.signal_head.state_dict())
        tensors |= {f"signal_head.{name}": value for name, value in signals.items()}
    with explain_out_of_memory("scoring Development", "close other programs and add --resume"):
        estimates = np.array(
            [
                estimate_clip(
                    model=model,
                    semantics=semantics,
                    clip=clip,
                    frames=frames,
                    training_frames=config.train.frames,
                    device=device,
                ).score
                for clip in development
            ]
        )
    document = with_metrics(document, development, estimates, frames)
    known = training_people_in(document, [clip.video for clip in development])
    unseen = [clip for clip in development if clip.video.subject not in known]
    faces = fit_training_face_model(*(_embeddings(clips, frames) for clips in (train, unseen)))
    save_checkpoint(output, "depmap", document, {**tensors, **pack_training_faces(faces)})
    return json.loads(json.dumps(document)), estimates


def _embeddings(clips: list[VideoClip], frames: int) -> list[np.ndarray]:
    """CLIP embeddings, (frames, d) for each clip, of the frames that scoring looks at."""
    return [clip.features.image[clip.sample_evenly(frames)].numpy() for clip in clips]


def check_finite(tensors: dict[str, Tensor], name: str, hint: str) -> None:
    """Check all values before they replace good weights.

    Raises:
        DataInvalid: a value is infinite or not a number.
    """
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise DataInvalid(f"{name}: not all numbers are finite", hint)


def with_metrics(
    document: dict[str, Any], development: Sequence[VideoClip], estimates: np.ndarray, frames: int
) -> dict[str, Any]:
    """Add to the document of weights what scoring needs: Development's people, metrics, residuals.

    ``estimates`` (BDI-II points) used ``frames`` frames for each video.
    """
    scores = np.array([clip.video.score for clip in development], float)
    videos = [clip.video for clip in development]
    return {
        **document,
        **selected_on(videos, [document]),
        "sampling": {**document["sampling"], "frames": frames},
        "development": {k: round(v, 3) for k, v in agreement(scores, estimates).items()},
        "calibration": calibration(
            videos, estimates, SELECTED_ON, training_people_in(document, videos)
        ),
    }


def calibration(
    videos: Sequence[LabelledVideo],
    estimates: np.ndarray,
    source: str,
    known: set[str],
    typical_errors: list[float] | None = None,
) -> dict[str, Any]:
    """What ``conformal.half_widths`` needs: residuals (BDI-II points) and whose they are.

    Subjects in ``known``, whom the weights were trained on, are left out: their residuals are too
    small. ``source`` names the data for reports. ``typical_errors`` come from other people, or
    else from these.
    """
    pairs = [(v, e) for v, e in zip(videos, estimates, strict=True) if v.subject not in known]
    names = sorted({video.subject for video, _ in pairs})
    residuals = [round(abs(float(video.score - estimate)), 3) for video, estimate in pairs]
    people = [names.index(video.subject) for video, _ in pairs]
    rounded = [round(float(estimate), 3) for _, estimate in pairs]
    if typical_errors is None and pairs:
        fitted = fit_typical_errors(np.array(rounded), np.array(residuals), np.array(people))
        typical_errors = [round(error, 3) for error in fitted]
    return {
        "residuals": residuals,
        "people": people,
        "estimates": rounded,
        "typical_errors": typical_errors,
        "split": source,
        "left_out": len(known),
    }
