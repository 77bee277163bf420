"""The document stored with weights in training: all that rebuilds and describes the network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from depmap_cli import __version__
from depmap_cli.config import Config, SamplingConfig
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.io.checkpoint import read_document
from depmap_cli.semantics.clip_model import SemanticModel
from depmap_cli.training.leakage import selected_on, trained_on


def training_document(
    *,
    config: Config,
    semantics: SemanticModel,
    train: Sequence[LabelledVideo],
    started_from: str,
    init: Path | None,
    statement: str,
    simulated: bool,
) -> dict[str, Any]:
    """Return the document of a run's weights before its first epoch.

    Subjects that the semantic model or the weights ``init`` were trained on count as training
    subjects of these weights too; the same holds for subjects they were selected on.
    """
    earlier = [semantics.document]
    if init:
        start = read_document(init)
        earlier.append(start)
        statement = f"{statement}; before that, in {init.name}: {start['training_data']}"
    return {
        "version": __version__,
        "torch": torch.__version__,
        "config": config.model_dump(mode="json"),
        "sampling": SamplingConfig(frames=config.train.frames).model_dump(mode="json"),
        "semantics": {
            "model": semantics.id.model,
            "sha256": semantics.id.sha256,
            "dim": semantics.dim,
            "phrases": semantics.document.get("phrases"),
        },
        "started_from": started_from,
        "training_mean": float(np.mean([video.score for video in train])),
        "training_data": statement,
        **trained_on(train, earlier),
        **selected_on([], earlier),
        "simulated": simulated,
        "development": {},
    }
