"""Sampling rates, stretches without a gap, and the seconds that were read."""

import numpy as np
import pytest

from depmap_cli.behaviour.readings import Readings, sampling_rate, seconds_read, stretches


def test_sampling_rate_of_an_even_and_of_an_uneven_sampling():
    assert sampling_rate(np.arange(50) / 25) == pytest.approx(25)
    nearest = np.round(np.arange(150) / 15 * 25) / 25  # 15 of 25 frames: steps of 1 or 2 frames
    assert set(np.round(np.diff(nearest) * 25)) == {1, 2}
    assert sampling_rate(nearest) == pytest.approx(15, rel=0.01)


def test_missing_parts_of_a_video_do_not_lower_the_sampling_rate():
    times = np.concatenate([np.arange(50) / 5, 500 + np.arange(50) / 5])
    assert sampling_rate(times) == pytest.approx(5)


@pytest.mark.parametrize("times", [[], [1.0], [1.0, 1.0]])
def test_no_rate_without_two_frames(times):
    assert sampling_rate(np.array(times)) == 0


def test_stretches_end_at_gaps_of_more_than_half_a_second():
    times = np.array([0.0, 0.2, 0.6, 1.2, 1.4])
    assert stretches(times, 5) == [slice(0, 3), slice(3, 5)]
    assert stretches(times, 5, max_gap=1.0) == [slice(0, 5)]
    assert stretches(np.array([]), 5) == []


def test_sparse_samplings_have_no_gap_between_neighbours():
    assert stretches(np.arange(10) * 4.0, 0.25) == [slice(0, 10)]
    assert stretches(np.array([0.0, 4.0, 12.0]), 0.25) == [slice(0, 2), slice(2, 3)]


@pytest.mark.parametrize("rate", [0.25, 2, 5, 25])
def test_seconds_read_of_a_whole_recording(rate):
    assert seconds_read(np.arange(int(60 * rate)) / rate, rate) == pytest.approx(60)


def test_seconds_read_leave_out_gaps():
    times = np.arange(600) / 10
    usable = (times < 20) | (times >= 30)
    assert seconds_read(times[usable], 10) == pytest.approx(50)
    short = (times < 20) | (times >= 20.3)
    assert seconds_read(times[short], 10) == pytest.approx(60)


def test_a_rate_is_reached_but_for_the_unevenness_of_a_sampling():
    def at(rate):
        return Readings(times=np.zeros(0), action_units=np.zeros((0, 18)), angles=None, rate=rate)

    assert at(11.7).is_read_at(12)
    assert not at(11.5).is_read_at(12)
