"""The signals that Dep-MAP's regression reads."""

import numpy as np
import pytest
import torch

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.semantics.clip_model import SemanticFeatures
from depmap_cli.semantics.neutral_face import UNITS
from depmap_cli.semantics.signals import MOVEMENT_SECONDS, movement_of, readings_of, signals_of

CODES = [unit.code for unit in ACTION_UNITS]


def features_of(units, angles):
    n = len(units)
    return SemanticFeatures(
        image=torch.eye(n, 4),
        au_probabilities=torch.tensor(units).float(),
        covered=torch.zeros(n),
        angles=torch.tensor(angles).float(),
    )


def test_units_come_first_then_angles_in_tens_of_degrees_then_their_movement():
    seen = features_of(np.full((2, 18), 0.25), [[20.0, 0, -5, 0, 0], [10.0, 0, 0, 0, 0]])
    signals = signals_of(seen, np.array([0.0, MOVEMENT_SECONDS]), None)
    assert signals.shape == (2, 46)
    assert (signals[:, :18] == 0.25).all()
    assert signals[0, 18:23].tolist() == [2.0, 0.0, -0.5, 0.0, 0.0]
    assert signals[0, 23:].isnan().all()  # nothing is known of the time before
    assert signals[1, 23:].tolist() == [0.0] * 18 + [1.0, 0.0, 0.5, 0.0, 0.0]


def test_brows_and_lids_are_relative_to_the_neutral_face():
    """A face whose brows are always half raised has no raised brows."""
    seen = features_of(np.full((5, 18), 0.5), np.zeros((5, 5)))
    readings = readings_of(seen, np.full(18, -4.0))
    for column, code in enumerate(CODES):
        assert bool((readings[:, column] < 0.1).all()) == (code in UNITS), code


def test_units_that_nobody_has_read_are_unknown_and_so_is_their_movement():
    seen = features_of(np.zeros((2, 18)), np.zeros((2, 5)))
    signals = signals_of(seen, np.array([0.0, 0.5]), None, frozenset({"AU24", "AU43"}))
    unknown = [CODES[i % 23] for i in range(46) if bool(signals[1, i].isnan())]
    assert unknown == ["AU24", "AU43"] * 2


@pytest.mark.parametrize("rate", [2.0, 5.0, 3.3, 25.0])
def test_movement_does_not_depend_on_the_frame_rate(rate):
    """A reading that rises by 3 a second has risen by 1.5 in half a second."""
    times = np.arange(0, 10, 1 / rate)
    readings = torch.from_numpy(3 * times[:, None]).float()
    movement = movement_of(readings, times)[:, 0]
    known = times >= MOVEMENT_SECONDS - 1e-6
    assert movement[~torch.from_numpy(known)].isnan().all()
    np.testing.assert_allclose(movement[torch.from_numpy(known)], 1.5, atol=1e-4)


def test_movement_is_unknown_across_a_gap():
    times = np.array([0.0, 0.5, 1.0, 4.0, 4.5])
    movement = movement_of(torch.arange(5.0)[:, None], times)[:, 0]
    assert movement.isnan().tolist() == [True, False, False, True, False]


@pytest.mark.parametrize("times", [None, np.arange(4) * 10.0, np.zeros(1)])
def test_frames_that_lie_far_apart_have_no_movement(times):
    n = 4 if times is None else len(times)
    assert movement_of(torch.zeros(n, 23), times).isnan().all()
