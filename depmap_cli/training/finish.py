"""From the best epoch to weights that score: half precision, calibration, what they are."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from depmap_cli.checkpoint import halved, load_checkpoint, save_checkpoint
from depmap_cli.config import Config
from depmap_cli.data.clips import Clip
from depmap_cli.evaluation.estimation import estimate_clip
from depmap_cli.metrics import agreement
from depmap_cli.model.depmap import DepMap
from depmap_cli.model.semantics import Semantics


def finish_weights(
    best: Path,
    output: Path,
    semantics: Semantics,
    development: list[Clip],
    frames: int,
    device: torch.device,
) -> tuple[dict[str, Any], np.ndarray]:
    """The best weights in half precision, with the residuals that intervals rest on.

    The residuals are those of the halved weights on Development, at ``frames`` frames a video. They
    were also used for selection, which makes intervals a little too narrow. Returns the document
    stored with the weights and the estimates on Development (clips,), BDI-II points.
    """
    checkpoint = load_checkpoint(best, "depmap")
    document = {k: v for k, v in checkpoint.document.items() if k not in ("format", "kind")}
    tensors = halved(checkpoint.tensors)
    model = DepMap(Config.model_validate(document["config"]).model, semantics.dim)
    model.load_state_dict(tensors)  # copied into the model's own precision
    model.eval().requires_grad_(False).to(device)
    truth = np.array([c.recording.score for c in development], float)
    found = np.array(
        [estimate_clip(model, semantics, c, frames, device).score for c in development]
    )
    document["sampling"]["frames"] = frames
    document["development"] = {k: round(v, 3) for k, v in agreement(truth, found).items()}
    document["calibration"] = calibration(
        truth, found, [c.recording.subject for c in development], "Development"
    )
    save_checkpoint(output, "depmap", document, tensors)
    return json.loads(json.dumps(document)), found


def calibration(
    truth: np.ndarray, found: np.ndarray, subjects: list[str], source: str
) -> dict[str, Any]:
    """What ``conformal.half_width`` needs: residuals (BDI-II points) and whose they are."""
    people = sorted(set(subjects))
    return {
        "residuals": [round(float(r), 3) for r in np.abs(truth - found)],
        "people": [people.index(subject) for subject in subjects],
        "split": source,
    }
