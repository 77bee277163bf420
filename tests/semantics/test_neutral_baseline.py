"""What is a change from a face's rest, and what is the face."""

import numpy as np
import pytest

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.semantics.neutral_baseline import (
    UNITS,
    neutral_of,
    subtract_baseline,
    subtract_baselines,
    typical_neutral,
)
from depmap_cli.stats.metrics import auc

PLACE = {unit.code: i for i, unit in enumerate(ACTION_UNITS)}


def logistic(x):
    return 1 / (1 + np.exp(-x))


def videos(n=40, frames=60, seed=0):
    """(evidence, whether the unit is truly there) of faces that lie otherwise at rest."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        there = rng.random((frames, len(ACTION_UNITS))) < 0.2
        rest = rng.normal(-3, 1.5, len(ACTION_UNITS))
        logits = rest + 2.5 * there + rng.normal(0, 0.3, there.shape)
        found.append((logistic(logits).astype(np.float32), there))
    return found


def test_the_rest_is_found_under_what_happens():
    logits = np.tile(np.linspace(-4, -1, len(ACTION_UNITS)), (50, 1))
    busy = logits.copy()
    busy[:20] += 3.0  # for two fifths of the time
    np.testing.assert_allclose(neutral_of(logistic(busy)), logits[0], atol=1e-6)


@pytest.mark.parametrize("code", ["AU1", "AU4", "AU43"])
def test_brows_and_lids_are_told_better_between_people(code):
    found = videos()
    usual = typical_neutral([au_probabilities for au_probabilities, _ in found])
    truth = np.concatenate([there[:, PLACE[code]] for _, there in found])
    raw = np.concatenate([au_probabilities[:, PLACE[code]] for au_probabilities, _ in found])
    moved = np.concatenate([subtract_baseline(e, usual)[:, PLACE[code]] for e, _ in found])
    assert auc(truth, raw) < 0.92
    assert auc(truth, moved) > 0.97


def test_mouths_stay_as_they_are_read_and_an_order_within_a_recording_never_changes():
    (au_probabilities, _), *others = videos()
    usual = typical_neutral([e for e, _ in others])
    moved = subtract_baseline(au_probabilities, usual)
    assert moved.dtype == au_probabilities.dtype
    for unit in ACTION_UNITS:
        before, after = au_probabilities[:, PLACE[unit.code]], moved[:, PLACE[unit.code]]
        if unit.code not in UNITS:
            np.testing.assert_array_equal(after, before)
        else:
            assert (np.argsort(after, kind="stable") == np.argsort(before, kind="stable")).all()
    assert (moved > 0).all()
    assert (moved < 1).all()


def test_a_face_that_rests_as_usual_is_left_as_it_is_read():
    au_probabilities = videos(1)[0][0]
    np.testing.assert_allclose(
        subtract_baseline(au_probabilities, neutral_of(au_probabilities)),
        au_probabilities,
        atol=1e-6,
    )
    certain = np.tile(np.array([0.0, 1.0], np.float32)[:, None], (1, len(ACTION_UNITS)))
    assert np.isfinite(subtract_baseline(certain, np.zeros(len(ACTION_UNITS)))).all()


def test_each_recording_is_told_from_its_own_rest():
    found = [au_probabilities for au_probabilities, _ in videos(3)]
    usual = typical_neutral(found)
    number = np.repeat(np.arange(3), [len(e) for e in found])
    mixed = np.random.default_rng(0).permutation(len(number))
    moved = subtract_baselines(np.concatenate(found)[mixed], number[mixed], usual)
    apart = np.concatenate([subtract_baseline(e, usual) for e in found])
    # a rest is a quantile: the order of frames does not matter
    np.testing.assert_allclose(moved, apart[mixed], rtol=1e-6)
