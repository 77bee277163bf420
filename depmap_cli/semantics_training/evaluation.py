"""Metrics of a semantic model on faces with known action units."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from depmap_cli.data.occlusion import cover_faces
from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.domain.head_and_gaze import ANGLES
from depmap_cli.model.backbone import normalise_pixels
from depmap_cli.semantics.clip_model import COVERED_THRESHOLD
from depmap_cli.semantics.neutral_face import subtract_baselines, typical_neutral
from depmap_cli.semantics_training.frames import AuFrames
from depmap_cli.semantics_training.retrieval import retrieve_sentences
from depmap_cli.semantics_training.sentences import PRESENT_INTENSITY
from depmap_cli.semantics_training.trainable_model import (
    MIN_COVERED_SHARE,
    TrainableSemanticModel,
    shrink_faces,
)
from depmap_cli.stats.metrics import auc, pearson

BATCH_SIZE = 256


@dataclass(frozen=True, kw_only=True)
class _Predictions:
    """Output of the model for all frames."""

    image: Float[Tensor, "n d"]  # embeddings
    au_probabilities: Float[np.ndarray, "n units"]
    covered_if_free: Float[np.ndarray, " n"]  # probability of a covered face, faces as they are
    covered_if_covered: Float[np.ndarray, " m"]  # the same for the faces that were covered
    angles: Float[np.ndarray, "n 5"]  # degrees


def evaluate_frames(
    frames: AuFrames, model: TrainableSemanticModel, side: int | None = None
) -> dict[str, Any]:
    """Metrics of the model, as stored in the document of a weights file.

    Faces are shrunk to ``side`` pixels if they are larger. The document has:

    units: for each action unit, Pearson r with its intensity and AUC of its presence, after the
        neutral baseline is subtracted.
    rest: logits of the typical neutral face.
    mean_r: the mean r over the units.
    angles: for each angle of head and gaze, r and the mean absolute error in degrees; left out if
        the truth is unknown.
    covered: AUC of detecting covered faces, and the rates at the threshold ``COVERED_THRESHOLD``.
    retrieval: of sentences by faces, and of faces by sentences.
    """
    model.eval()
    predictions = _predict(frames, model, side)
    video = frames.index[:, 0]
    typical = typical_neutral(
        [predictions.au_probabilities[video == number] for number in np.unique(video)]
    )
    corrected = subtract_baselines(predictions.au_probabilities, video, typical)
    units = _unit_metrics(frames.intensity, corrected)
    with torch.inference_mode():
        to_text, to_image = retrieve_sentences(
            predictions.image, frames.intensity, frames.angles, model.embed_sentences
        )
    return {
        "units": units,
        "rest": [round(float(v), 3) for v in typical],
        "mean_r": float(np.mean([metrics["r"] for metrics in units.values()])),
        "angles": _angle_metrics(frames.angles, predictions.angles),
        "covered": _covered_metrics(predictions.covered_if_free, predictions.covered_if_covered),
        "retrieval": {
            "image_to_text": to_text.to_document(),
            "text_to_image": to_image.to_document(),
        },
    }


@torch.inference_mode()
def _predict(frames: AuFrames, model: TrainableSemanticModel, side: int | None) -> _Predictions:
    """Run the model on all faces, as they are and covered."""
    device = model.units.weight.device
    generator = torch.Generator().manual_seed(0)

    def predict(pixels: Tensor) -> tuple[Tensor, np.ndarray, np.ndarray]:
        pixels = shrink_faces(pixels.to(device), side)
        image = model.encode_faces(pixels)[1]
        logits = model.phrase_logits(image)
        n = len(ACTION_UNITS)
        units, angles = model.combine_with_landmarks(logits[:, :n], pixels)
        probabilities = torch.sigmoid(torch.cat([units, logits[:, n:]], dim=1)).cpu().numpy()
        return image, probabilities, angles.cpu().numpy()

    images, free, covered, angles = [], [], [], []
    for start in range(0, len(frames), BATCH_SIZE):
        rows = np.arange(start, min(start + BATCH_SIZE, len(frames)))
        pixels = normalise_pixels(frames.images(rows))
        image, probabilities, read = predict(pixels)
        angles.append(read)
        images.append(image)
        free.append(probabilities)
        with_cover, hidden_share = cover_faces(pixels, 1.0, generator)
        is_covered = hidden_share.numpy() >= MIN_COVERED_SHARE
        covered.append(predict(with_cover)[1][is_covered, len(ACTION_UNITS)])
    probabilities = np.concatenate(free)
    return _Predictions(
        image=torch.cat(images),
        au_probabilities=probabilities[:, : len(ACTION_UNITS)],
        covered_if_free=probabilities[:, len(ACTION_UNITS)],
        covered_if_covered=np.concatenate(covered),
        angles=np.concatenate(angles),
    )


def _unit_metrics(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, dict[str, float]]:
    return {
        unit.code: {
            "r": round(pearson(truth[:, i], probabilities[:, i]), 3),
            "auc": round(auc(truth[:, i] >= PRESENT_INTENSITY, probabilities[:, i]), 3),
        }
        for i, unit in enumerate(ACTION_UNITS)
    }


def _angle_metrics(truth: np.ndarray, read: np.ndarray) -> dict[str, dict[str, float]]:
    metrics = {}
    for i, name in enumerate(ANGLES):
        known = np.isfinite(truth[:, i])
        if known.any():
            error = np.abs(truth[known, i] - read[known, i])
            metrics[name] = {
                "r": round(pearson(truth[known, i], read[known, i]), 3),
                "mae": round(float(error.mean()), 2),
            }
    return metrics


def _covered_metrics(free: np.ndarray, covered: np.ndarray) -> dict[str, float]:
    truth = np.concatenate([np.zeros(len(free), bool), np.ones(len(covered), bool)])
    return {
        "auc": round(auc(truth, np.concatenate([free, covered])), 3),
        "limit": COVERED_THRESHOLD,
        "found": round(float((covered >= COVERED_THRESHOLD).mean()), 3),
        "false": round(float((free >= COVERED_THRESHOLD).mean()), 3),
    }
