"""The statistics of the readings of one prepared clip."""

import numpy as np
from jaxtyping import Int

from depmap_cli.behaviour.readings import Readings, sampling_rate
from depmap_cli.behaviour.statistics import recording_statistics
from depmap_cli.data.clips import VideoClip
from depmap_cli.evaluation.score_table import DescribedClip
from depmap_cli.semantics.neutral_face import subtract_baseline


def clip_statistics(
    clip: VideoClip, rows: Int[np.ndarray, " t"], typical_neutral: np.ndarray | None
) -> dict[str, float]:
    """Return ``recording_statistics`` of a clip, from the faces ``rows``.

    Brow and eyelid units are relative to the neutral face, as in reports, if the semantic model has
    a ``typical_neutral`` face, (units,). Without times there are no rates.
    """
    features = clip.features[rows]
    action_units = features.au_probabilities.numpy()
    if typical_neutral is not None:
        action_units = subtract_baseline(action_units, typical_neutral)
    angles = features.angles.numpy()
    has_times = len(clip.times) > 0
    times = clip.times[rows] if has_times else np.arange(len(rows), dtype=float)
    return recording_statistics(
        Readings(
            times=times,
            action_units=action_units,
            angles=None if np.isnan(angles).all() else angles,
            rate=sampling_rate(times) if has_times else 0.0,
        )
    )


def described_clip(
    clip: VideoClip, frames: int, typical_neutral: np.ndarray | None
) -> DescribedClip:
    """Return a labelled clip with the statistics of ``frames`` of its frames."""
    return DescribedClip(
        subject=clip.video.subject,
        score=float(clip.video.score),
        statistics=clip_statistics(clip, clip.sample_evenly(frames), typical_neutral),
    )
