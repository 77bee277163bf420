"""Fits the regression on action units, head pose and gaze when training has ended."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from depmap_cli.data.clips import VideoClip
from depmap_cli.evaluation.estimate_clip import ClipEstimate, estimate_clip
from depmap_cli.model.depmap import DepMap
from depmap_cli.semantics.clip_model import SemanticModel
from depmap_cli.stats.ridge import MIN_PEOPLE, fit_ridge


def fit_signals(
    *,
    model: DepMap,
    semantics: SemanticModel,
    clips: Sequence[VideoClip],
    frames: int,
    training_frames: int,
    device: torch.device,
) -> bool:
    """Fit ``model.signal_head`` on the Training clips.

    Each clip is the mean over its frames of the inputs of ``SignalHead``, weighted as the network
    weights the frames in its estimate. With fewer than ``MIN_PEOPLE`` people nothing is fitted, and
    the estimate is that of the network alone.

    Args:
        frames: number of frames of each clip.
        training_frames: number of frames of a clip in training, as in ``VideoInference``.

    Returns:
        Whether the regression was fitted.
    """
    people = [clip.video.subject for clip in clips]
    if model.signal_head is None or len(set(people)) < MIN_PEOPLE:
        return False
    estimates = [
        estimate_clip(
            model=model,
            semantics=semantics,
            clip=clip,
            frames=frames,
            training_frames=training_frames,
            device=device,
        )
        for clip in clips
    ]
    scores = np.array([clip.video.score for clip in clips], float)
    fitted = fit_ridge(np.array([mean_inputs(e) for e in estimates]), scores, people)
    scaler, ridge = fitted["standardscaler"], fitted["ridge"]
    model.signal_head.set(
        weight=torch.from_numpy(ridge.coef_ / scaler.scale_),
        mean=torch.from_numpy(scaler.mean_),
        bias=float(ridge.intercept_),
    )
    return True


def mean_inputs(estimate: ClipEstimate) -> Float[np.ndarray, " inputs"]:
    """The mean of the inputs of ``SignalHead`` over the frames of a clip, as they are weighted."""
    inputs = cast(Tensor, estimate.frames.signal_inputs).double().numpy()
    return weighted_mean(inputs, estimate.video.weights[0].double().numpy())


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of ``values`` (n, names) over the n rows; unknown values (NaN) are left out.

    A name that is unknown in all rows stays NaN.
    """
    known = np.isfinite(values)
    total = (known * weights[:, None]).sum(0)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = (np.where(known, values, 0.0) * weights[:, None]).sum(0) / total
    return mean
