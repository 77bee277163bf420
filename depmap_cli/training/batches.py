"""What a training step sees: which recordings, which of their frames, and how those are changed.

All chance comes from the seed, the epoch and the recording, never from who else is in the batch.
So one process and several see the same frames, and a resumed run sees those of an unbroken one.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from depmap_cli.config import TrainConfig
from depmap_cli.data.augment import OTHER, augment_faces
from depmap_cli.data.clips import VideoClip
from depmap_cli.data.occlusion import cover_faces
from depmap_cli.domain.bdi import level_of
from depmap_cli.errors import UsageProblem
from depmap_cli.runtime.seeding import generator_for
from depmap_cli.semantics.clip_model import SemanticModel

COVERED_SHARE = 0.1
"""Faces, of all in training, over which something is laid."""


@dataclass(frozen=True)
class Draw:
    """One recording in one place of an epoch."""

    place: int  # counted through the epoch; seeds what happens to the recording there
    number: int  # of the recording


@dataclass(frozen=True)
class AugmentedView:
    """A recording as an epoch shows it: some of its frames, changed."""

    clip: VideoClip
    key: tuple[int, ...]  # seeds what is drawn; the same key is the same look
    rows: np.ndarray  # (t,) numbers of the frames

    def pixels(self) -> Float[Tensor, "t 3 h w"]:
        """The frames as changed."""
        generator = generator_for(*self.key, 1)
        together = torch.zeros(len(self.rows), dtype=torch.long)
        faces = torch.from_numpy(self.clip.faces[self.rows])
        pixels = augment_faces(faces, together, generator, OTHER)
        return cover_faces(pixels, COVERED_SHARE, generator)[0]


@dataclass(frozen=True, kw_only=True)
class TrainingBatch:
    """What is known of some recordings' frames beside their pixels, and the scores."""

    image: Float[Tensor, "b t d"]
    text: Float[Tensor, "b t d"]
    au_probabilities: Float[Tensor, "bt units"]  # for each action unit, 0 to 1
    target: Float[Tensor, " b"]  # BDI-II points
    levels: Int[Tensor, " b"]  # index of the severity band


def batch_rows(n_videos: int, train: TrainConfig) -> int:
    """Recordings in every batch."""
    return min(train.batch_size, n_videos)


def check_divides(n_videos: int, train: TrainConfig, count: int) -> None:
    """Whether each of ``count`` processes gets as much of every batch as the others.

    Raises:
        UsageProblem: some would get more, which would skew the means over processes.
    """
    rows = batch_rows(n_videos, train)
    if rows % count:
        raise UsageProblem(
            f"batches of {rows} recordings do not divide over {count} processes",
            f"set train.batch_size={rows // count * count}"
            if rows > count
            else f"start at most {rows} processes",
        )


def epoch_batches(clips: list[VideoClip], train: TrainConfig, epoch: int) -> list[list[Draw]]:
    """Which recordings every batch of an epoch draws.

    With ``train.band_balance`` 0 each recording comes once, with 1 every severity band comes as often as
    the others. The last batch is filled up from the first.
    """
    generator = generator_for(train.seed, epoch)
    levels = torch.tensor([level_of(c.video.score) for c in clips])
    if train.band_balance > 0:
        share = torch.bincount(levels).float()[levels] ** -train.band_balance
        order = torch.multinomial(share, len(clips), replacement=True, generator=generator)
    else:
        order = torch.randperm(len(clips), generator=generator)
    size = batch_rows(len(clips), train)
    order = torch.cat([order, order[: -len(order) % size]])
    draws = [Draw(place, number) for place, number in enumerate(order.tolist())]
    return [draws[start : start + size] for start in range(0, len(draws), size)]


def augmented_views(
    clips: list[VideoClip], draws: list[Draw], train: TrainConfig, epoch: int
) -> list[AugmentedView]:
    """How this epoch shows the recordings drawn; with ``train.n_cached_views`` one that comes round."""
    looks = []
    for draw in draws:
        key = (train.seed, epoch, draw.place)
        if train.n_cached_views:
            key = (train.seed, epoch % train.n_cached_views, draw.number)
        rows = clips[draw.number].draw(train.frames, generator_for(*key))
        looks.append(AugmentedView(clips[draw.number], key, rows))
    return looks


def make_batch(
    looks: list[AugmentedView], semantics: SemanticModel, device: torch.device
) -> TrainingBatch:
    """What a step needs beside the looks' pixels."""
    seen = [look.clip.seen[look.rows] for look in looks]
    au_probabilities = torch.cat([s.au_probabilities for s in seen]).to(device)
    text = semantics.query(au_probabilities)
    scores = [look.clip.video.score for look in looks]
    return TrainingBatch(
        image=torch.stack([s.image for s in seen]).to(device),
        text=text.view(len(looks), len(looks[0].rows), -1),
        au_probabilities=au_probabilities,
        target=torch.tensor(scores, dtype=torch.float32, device=device),
        levels=torch.tensor([level_of(s) for s in scores], device=device),
    )
