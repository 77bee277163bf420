"""Measure how well a semantic model recognises action units on a corpus with ground truth.

    python benchmarks/action_units.py --data CORPUS [--split Development] [--semantic-weights FILE]

The corpus needs the folder ground_truth/, as made by `depmap simulate`. For each action unit the
script prints Pearson's r between the estimated probability and the true intensity, the same r with
brow and eyelid units relative to the neutral face of each clip (as `depmap score` reports them),
and the AUC of presence. The second r has no meaning for portraits, in which one clip shows many
people. The script then prints zero-shot retrieval between faces and sentences about action units.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from depmap_cli.config import FaceConfig
from depmap_cli.data.corpus import of_split
from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.semantics.clip_model import SemanticModel
from depmap_cli.semantics.neutral_face import subtract_baselines
from depmap_cli.semantics_training.frames import AuFrames, read_au_frames
from depmap_cli.semantics_training.retrieval import MAX_FACES, retrieve_sentences
from depmap_cli.semantics_training.sentences import PRESENT_INTENSITY
from depmap_cli.stats.metrics import auc, pearson
from depmap_cli.workflows.labelled_data import LabelledData, SemanticModelSpec


def analyse(semantics: SemanticModel, frames: AuFrames) -> tuple[torch.Tensor, np.ndarray]:
    """Return the embeddings (n, d) and action unit probabilities (n, 18) of all n frames."""
    rows = np.array_split(np.arange(len(frames)), max(1, len(frames) // 128))
    features = [semantics(frames.images(r)) for r in rows]
    return torch.cat([s.image for s in features]), np.concatenate(
        [s.au_probabilities.numpy() for s in features]
    )


def print_units(intensity: np.ndarray, au_probabilities: np.ndarray, relative: np.ndarray) -> None:
    """Print one line for each action unit, and the means."""
    print("unit   present      r  relative r   AUC")
    metrics = []
    for i, unit in enumerate(ACTION_UNITS):
        present = intensity[:, i] >= PRESENT_INTENSITY
        r, r_relative = (
            pearson(intensity[:, i], au_probabilities[:, i]),
            pearson(intensity[:, i], relative[:, i]),
        )
        metrics.append((r, r_relative, auc(present, au_probabilities[:, i])))
        row = f"{r:.3f}     {r_relative:.3f}  {metrics[-1][2]:.3f}"
        print(f"{unit.code:5} {present.mean():8.3f}  {row}")
    r, r_relative, area = np.nanmean(metrics, axis=0)
    print(f"mean            {r:.3f}     {r_relative:.3f}  {area:.3f}")


def print_retrieval(
    semantics: SemanticModel, image: torch.Tensor, intensity: np.ndarray, asked: int
) -> None:
    """Print one line for each direction of retrieval."""
    recalls = retrieve_sentences(image, intensity, semantics.embed_sentences, asked)
    for name, recall in zip(("image to text", "text to image"), recalls, strict=True):
        shares = ", ".join(f"{v:.3f} among the first {k}" for k, v in recall.at.items())
        print(f"{name}: {shares}; median rank {recall.median_rank:g} of {recall.candidates}")


def main() -> None:
    """Print the action unit table and the retrieval results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="Development")
    parser.add_argument("--semantic-weights")
    parser.add_argument("--step", type=int, default=1, help="use every n-th frame")
    parser.add_argument(
        "--sentences", type=int, default=MAX_FACES, help="number of frames in the retrieval"
    )
    parser.add_argument("--cache", type=Path)
    args = parser.parse_args()
    source = LabelledData(data=args.data, cache=args.cache)
    videos = of_split(source.read()[0], args.split)
    cached = source.prepare(videos, FaceConfig(), lambda *progress: None)
    frames = read_au_frames(args.data, videos, cached).subsampled(args.step)
    semantics = SemanticModelSpec(weights=args.semantic_weights).load()
    image, au_probabilities = analyse(semantics, frames)
    print(f"{len(frames)} frames of {len(videos)} videos, {args.split}")
    typical = semantics.typical_neutral
    relative = (
        au_probabilities
        if typical is None
        else subtract_baselines(au_probabilities, frames.index[:, 0], typical)
    )
    print_units(frames.intensity, au_probabilities, relative)
    print_retrieval(semantics, image, frames.intensity, args.sentences)


if __name__ == "__main__":
    main()
