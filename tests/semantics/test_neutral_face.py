"""The neutral baseline: AU probabilities relative to the neutral face of each person."""

import numpy as np
import pytest

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.semantics.neutral_face import (
    UNITS,
    neutral_of,
    subtract_baseline,
    subtract_baselines,
    typical_neutral,
)
from depmap_cli.stats.metrics import auc

INDEX = {unit.code: i for i, unit in enumerate(ACTION_UNITS)}


def logistic(x):
    return 1 / (1 + np.exp(-x))


def videos(n=40, frames=60, seed=0):
    """(AU probabilities, true presence) of videos of people with different neutral faces."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        present = rng.random((frames, len(ACTION_UNITS))) < 0.2
        neutral = rng.normal(-3, 1.5, len(ACTION_UNITS))
        logits = neutral + 2.5 * present + rng.normal(0, 0.3, present.shape)
        made.append((logistic(logits).astype(np.float32), present))
    return made


def test_neutral_face_is_estimated_despite_active_frames():
    logits = np.tile(np.linspace(-4, -1, len(ACTION_UNITS)), (50, 1))
    active = logits.copy()
    active[:20] += 3.0  # for two fifths of the time
    np.testing.assert_allclose(neutral_of(logistic(active)), logits[0], atol=1e-6)


@pytest.mark.parametrize("code", ["AU1", "AU4", "AU43"])
def test_brows_and_lids_are_detected_better_across_people(code):
    made = videos()
    typical = typical_neutral([probabilities for probabilities, _ in made])
    truth = np.concatenate([present[:, INDEX[code]] for _, present in made])
    raw = np.concatenate([probabilities[:, INDEX[code]] for probabilities, _ in made])
    corrected = np.concatenate([subtract_baseline(p, typical)[:, INDEX[code]] for p, _ in made])
    assert auc(truth, raw) < 0.92
    assert auc(truth, corrected) > 0.97


def test_other_units_stay_and_the_order_within_a_video_never_changes():
    (probabilities, _), *others = videos()
    typical = typical_neutral([p for p, _ in others])
    corrected = subtract_baseline(probabilities, typical)
    assert corrected.dtype == probabilities.dtype
    for unit in ACTION_UNITS:
        before, after = probabilities[:, INDEX[unit.code]], corrected[:, INDEX[unit.code]]
        if unit.code not in UNITS:
            np.testing.assert_array_equal(after, before)
        else:
            assert (np.argsort(after, kind="stable") == np.argsort(before, kind="stable")).all()
    assert (corrected > 0).all()
    assert (corrected < 1).all()


def test_a_typical_neutral_face_changes_nothing():
    probabilities = videos(1)[0][0]
    np.testing.assert_allclose(
        subtract_baseline(probabilities, neutral_of(probabilities)), probabilities, atol=1e-6
    )
    certain = np.tile(np.array([0.0, 1.0], np.float32)[:, None], (1, len(ACTION_UNITS)))
    assert np.isfinite(subtract_baseline(certain, np.zeros(len(ACTION_UNITS)))).all()


def test_each_video_has_its_own_baseline():
    made = [probabilities for probabilities, _ in videos(3)]
    typical = typical_neutral(made)
    number = np.repeat(np.arange(3), [len(p) for p in made])
    mixed = np.random.default_rng(0).permutation(len(number))
    corrected = subtract_baselines(np.concatenate(made)[mixed], number[mixed], typical)
    separately = np.concatenate([subtract_baseline(p, typical) for p in made])
    # The baseline is a quantile: the order of frames does not matter.
    np.testing.assert_allclose(corrected, separately[mixed], rtol=1e-6)
