"""What a step of `depmap train-semantics` sees: faces changed and partly covered.

All chance comes from the seed, the epoch and the step, so that batches can be made by several
processes ahead of a GPU, and are the same with any number of them.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.utils.data import DataLoader, Dataset

from depmap_cli.data.augment import AU_RANGES, augment_faces
from depmap_cli.data.occlusion import cover_faces
from depmap_cli.runtime.seeding import generator_for
from depmap_cli.semantics_training.frames import AuFrames

COVERED_SHARE = 0.2
"""Faces, of all in training, over which something is laid."""
MOST_WORKERS = 32
"""Processes that make batches for a GPU, at most."""


@dataclass(frozen=True)
class SemanticsBatch:
    """Some faces as a step sees them."""

    pixels: Float[Tensor, "n 3 h w"]  # normalised
    intensity: Float[Tensor, "n units"]  # 0 to 1
    hidden: Float[Tensor, " n"]  # share of the inner face under something


def make_batch(frames: AuFrames, rows: np.ndarray, generator: Generator) -> SemanticsBatch:
    """Some of the frames, changed and covered as the generator has it."""
    pixels = augment_faces(frames.pictures(rows), torch.arange(len(rows)), generator, AU_RANGES)
    pixels, hidden = cover_faces(pixels, COVERED_SHARE, generator)
    return SemanticsBatch(pixels, torch.from_numpy(frames.intensity[rows]).clamp(0, 1), hidden)


def epoch_batches(
    frames: AuFrames, size: int, seed: int, epoch: int, workers: int
) -> Iterator[SemanticsBatch]:
    """All frames once, in an order of this epoch's, in batches of ``size`` (the last is smaller),
    made by so many processes (0: this one)."""
    steps = _Steps(frames=frames, size=size, seed=seed, epoch=epoch)
    # Forked, so that the frames are shared and not copied; they touch no GPU.
    context = "fork" if workers else None
    return iter(DataLoader(steps, None, num_workers=workers, multiprocessing_context=context))


def workers_for(device: torch.device) -> int:
    """Ahead of a GPU all cores but one make batches; a processor has enough to do."""
    return min((os.cpu_count() or 1) - 1, MOST_WORKERS) if device.type == "cuda" else 0


class _Steps(Dataset[SemanticsBatch]):
    """The batches of an epoch by number."""

    def __init__(self, *, frames: AuFrames, size: int, seed: int, epoch: int) -> None:
        self.frames, self.size, self.key = frames, size, (seed, epoch)
        self.order = torch.randperm(len(frames), generator=generator_for(*self.key)).numpy()

    def __len__(self) -> int:
        return -(-len(self.order) // self.size)

    def __getitem__(self, step: int) -> SemanticsBatch:
        rows = self.order[step * self.size : (step + 1) * self.size]
        return make_batch(self.frames, rows, generator_for(*self.key, step))
