"""Fits the regression on signals of the semantic model when training has ended."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from depmap_cli.data.clips import VideoClip
from depmap_cli.model.depmap import DepMap
from depmap_cli.model.signals import signal_inputs
from depmap_cli.scoring.samplings import read_durations
from depmap_cli.semantics.clip_model import SemanticModel
from depmap_cli.semantics.signals import signals_of
from depmap_cli.stats.ridge import MIN_PEOPLE, fit_ridge


def fit_signals(*, model: DepMap, semantics: SemanticModel, clips: Sequence[VideoClip]) -> bool:
    """Fit ``model.signal_head`` on the Training clips.

    Each clip is the mean over time of the inputs of ``SignalHead``, in all its usable frames. With
    fewer than ``MIN_PEOPLE`` people nothing is fitted, and the estimate is that of the network
    alone.

    Returns:
        Whether the regression was fitted.
    """
    people = [clip.video.subject for clip in clips]
    if model.signal_head is None or len(set(people)) < MIN_PEOPLE:
        return False
    scores = np.array([clip.video.score for clip in clips], float)
    inputs = np.array([mean_inputs(clip, semantics.typical_neutral) for clip in clips])
    fitted = fit_ridge(inputs, scores, people)
    scaler, ridge = fitted["standardscaler"], fitted["ridge"]
    model.signal_head.set(
        weight=torch.from_numpy(ridge.coef_ / scaler.scale_),
        mean=torch.from_numpy(scaler.mean_),
        bias=float(ridge.intercept_),
    )
    return True


def mean_inputs(
    clip: VideoClip, typical_neutral: Float[np.ndarray, " units"] | None
) -> Float[np.ndarray, " inputs"]:
    """The mean over time of the inputs of ``SignalHead`` in the usable frames of a clip.

    Args:
        clip: a clip with usable frames.
        typical_neutral: of the semantic model, as for ``signals_of``.
    """
    inputs = signal_inputs(signals_of(clip.features[clip.usable], typical_neutral))
    times = clip.times if len(clip.times) else np.arange(len(clip.faces), dtype=float)
    return weighted_mean(inputs.double().numpy(), read_durations(times[clip.usable]))


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of ``values`` (n, names) over the n rows; unknown values (NaN) are left out.

    A name that is unknown in all rows stays NaN.
    """
    known = np.isfinite(values)
    total = (known * weights[:, None]).sum(0)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = (np.where(known, values, 0.0) * weights[:, None]).sum(0) / total
    return mean
