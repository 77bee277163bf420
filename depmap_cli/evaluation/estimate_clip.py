"""The estimate of one prepared recording, through the path that scoring takes."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from depmap_cli.data.clips import VideoClip
from depmap_cli.domain.bdi import MAX_SCORE
from depmap_cli.model.depmap import DepMap, FrameFeatures, VideoScores
from depmap_cli.scoring.inference import VideoInference
from depmap_cli.semantics.clip_model import SemanticModel


@dataclass(frozen=True, kw_only=True)
class ClipEstimate:
    """What the network says of one recording."""

    score: float  # BDI-II points, clipped to 0-63
    levels: tuple[float, ...] | None  # shares of the severity levels
    rows: np.ndarray  # (t,) numbers of the clip's faces that were looked at
    video: VideoScores  # b = 1
    frames: FrameFeatures  # n = t


def estimate_clip(
    model: DepMap,
    semantics: SemanticModel,
    clip: VideoClip,
    frames: int,
    usual: int,
    device: torch.device,
    maps: list[Tensor] | None = None,
) -> ClipEstimate:
    """The estimate of a prepared recording from ``frames`` frames, by itself.

    ``usual`` is as in ``VideoInference``; ``maps`` are the backbone's of these frames, where known.
    """
    rows = clip.sample_evenly(frames)
    inference = VideoInference(
        model=model, semantics=semantics, device=device, training_frames=usual
    )
    if maps is None:
        inference.add(clip.faces[rows], clip.features[rows])
    else:
        inference.add_maps(maps, clip.features[rows])
    found, features = inference.finish()
    levels = None if found.levels is None else tuple(found.levels[0].tolist())
    return ClipEstimate(
        score=float(found.score.clamp(0, MAX_SCORE)),
        levels=levels,
        rows=rows,
        video=found,
        frames=features,
    )
