"""Metrics: values by hand, closed forms and degenerate cases."""

import math

import numpy as np
import pytest

from depmap_cli.stats.metrics import agreement, auc, ccc, mae, pearson, rmse

TRUTH = np.array([0.0, 5.0, 14.0, 31.0, 45.0])


def test_errors_by_hand():
    truth, estimate = np.array([0.0, 10.0, 20.0]), np.array([3.0, 10.0, 16.0])
    assert rmse(truth, estimate) == pytest.approx(math.sqrt((9 + 0 + 16) / 3))
    assert mae(truth, estimate) == pytest.approx(7 / 3)
    assert rmse(truth, truth) == mae(truth, truth) == 0


def test_pearson_by_hand():
    assert pearson(np.array([1, 2, 3]), np.array([1, 3, 2])) == pytest.approx(0.5)
    assert pearson(TRUTH, 40 - 3 * TRUTH) == pytest.approx(-1)
    noisy = TRUTH + np.array([4.0, -1, 2, -6, 3])
    assert pearson(TRUTH, noisy) == pytest.approx(np.corrcoef(TRUTH, noisy)[0, 1])


@pytest.mark.parametrize("shift", [0.0, 2.0, -7.5])
def test_concordance_of_a_shift_in_closed_form(shift):
    variance = TRUTH.var()
    expected = 2 * variance / (2 * variance + shift**2)
    assert ccc(TRUTH, TRUTH + shift) == pytest.approx(expected)


@pytest.mark.parametrize("gain", [0.25, 1.0, 3.0])
def test_concordance_of_a_gain_in_closed_form(gain):
    centred = TRUTH - TRUTH.mean()
    assert ccc(centred, gain * centred) == pytest.approx(2 * gain / (1 + gain**2))


def test_concordance_is_symmetric_and_below_pearson():
    estimate = np.array([8.0, 2, 20, 22, 30])
    assert ccc(TRUTH, estimate) == pytest.approx(ccc(estimate, TRUTH))
    assert ccc(TRUTH, estimate) < pearson(TRUTH, estimate)


# 0.1 + 0.1 + 0.1 is not 0.3: the mean of equal numbers need not be that number.
@pytest.mark.parametrize("constant", [0.0, 15.0, 0.1, 15.04])
def test_constant_estimates_have_no_correlation(constant):
    flat = np.full(len(TRUTH), constant)
    assert pearson(TRUTH, flat) == pytest.approx(0, abs=1e-9)
    assert ccc(TRUTH, flat) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("n", [1, 3, 7])
def test_constant_truth_and_estimate_have_no_correlation(n):
    assert pearson(np.full(n, 0.1), np.full(n, 0.7)) == 0
    assert ccc(np.full(n, 0.1), np.full(n, 0.7)) == pytest.approx(0, abs=1e-9)
    assert ccc(np.full(n, 0.1), np.full(n, 0.1)) == ccc(np.full(n, 0.5), np.full(n, 0.5))


def test_auc_by_hand():
    present = np.array([False, False, True, True])
    assert auc(present, np.array([0.1, 0.2, 0.3, 0.4])) == 1
    assert auc(present, np.array([0.4, 0.3, 0.2, 0.1])) == 0
    assert auc(present, np.array([0.1, 0.4, 0.3, 0.4])) == pytest.approx((1 + 0 + 1 + 0.5) / 4)
    assert auc(present, np.zeros(4)) == 0.5


def test_auc_equals_counting_pairs():
    rng = np.random.default_rng(0)
    present, au_probabilities = rng.random(60) < 0.3, rng.integers(0, 8, 60) / 8
    pairs = [
        1.0 if p > a else 0.5 if p == a else 0.0
        for p in au_probabilities[present]
        for a in au_probabilities[~present]
    ]
    assert auc(present, au_probabilities) == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize("present", [np.zeros(3, bool), np.ones(3, bool)])
def test_auc_of_one_class_is_undefined(present):
    assert math.isnan(auc(present, np.arange(3.0)))


def test_agreement_is_the_papers_four():
    estimate = TRUTH + 2
    assert agreement(TRUTH, estimate) == {
        "rmse": pytest.approx(2),
        "mae": pytest.approx(2),
        "pcc": pytest.approx(1),
        "ccc": pytest.approx(ccc(TRUTH, estimate)),
    }
