"""What is stored with weights in training: all but the tensors that rebuilds and describes them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from depmap_cli import __version__
from depmap_cli.checkpoint import read_document
from depmap_cli.config import Config, SamplingConfig
from depmap_cli.data.cache import content_of
from depmap_cli.data.recording import Recording
from depmap_cli.model.semantics import Semantics


def contents_of(recordings: Sequence[Recording]) -> list[str]:
    """What tells each recording apart by its bytes, in 16 digits.

    Raises:
        DataInvalid: one cannot be read.
    """
    return [content_of(recording)[:16] for recording in recordings]


def training_document(
    config: Config,
    semantics: Semantics,
    train: Sequence[Recording],
    started_from: str,
    init: Path | None,
    statement: str,
    simulated: bool,
) -> dict[str, Any]:
    """The document of a run's weights before its first epoch.

    Who taught the weights ``init`` that these start from, taught these.
    """
    subjects, contents = {r.subject for r in train}, set(contents_of(train))
    if init:
        earlier = read_document(init)
        subjects |= set(earlier["training_subjects"])
        contents |= set(earlier.get("training_contents", ()))
        statement = f"{statement}; before that, in {init.name}: {earlier['training_data']}"
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
        "training_mean": float(np.mean([r.score for r in train])),
        "training_data": statement,
        "training_subjects": sorted(subjects),
        "training_contents": sorted(contents),
        "simulated": simulated,
        "development": {},
    }
