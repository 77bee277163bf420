"""What a training step sees: which videos, which of their frames, and how those are augmented.

All randomness depends on the seed, the epoch and the video, never on the rest of the batch. So one
process and several see the same frames, and a resumed run sees those of an uninterrupted one.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from depmap_cli.config import TrainConfig
from depmap_cli.data.augment import SCORE_RANGES, augment_faces
from depmap_cli.data.clips import VideoClip
from depmap_cli.data.occlusion import cover_faces
from depmap_cli.domain.bdi import level_of
from depmap_cli.errors import UsageProblem
from depmap_cli.runtime.seeding import generator_for
from depmap_cli.semantics.clip_model import SemanticModel
from depmap_cli.semantics.signals import frame_readings

COVERED_SHARE = 0.1
"""Share of the training faces that are partly covered by a drawn hand or object."""


@dataclass(frozen=True)
class Draw:
    """A clip at one position of an epoch."""

    position: int  # in the epoch; seeds the frames and the augmentation
    clip: int  # index of the clip


@dataclass(frozen=True)
class AugmentedView:
    """Some frames of a clip, augmented, as an epoch shows them."""

    clip: VideoClip
    key: tuple[int, ...]  # seeds the augmentation; equal keys give equal views
    rows: np.ndarray  # (t,) indices of the frames

    def pixels(self) -> Float[Tensor, "t 3 h w"]:
        """The augmented frames, normalised."""
        generator = generator_for(*self.key, 1)
        one_group = torch.zeros(len(self.rows), dtype=torch.long)
        faces = torch.from_numpy(self.clip.faces[self.rows])
        pixels = augment_faces(faces, one_group, generator, SCORE_RANGES).pixels
        return cover_faces(pixels, COVERED_SHARE, generator)[0]


@dataclass(frozen=True, kw_only=True)
class TrainingBatch:
    """What a step needs besides pixels: semantic features and labels."""

    image: Float[Tensor, "b t d"]
    text: Float[Tensor, "b t d"]
    readings: Float[Tensor, "b t readings"]
    au_probabilities: Float[Tensor, "bt units"]  # 0 to 1
    target: Float[Tensor, " b"]  # BDI-II points
    levels: Int[Tensor, " b"]  # index of the severity band


def batch_rows(n_videos: int, train: TrainConfig) -> int:
    """Number of videos in every batch."""
    return min(train.batch_size, n_videos)


def check_divides(n_videos: int, train: TrainConfig, n_processes: int) -> None:
    """Check that every process gets an equal share of each batch.

    Raises:
        UsageProblem: the shares differ, which would bias means over processes.
    """
    rows = batch_rows(n_videos, train)
    if rows % n_processes:
        raise UsageProblem(
            f"batches of {rows} videos do not divide over {n_processes} processes",
            f"set train.batch_size={rows // n_processes * n_processes}"
            if rows > n_processes
            else f"start at most {rows} processes",
        )


def epoch_batches(clips: list[VideoClip], train: TrainConfig, epoch: int) -> list[list[Draw]]:
    """Choose the clips of every batch of an epoch.

    With ``train.band_balance`` 0 each clip comes once; with 1 all severity bands come equally
    often. The last batch is filled up with the first clips of the epoch.
    """
    generator = generator_for(train.seed, epoch)
    levels = torch.tensor([level_of(clip.video.score) for clip in clips])
    if train.band_balance > 0:
        weights = torch.bincount(levels).float()[levels] ** -train.band_balance
        order = torch.multinomial(weights, len(clips), replacement=True, generator=generator)
    else:
        order = torch.randperm(len(clips), generator=generator)
    size = batch_rows(len(clips), train)
    order = torch.cat([order, order[: -len(order) % size]])
    draws = [Draw(position, clip) for position, clip in enumerate(order.tolist())]
    return [draws[start : start + size] for start in range(0, len(draws), size)]


def augmented_views(
    clips: list[VideoClip], draws: list[Draw], train: TrainConfig, epoch: int
) -> list[AugmentedView]:
    """Draw and augment frames of the chosen clips.

    Every epoch has new views; with ``train.n_cached_views``, views repeat after as many epochs.
    """
    views = []
    for draw in draws:
        key = (train.seed, epoch, draw.position)
        if train.n_cached_views:
            key = (train.seed, epoch % train.n_cached_views, draw.clip)
        rows = clips[draw.clip].sample_randomly(train.frames, generator_for(*key))
        views.append(AugmentedView(clips[draw.clip], key, rows))
    return views


def make_batch(
    views: list[AugmentedView], semantics: SemanticModel, device: torch.device
) -> TrainingBatch:
    """Collect the semantic features and labels of the views."""
    features = [view.clip.features[view.rows] for view in views]
    au_probabilities = torch.cat([f.au_probabilities for f in features]).to(device)
    image = torch.cat([f.image for f in features]).to(device)
    angles = torch.cat([f.angles for f in features]).to(device)
    text = semantics.query(semantics.phrase_probabilities(image), angles)
    scores = [view.clip.video.score for view in views]
    return TrainingBatch(
        image=image.view(len(views), len(views[0].rows), -1),
        text=text.view(len(views), len(views[0].rows), -1),
        readings=frame_readings(au_probabilities, angles).view(len(views), len(views[0].rows), -1),
        au_probabilities=au_probabilities,
        target=torch.tensor(scores, dtype=torch.float32, device=device),
        levels=torch.tensor([level_of(score) for score in scores], device=device),
    )
