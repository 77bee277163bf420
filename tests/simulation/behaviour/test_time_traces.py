"""The random time series that behaviour is built from."""

import numpy as np
import pytest

from depmap_cli.simulation.behaviour.time_traces import (
    ClipTiming,
    PulseShape,
    alternating_states,
    expression_pulses,
    fixations,
    moving_average,
    random_drift,
)

CLOCK = ClipTiming(40_000, 20.0)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.mark.parametrize("inertia", [0.0, 0.3])
def test_drifts_keep_their_size(rng, inertia):
    drift = random_drift(rng, CLOCK, 1.5, 7.0, inertia)
    assert drift.std() == pytest.approx(7, rel=0.08)
    assert np.corrcoef(drift[:-30], drift[30:])[0, 1] == pytest.approx(np.exp(-1), abs=0.15)


def test_inertia_takes_the_tremor():
    steps = [
        np.abs(np.diff(random_drift(np.random.default_rng(1), CLOCK, 1.5, 7.0, inertia))).mean()
        for inertia in (0.0, 0.3)
    ]
    assert steps[1] < 0.7 * steps[0]


@pytest.mark.parametrize("share", [0.12, 0.35, 0.8])
def test_spells_take_their_share(rng, share):
    on = alternating_states(rng, CLOCK, share, 3.0)
    assert on.mean() == pytest.approx(share, rel=0.1)
    starts = int((on[1:] & ~on[:-1]).sum())
    assert CLOCK.seconds / starts == pytest.approx(3, rel=0.15)


def test_a_pulse_rises_stays_and_falls():
    shape = PulseShape(onset=0.5, hold=1.0, offset=0.5, strength=0.5)
    trace, apex = expression_pulses(np.random.default_rng(5), ClipTiming(600, 10.0), 2.0, shape)
    assert trace.min() == 0
    assert 0.2 < trace.max() <= 1.1
    assert apex.any()
    assert trace[apex].min() > 0.1
    assert np.abs(np.diff(trace)).max() < 0.5


def test_fixations_hold_still(rng):
    places = fixations(rng, CLOCK, 0.8, 0.3)
    assert (np.diff(places) == 0).mean() > 0.8
    assert places.std() == pytest.approx(0.3, rel=0.1)


def test_softening_keeps_length_and_mean():
    trace = (np.arange(100) > 50).astype(float)
    soft = moving_average(trace, ClipTiming(100, 10.0), 0.4)
    assert len(soft) == 100
    assert soft.mean() == pytest.approx(trace.mean(), abs=0.01)
    assert np.abs(np.diff(soft)).max() == pytest.approx(0.25)
