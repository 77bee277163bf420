"""Events of simulated people: found at the times at which the simulation planted them."""

import numpy as np
import pytest

from depmap_cli.behaviour.events import BLINK, SMILE, find_events
from depmap_cli.behaviour.readings import Readings
from depmap_cli.simulation.behaviour.interview import simulate_behaviour
from depmap_cli.simulation.behaviour.temperament import Temperament
from depmap_cli.simulation.behaviour.time_traces import ClipTiming
from tests.behaviour.planted import COLUMN

SECONDS = 120
APART = 0.5
"""Seconds: blinks that are closer to another merge with it."""


def simulated(person, rate):
    """The true action units of an average person as readings; the events are those of any rate."""
    rng = np.random.default_rng(person)
    behaviour = simulate_behaviour(rng, Temperament(), 15, "Freeform", SECONDS, rate)
    return Readings(
        times=np.arange(len(behaviour)) / rate,
        action_units=np.clip(behaviour.au, 0, 1).astype(float),
        angles=None,
        rate=rate,
    )


def planted_blinks(person, monkeypatch):
    """The times of the blinks: the events drawn at the rate of blinking in conversation."""
    draw, times = ClipTiming.draw_event_times, []

    def noted(timing, rng, per_minute):
        drawn = draw(timing, rng, per_minute)
        if 15 < per_minute < 60:
            times.append(drawn)
        return drawn

    with monkeypatch.context() as patched:
        patched.setattr(ClipTiming, "draw_event_times", noted)
        simulated(person, 25)
    (blinks,) = times
    return blinks


def events_of_a_dense_trace(trace):
    """The number of times that a trace reaches 0.5 and falls below 0.3 before the next time."""
    number, is_on = 0, False
    for value in trace:
        if value >= 0.5 and not is_on:
            number, is_on = number + 1, True
        elif value < 0.3:
            is_on = False
    return number


@pytest.mark.parametrize("rate", [12.5, 25])
@pytest.mark.parametrize("person", range(4))
def test_each_blink_is_found_when_it_was_planted(person, rate, monkeypatch):
    planted = planted_blinks(person, monkeypatch)
    assert len(planted) > 20
    found = find_events(simulated(person, rate), BLINK)
    middles = np.array([(event.onset + event.offset) / 2 for event in found])
    lone = [
        time
        for i, time in enumerate(planted)
        if APART < time < SECONDS - APART and np.abs(np.delete(planted, i) - time).min() > APART
    ]
    assert len(lone) > 10
    for time in lone:
        assert (np.abs(middles - time) < APART / 2).sum() == 1
        assert np.abs(middles - time).min() < 0.04
    assert len(found) <= len(planted)


@pytest.mark.parametrize("rate", [2, 5, 25])
def test_smiles_are_as_many_as_in_the_dense_trace(rate):
    people = range(8)
    true = sum(
        events_of_a_dense_trace(simulated(person, 100).action_units[:, COLUMN["AU12"]])
        for person in people
    )
    found = sum(len(find_events(simulated(person, rate), SMILE)) for person in people)
    assert true > 40
    assert found == pytest.approx(true, rel=0.05)
