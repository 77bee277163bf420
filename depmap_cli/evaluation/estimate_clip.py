"""The estimate of one prepared clip, computed as `depmap score` does."""

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
    """What the network predicts for one clip."""

    score: float  # BDI-II points, clipped to 0-63
    levels: tuple[float, ...] | None  # shares of the severity levels
    rows: np.ndarray  # (t,) indices of the clip's faces that were used
    video: VideoScores  # b = 1
    frames: FrameFeatures  # n = t


def estimate_clip(
    *,
    model: DepMap,
    semantics: SemanticModel,
    clip: VideoClip,
    frames: int,
    training_frames: int,
    device: torch.device,
    maps: list[Tensor] | None = None,
) -> ClipEstimate:
    """Estimate the score of a prepared clip from ``frames`` of its frames.

    Args:
        training_frames: number of frames of a clip in training, as in ``VideoInference``.
        maps: the backbone's feature maps of these frames, if they are known already.
    """
    rows = clip.sample_evenly(frames)
    inference = VideoInference(
        model=model, semantics=semantics, device=device, training_frames=training_frames
    )
    if maps is None:
        inference.encode_faces(clip.faces[rows], clip.features[rows])
    else:
        inference.encode_maps(maps, clip.features[rows])
    scores, features = inference.finish(clip.times[rows] if len(clip.times) else None)
    levels = None if scores.levels is None else tuple(scores.levels[0].tolist())
    return ClipEstimate(
        score=float(scores.score.clamp(0, MAX_SCORE)),
        levels=levels,
        rows=rows,
        video=scores,
        frames=features,
    )
