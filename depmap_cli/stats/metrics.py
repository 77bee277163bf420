"""Metrics of the agreement between estimates and scores."""

import statistics
from collections.abc import Sequence

import numpy as np


def rmse(truth: np.ndarray, estimate: np.ndarray) -> float:
    """Return the root mean squared error, in points."""
    return float(np.sqrt(np.mean((np.asarray(truth, float) - estimate) ** 2)))


def mae(truth: np.ndarray, estimate: np.ndarray) -> float:
    """Return the mean absolute error, in points."""
    return float(np.mean(np.abs(np.asarray(truth, float) - estimate)))


def pearson(truth: np.ndarray, estimate: np.ndarray) -> float:
    """Return the Pearson correlation coefficient (PCC); 0 if either input is constant."""
    x, y = np.asarray(truth, float), np.asarray(estimate, float)
    # Not by the variance: the computed mean of equal numbers may differ from them.
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt((x**2).sum() * (y**2).sum()))
    return float((x * y).sum() / norm) if norm > 0 else 0.0


def ccc(truth: np.ndarray, estimate: np.ndarray) -> float:
    """Return Lin's concordance correlation coefficient (CCC), from population moments.

    CCC = 2 cov(x, y) / (var(x) + var(y) + (mean(x) - mean(y))^2); 0 if either input is constant.
    """
    x, y = np.asarray(truth, float), np.asarray(estimate, float)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    covariance = float(((x - x.mean()) * (y - y.mean())).mean())
    denominator = float(x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    return 2 * covariance / denominator if denominator > 0 else 0.0


def mean_and_sd(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and sample standard deviation (n - 1) of at least two values."""
    return statistics.fmean(values), statistics.stdev(values)


def auc(present: np.ndarray, score: np.ndarray) -> float:
    """Return the area under the ROC curve of ``score``; NaN if all items are present, or none.

    It is the probability that an item with ``present`` true has a higher score than one without;
    ties count half.
    """
    present = np.asarray(present, bool)
    n_present, n_absent = int(present.sum()), int((~present).sum())
    if not n_present or not n_absent:
        return float("nan")
    values, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[present].sum() - n_present * (n_present + 1) / 2) / (n_present * n_absent))


def agreement(truth: np.ndarray, estimate: np.ndarray) -> dict[str, float]:
    """Return the four metrics of the paper: RMSE, MAE, PCC and CCC."""
    return {
        "rmse": rmse(truth, estimate),
        "mae": mae(truth, estimate),
        "pcc": pearson(truth, estimate),
        "ccc": ccc(truth, estimate),
    }
