"""Fit a ridge regression from action unit probabilities to scores, as a baseline for Dep-MAP.

    python benchmarks/evidence_ridge.py --data CORPUS [--frames 16]

The features are each clip's mean probabilities of 18 action units from the semantic model. The
regression is fitted on Training, with the penalty chosen by cross-validation across people, and
evaluated on Development. No network is trained on the scores.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from depmap_cli.config import PREPARED_FRAMES, FaceConfig
from depmap_cli.data.clips import VideoClip
from depmap_cli.stats.metrics import agreement
from depmap_cli.workflows.labelled_data import LabelledData, SemanticModelSpec


def mean_au_probabilities(clips: list[VideoClip], frames: int) -> np.ndarray:
    """Return mean action unit probabilities (clips, 18) over evenly sampled frames of each clip."""
    return np.stack(
        [c.features.au_probabilities[c.sample_evenly(frames)].numpy().mean(0) for c in clips]
    )


def main() -> None:
    """Fit the regression and print its metrics on Development."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--cache", type=Path)
    args = parser.parse_args()
    source = LabelledData(data=args.data, cache=args.cache)
    videos = [v for v in source.read()[0] if v.split in ("Training", "Development")]
    semantics, device = SemanticModelSpec().load(), torch.device("cpu")
    clips = source.clips(
        videos, FaceConfig(), semantics, device, lambda *progress: None, PREPARED_FRAMES
    )
    clips = [c for c in clips if len(c.usable)]
    train, development = (
        [c for c in clips if c.video.split == s] for s in ("Training", "Development")
    )
    search = GridSearchCV(
        make_pipeline(StandardScaler(), Ridge()),
        {"ridge__alpha": 10.0 ** np.arange(-1, 5)},
        cv=GroupKFold(5),
        scoring="neg_mean_squared_error",
    )
    truth = np.array([c.video.score for c in train], float)
    people = [c.video.subject for c in train]
    search.fit(mean_au_probabilities(train, args.frames), truth, groups=people)
    predictions = search.predict(mean_au_probabilities(development, args.frames))
    metrics = agreement(np.array([c.video.score for c in development], float), predictions)
    print(f"{len(train)} clips of {len(set(people))} people; Development:", end=" ")
    print(", ".join(f"{name.upper()} {value:.2f}" for name, value in metrics.items()))


if __name__ == "__main__":
    main()
