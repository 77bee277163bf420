"""Traces in bins: hand values, missing readings, and no more than the largest number of bins."""

import numpy as np
import pytest

from depmap_cli.behaviour.traces import MAX_BINS, FrameBins, bin_traces

NAN = float("nan")


def test_each_bin_has_mean_and_extremes_of_its_frames():
    bins = FrameBins.of(np.arange(5) / 2, 2)
    values = np.array([[0.1, 10], [0.3, NAN], [NAN, NAN], [NAN, NAN], [0.6, NAN]])
    first, second = bin_traces(bins, values, ["AU12", "yaw"], unit="degrees")
    assert [list(range(5))[frames] for frames in bins] == [[0, 1], [2, 3, 4]]
    assert (first.name, first.unit) == ("AU12", "degrees")
    assert (first.mean, first.low, first.high) == ([0.2, 0.6], [0.1, 0.6], [0.3, 0.6])
    assert (second.mean, second.low, second.high) == ([10, None],) * 3


def test_borders_are_half_way_between_frames():
    bins = FrameBins.of(np.array([1.0, 2.0, 4.0, 5.0]), 2)
    assert bins.borders.tolist() == pytest.approx([1 / 3, 3.0, 5 + 2 / 3])


def test_a_single_frame_and_no_frame():
    assert FrameBins.of(np.array([0.2])).borders.tolist() == [0.0, 0.7]
    empty = FrameBins.of(np.array([]))
    assert len(empty) == 0
    assert bin_traces(empty, np.zeros((0, 1)), ["AU1"])[0].mean == []


@pytest.mark.parametrize("n", [1, 20, 599, 600, 601, 1199, 12_345])
def test_bins_are_full_and_at_most_600(n):
    bins = FrameBins.of(np.arange(n) / 25)
    sizes = np.diff(bins.first)
    assert len(bins) == min(n, MAX_BINS)
    assert sizes.sum() == n
    assert sizes.max() - sizes.min() <= 1
    assert np.all(np.diff(bins.borders) > 0)


def test_extremes_of_a_long_trace_survive():
    values = np.random.default_rng(1).random((7200, 1))
    (trace,) = bin_traces(FrameBins.of(np.arange(7200) / 5), values, ["AU1"])
    assert min(trace.low) == round(values.min(), 3)
    assert max(trace.high) == round(values.max(), 3)
    assert np.mean(trace.mean) == pytest.approx(values.mean(), abs=1e-3)


@pytest.mark.parametrize("n_bins", [0, -1, MAX_BINS + 1])
def test_impossible_numbers_of_bins_are_errors(n_bins):
    with pytest.raises(ValueError, match="1 to 600"):
        FrameBins.of(np.arange(4.0), n_bins)
