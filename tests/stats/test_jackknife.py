"""The jackknife against its formulas by hand, and against the known error of a mean."""

import numpy as np
import pytest

from depmap_cli.stats.jackknife import jackknife_error


def test_equal_blocks_by_hand():
    """Three values 1, 2 and 6 as blocks: the error of their mean is sd / sqrt(3)."""
    values = np.array([1.0, 2.0, 6.0])
    without = (values.sum() - values) / 2
    error = jackknife_error(values.mean(), without, np.full(3, 1 / 3))
    assert error == pytest.approx(values.std(ddof=1) / np.sqrt(3))
    assert error == pytest.approx(np.sqrt(7 / 3))


def test_unequal_blocks_by_hand():
    """Blocks (0, 0) and (3,): h = 1.5 and 3, estimate 1, without the blocks 3 and 0.

    Bias-corrected: 2 * 1 - (1/3 * 3 + 2/3 * 0) = 1. Pseudovalues: 1.5 - 0.5 * 3 = 0 and 3 - 0 = 3.
    Squared error: ((0 - 1)^2 / 0.5 + (3 - 1)^2 / 2) / 2 = 2.
    """
    error = jackknife_error(1.0, np.array([3.0, 0.0]), np.array([2 / 3, 1 / 3]))
    assert error == pytest.approx(np.sqrt(2))


def test_blocks_of_a_series_give_the_error_of_its_mean():
    """An autoregressive series: errors of single values are too small, those of blocks are not."""
    rng = np.random.default_rng(0)
    n, rho, by_block, by_value, means = 2000, 0.9, [], [], []
    for _ in range(200):
        noise = rng.normal(size=n)
        series = np.zeros(n)
        for i in range(1, n):
            series[i] = rho * series[i - 1] + noise[i]
        means.append(series.mean())
        blocks = series.reshape(20, 100).sum(1)
        without = (series.sum() - blocks) / (n - 100)
        by_block.append(jackknife_error(series.mean(), without, np.full(20, 1 / 20)))
        single = (series.sum() - series) / (n - 1)
        by_value.append(jackknife_error(series.mean(), single, np.full(n, 1 / n)))
    assert np.mean(by_block) == pytest.approx(np.std(means), rel=0.15)
    assert np.mean(by_value) < 0.4 * np.std(means)


def test_one_block_is_not_enough():
    with pytest.raises(ValueError, match="two blocks"):
        jackknife_error(1.0, np.array([1.0]), np.array([1.0]))
