"""How a face's brows and lids lie at rest, and what of its action units is a change from there.

Faces differ at rest: brows lie high or low, eyes are wide or narrow, and a single frame does not
tell a raised brow from a high one. A recording does: how a unit reads in its quietest frames is how
the face lies. Mouths are left as they are read, since who smiles throughout has no rest to compare
with.
"""

import numpy as np
from jaxtyping import Float, Int

from depmap_cli.domain.action_units import ACTION_UNITS

UNITS = ("AU1", "AU2", "AU4", "AU5", "AU7", "AU43")
"""Brows and lids."""
QUIET = 0.2
"""A unit's reading at rest is this quantile of a recording's."""
SHARE = 0.9
"""Of how far a face's rest lies from the usual one, so much is taken off. Chosen on Development and
on frames of real people (CHANGELOG)."""
_LEAST = 1e-4
"""Evidence is clipped to this far from 0 and 1, so that its logits stay finite."""
_MOVED = np.array([SHARE if unit.code in UNITS else 0.0 for unit in ACTION_UNITS])


def neutral_of(au_probabilities: Float[np.ndarray, "n units"]) -> Float[np.ndarray, " units"]:
    """How each unit reads at rest in one recording's frames, as logits of evidence."""
    found: np.ndarray = np.quantile(_logits(au_probabilities), QUIET, axis=0)
    return found


def typical_neutral(videos: list[Float[np.ndarray, "_ units"]]) -> Float[np.ndarray, " units"]:
    """The median of the rests of several recordings, as logits."""
    found: np.ndarray = np.median(
        [neutral_of(au_probabilities) for au_probabilities in videos], axis=0
    )
    return found


def subtract_baseline(
    au_probabilities: Float[np.ndarray, "n units"], usual: Float[np.ndarray, " units"]
) -> Float[np.ndarray, "n units"]:
    """One recording's evidence as if the face lay at rest more as faces usually do.

    Args:
        evidence: of all its frames, between 0 and 1.
        usual: as of ``typical_neutral``.
    """
    logits = _logits(au_probabilities) - _MOVED * (neutral_of(au_probabilities) - usual)
    moved: np.ndarray = np.where(_MOVED > 0, 1 / (1 + np.exp(-logits)), au_probabilities)
    return moved.astype(au_probabilities.dtype)


def subtract_baselines(
    au_probabilities: Float[np.ndarray, "n units"],
    video: Int[np.ndarray, " n"],
    usual: Float[np.ndarray, " units"],
) -> Float[np.ndarray, "n units"]:
    """As ``subtract_baseline``, of the frames of several videos, given their numbers."""
    moved = au_probabilities.copy()
    for number in np.unique(video):
        own = video == number
        moved[own] = subtract_baseline(au_probabilities[own], usual)
    return moved


def _logits(au_probabilities: np.ndarray) -> np.ndarray:
    clipped: np.ndarray = np.clip(au_probabilities.astype(float), _LEAST, 1 - _LEAST)
    logits: np.ndarray = np.log(clipped / (1 - clipped))
    return logits
