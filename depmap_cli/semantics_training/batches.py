"""Batches of augmented and partly covered faces for `depmap train-semantics`.

Random numbers depend only on the seed, the epoch and the step. So batches can be made in advance by
several processes, and are the same for any number of processes.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.utils.data import DataLoader, Dataset

from depmap_cli.data.augment import AU_RANGES, AugmentedFaces, augment_faces
from depmap_cli.data.occlusion import cover_faces
from depmap_cli.domain.head_and_gaze import mirrored, turned_in_picture
from depmap_cli.domain.landmarks import MIRROR
from depmap_cli.runtime.seeding import generator_for
from depmap_cli.semantics_training.frames import AuFrames

COVERED_SHARE = 0.2
"""Share of the training faces over which a hand or an object is drawn."""
MAX_WORKERS = 32
"""Largest number of processes that make batches for a GPU."""


@dataclass(frozen=True, kw_only=True)
class SemanticsBatch:
    """The faces of one training step."""

    pixels: Float[Tensor, "n 3 h w"]  # normalised
    intensity: Float[Tensor, "n units"]  # 0 to 1
    angles: Float[Tensor, "n 5"]  # degrees, relative to the augmented face; NaN if unknown
    landmarks: Float[Tensor, "n 68 2"]  # fractions of its side; NaN if unknown
    hidden_share: Float[Tensor, " n"]  # covered share of the inner face, 0 to 1


def make_batch(frames: AuFrames, rows: np.ndarray, generator: Generator) -> SemanticsBatch:
    """Augment the frames at ``rows`` and partly cover some of them."""
    augmented = augment_faces(frames.images(rows), torch.arange(len(rows)), generator, AU_RANGES)
    pixels, hidden_share = cover_faces(augmented.pixels, COVERED_SHARE, generator)
    return SemanticsBatch(
        pixels=pixels,
        intensity=torch.from_numpy(frames.intensity[rows]).clamp(0, 1),
        angles=torch.from_numpy(_augmented_angles(frames.angles[rows], augmented)).float(),
        landmarks=_augmented_landmarks(frames.landmarks[rows], augmented),
        hidden_share=hidden_share,
    )


def _augmented_angles(angles: np.ndarray, augmented: AugmentedFaces) -> np.ndarray:
    turned = turned_in_picture(angles, augmented.clockwise.double().numpy())
    return np.where(augmented.mirrored.numpy()[:, None], mirrored(turned), turned)


def _augmented_landmarks(landmarks: np.ndarray, augmented: AugmentedFaces) -> Tensor:
    moved = augmented.moved(torch.from_numpy(landmarks))
    return torch.where(augmented.mirrored[:, None, None], moved[:, list(MIRROR)], moved)


def epoch_batches(
    frames: AuFrames, size: int, seed: int, epoch: int, workers: int
) -> Iterator[SemanticsBatch]:
    """Iterate over all frames once, in random order, in batches.

    Args:
        frames: the training data.
        size: frames in a batch; the last one may be smaller.
        seed: of the run.
        epoch: determines the order, together with the seed.
        workers: number of processes that make the batches; 0 for the current process.
    """
    batches = _EpochBatches(frames=frames, size=size, seed=seed, epoch=epoch)
    # Forked processes share the frames without copying them; they do not use the GPU.
    context = "fork" if workers else None
    return iter(DataLoader(batches, None, num_workers=workers, multiprocessing_context=context))


def workers_for(device: torch.device) -> int:
    """All CPU cores but one for training on a GPU; none for training on the CPU."""
    return min((os.cpu_count() or 1) - 1, MAX_WORKERS) if device.type == "cuda" else 0


class _EpochBatches(Dataset[SemanticsBatch]):
    """The batches of one epoch, by step."""

    def __init__(self, *, frames: AuFrames, size: int, seed: int, epoch: int) -> None:
        self.frames, self.size, self.key = frames, size, (seed, epoch)
        self.order = torch.randperm(len(frames), generator=generator_for(*self.key)).numpy()

    def __len__(self) -> int:
        return -(-len(self.order) // self.size)

    def __getitem__(self, step: int) -> SemanticsBatch:
        rows = self.order[step * self.size : (step + 1) * self.size]
        return make_batch(self.frames, rows, generator_for(*self.key, step))
