"""Brow and eyelid action units relative to the neutral face of a person.

Neutral faces differ: brows are high or low, eyes wide or narrow, and a single frame cannot separate
a raised brow from a high one. Over a video, the neutral face is estimated from the frames with the
lowest probability of each unit. Other units stay as they are, because a person who smiles
throughout a video shows no neutral mouth.
"""

import numpy as np
from jaxtyping import Float, Int

from depmap_cli.domain.action_units import ACTION_UNITS

UNITS = ("AU1", "AU2", "AU4", "AU5", "AU7", "AU43")
"""Units of brows and eyelids, which are corrected."""
NEUTRAL_QUANTILE = 0.2
"""The neutral logit of a unit is this quantile of its logits over a video."""
SUBTRACTED_SHARE = 0.9
"""Share of the deviation from the typical neutral face that is subtracted. Chosen on Development
and on frames of real people (measured: LOG L12, L13, L38)."""
_MIN_PROBABILITY = 1e-4
"""Probabilities are clipped to this distance from 0 and 1, so that their logits are finite."""
_SHARES = np.array([SUBTRACTED_SHARE if unit.code in UNITS else 0.0 for unit in ACTION_UNITS])


def neutral_of(au_probabilities: Float[np.ndarray, "n units"]) -> Float[np.ndarray, " units"]:
    """Neutral logits of each unit, from the n frames of one video."""
    logits: np.ndarray = np.quantile(_logits(au_probabilities), NEUTRAL_QUANTILE, axis=0)
    return logits


def typical_neutral(videos: list[Float[np.ndarray, "_ units"]]) -> Float[np.ndarray, " units"]:
    """Median of the neutral logits of several videos, given their AU probabilities."""
    logits: np.ndarray = np.median([neutral_of(video) for video in videos], axis=0)
    return logits


def subtract_baseline(
    au_probabilities: Float[np.ndarray, "n units"], typical: Float[np.ndarray, " units"]
) -> Float[np.ndarray, "n units"]:
    """AU probabilities of one video, relative to its neutral face.

    Args:
        au_probabilities: of all frames of the video, 0 to 1.
        typical: logits of the typical neutral face, as returned by ``typical_neutral``.
    """
    deviation = neutral_of(au_probabilities) - typical
    logits = _logits(au_probabilities) - _SHARES * deviation
    corrected: np.ndarray = np.where(_SHARES > 0, 1 / (1 + np.exp(-logits)), au_probabilities)
    return corrected.astype(au_probabilities.dtype)


def subtract_baselines(
    au_probabilities: Float[np.ndarray, "n units"],
    video: Int[np.ndarray, " n"],
    typical: Float[np.ndarray, " units"],
) -> Float[np.ndarray, "n units"]:
    """Apply ``subtract_baseline`` to each video; ``video`` is the video number of each frame."""
    corrected = au_probabilities.copy()
    for number in np.unique(video):
        rows = video == number
        corrected[rows] = subtract_baseline(au_probabilities[rows], typical)
    return corrected


def _logits(au_probabilities: np.ndarray) -> np.ndarray:
    clipped: np.ndarray = np.clip(
        au_probabilities.astype(float), _MIN_PROBABILITY, 1 - _MIN_PROBABILITY
    )
    logits: np.ndarray = np.log(clipped / (1 - clipped))
    return logits
