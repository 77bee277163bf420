"""How well a semantic model reads the action units of faces whose units are known.

    python benchmarks/action_units.py --data CORPUS [--split Development] [--semantic-weights FILE]

The corpus has ground_truth/, as `depmap simulate` and SimAVEC have. Prints, for every unit, Pearson
r of the evidence with the true intensity, the same as `depmap score` reports it (brows and lids
from each recording's own rest, if the weights know the usual one; of portraits, where a recording
holds many people, that says nothing), and the AUC of presence; then zero-shot retrieval between
faces and sentences about their units.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from depmap_cli.config import FaceConfig
from depmap_cli.data.corpus import of_split
from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.semantics.clip_model import SemanticModel
from depmap_cli.semantics.neutral_baseline import subtract_baselines
from depmap_cli.semantics_training.frames import AuFrames, read_au_frames
from depmap_cli.semantics_training.retrieval import MAX_FACES, retrieve_sentences
from depmap_cli.semantics_training.sentences import PRESENT_INTENSITY
from depmap_cli.stats.metrics import auc, pearson
from depmap_cli.workflows.labelled_data import LabelledData, SemanticModelSpec


def look(semantics: SemanticModel, frames: AuFrames) -> tuple[torch.Tensor, np.ndarray]:
    """Embeddings and evidence of all frames."""
    rows = np.array_split(np.arange(len(frames)), max(1, len(frames) // 128))
    seen = [semantics(frames.images(r)) for r in rows]
    return torch.cat([s.image for s in seen]), np.concatenate(
        [s.au_probabilities.numpy() for s in seen]
    )


def print_units(intensity: np.ndarray, au_probabilities: np.ndarray, moved: np.ndarray) -> None:
    """A line a unit, and the means."""
    print("unit   present      r  from rest    AUC")
    figures = []
    for i, unit in enumerate(ACTION_UNITS):
        present = intensity[:, i] >= PRESENT_INTENSITY
        r, rest = (
            pearson(intensity[:, i], au_probabilities[:, i]),
            pearson(intensity[:, i], moved[:, i]),
        )
        figures.append((r, rest, auc(present, au_probabilities[:, i])))
        row = f"{r:.3f}     {rest:.3f}  {figures[-1][2]:.3f}"
        print(f"{unit.code:5} {present.mean():8.3f}  {row}")
    r, rest, area = np.nanmean(figures, axis=0)
    print(f"mean            {r:.3f}     {rest:.3f}  {area:.3f}")


def print_retrieval(
    semantics: SemanticModel, image: torch.Tensor, intensity: np.ndarray, asked: int
) -> None:
    """A line a direction."""
    found = retrieve_sentences(image, intensity, semantics.embed_sentences, asked)
    for name, recall in zip(("image to text", "text to image"), found, strict=True):
        shares = ", ".join(f"{v:.3f} among the first {k}" for k, v in recall.at.items())
        print(f"{name}: {shares}; median rank {recall.median_rank:g} of {recall.candidates}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="Development")
    parser.add_argument("--semantic-weights")
    parser.add_argument("--step", type=int, default=1, help="look at every so-many-th frame")
    parser.add_argument(
        "--sentences", type=int, default=MAX_FACES, help="frames that are retrieved"
    )
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    source = LabelledData(data=given.data, cache=given.cache)
    videos = of_split(source.read()[0], given.split)
    cached = source.prepare(videos, FaceConfig(), lambda *told: None)
    frames = read_au_frames(given.data, videos, cached).subsampled(given.step)
    semantics = SemanticModelSpec(weights=given.semantic_weights).load()
    image, au_probabilities = look(semantics, frames)
    print(f"{len(frames)} frames of {len(videos)} recordings, {given.split}")
    usual = semantics.typical_neutral
    moved = (
        au_probabilities
        if usual is None
        else subtract_baselines(au_probabilities, frames.index[:, 0], usual)
    )
    print_units(frames.intensity, au_probabilities, moved)
    print_retrieval(semantics, image, frames.intensity, given.sentences)


if __name__ == "__main__":
    main()
