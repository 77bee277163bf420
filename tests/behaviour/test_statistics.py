"""Statistics of a recording, against planted readings."""

import numpy as np
import pytest

from depmap_cli.behaviour.statistics import recording_statistics
from depmap_cli.domain.action_units import ACTION_UNITS
from tests.behaviour.planted import readings


def angles_of(**columns):
    """Angles (n, 5) with these columns as functions of time, 0 elsewhere."""
    names = ("pitch", "yaw", "roll", "gaze_x", "gaze_y")

    def angles(times):
        found = np.zeros((len(times), 5))
        for name, function in columns.items():
            found[:, names.index(name)] = function(times)
        return found

    return angles


def test_a_unit_shown_for_a_quarter_of_the_time():
    found = recording_statistics(readings([("AU12", 0.0, 15.0, 0.8)], base=0.2))
    assert found["AU12 share"] == pytest.approx(0.25, abs=0.005)
    assert found["AU12 mean"] == pytest.approx(0.25 * 0.8 + 0.75 * 0.2, abs=0.005)
    assert found["AU12 sd"] == pytest.approx(0.6 * np.sqrt(0.25 * 0.75), abs=0.005)
    assert found["AU12 high"] == pytest.approx(0.8)
    assert found["AU4 mean"] == pytest.approx(0.2)
    assert found["AU4 sd"] == pytest.approx(0.0, abs=1e-6)
    assert found["AU4 share"] == 0


def test_head_and_gaze_in_degrees():
    nod = angles_of(pitch=lambda t: 10 + 4 * np.sign(np.sin(t)), gaze_y=lambda t: 0 * t + 3)
    found = recording_statistics(readings(seconds=2 * np.pi * 10, angles=nod))
    assert found["pitch mean"] == pytest.approx(10, abs=0.05)
    assert found["pitch sd"] == pytest.approx(4, abs=0.01)
    assert (found["gaze_y mean"], found["gaze_y sd"]) == (3, 0)


def test_down_away_and_movement():
    turn = angles_of(yaw=lambda t: 20 * (t >= 45), gaze_y=lambda t: 15 * (t < 6))
    found = recording_statistics(readings(angles=turn))
    assert found["looking away"] == pytest.approx(0.25, abs=0.001)
    assert found["looking down"] == pytest.approx(0.1, abs=0.001)
    assert found["head movement"] == pytest.approx(20 / 59, abs=0.01)  # one turn in 59 s


def test_events_count_only_where_the_sampling_shows_them():
    smiles = [("AU12", 5.0 + 10 * i, 7.0 + 10 * i) for i in range(5)]
    dense, sparse = (recording_statistics(readings(smiles, rate=rate)) for rate in (25.0, 1.0))
    assert dense["smile per minute"] == pytest.approx(5, abs=0.01)
    assert dense["blink per minute"] == 0
    assert np.isnan([sparse["smile per minute"], sparse["blink per minute"]]).all()
    assert not np.isnan(sparse["AU12 mean"])


def test_names_are_the_same_whatever_was_read():
    full = recording_statistics(readings(angles=angles_of()))
    poor = recording_statistics(readings(rate=0.5, unread=frozenset({"AU9"})))
    assert list(full) == list(poor)
    assert len(full) == 4 * len(ACTION_UNITS) + 2 * 5 + 3 + 5
    assert not np.isnan(list(full.values())).any()
    assert all(np.isnan(v) for name, v in poor.items() if name.startswith(("AU9 ", "pitch ")))
    assert np.isnan(poor["head movement"])
