"""What a line through the semantic model's evidence knows of the scores: a yardstick for Dep-MAP.

    python benchmarks/evidence_ridge.py --data CORPUS [--frames 16]

Ridge regression from each clip's mean evidence for 18 action units, fitted on Training with its
penalty chosen by folds of people, judged on Development. No network learns from the scores.
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


def evidence_of(clips: list[VideoClip], frames: int) -> np.ndarray:
    """Mean evidence over frames spread over each clip, (clips, 18)."""
    return np.stack(
        [c.features.au_probabilities[c.sample_evenly(frames)].numpy().mean(0) for c in clips]
    )


def main() -> None:
    """Print how the line does on Development."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    source = LabelledData(data=given.data, cache=given.cache)
    wanted = [r for r in source.read()[0] if r.split in ("Training", "Development")]
    semantics, device = SemanticModelSpec().load(), torch.device("cpu")
    clips = source.clips(
        wanted, FaceConfig(), semantics, device, lambda *told: None, PREPARED_FRAMES
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
    search.fit(evidence_of(train, given.frames), truth, groups=people)
    found = search.predict(evidence_of(development, given.frames))
    figures = agreement(np.array([c.video.score for c in development], float), found)
    print(f"{len(train)} clips of {len(set(people))} people; Development:", end=" ")
    print(", ".join(f"{name.upper()} {value:.2f}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
