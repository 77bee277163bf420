"""Agreement of estimates with scores. Pure NumPy."""

import statistics
from collections.abc import Sequence

import numpy as np


def rmse(truth: np.ndarray, estimate: np.ndarray) -> float:
    """Root of the mean squared error, in points."""
    return float(np.sqrt(np.mean((np.asarray(truth, float) - estimate) ** 2)))


def mae(truth: np.ndarray, estimate: np.ndarray) -> float:
    """Mean absolute error, in points."""
    return float(np.mean(np.abs(np.asarray(truth, float) - estimate)))


def pearson(truth: np.ndarray, estimate: np.ndarray) -> float:
    """Pearson correlation (PCC); 0 where either is constant."""
    x, y = np.asarray(truth, float), np.asarray(estimate, float)
    if np.ptp(x) == 0 or np.ptp(y) == 0:  # a mean of equal numbers need not be that number
        return 0.0
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt((x**2).sum() * (y**2).sum()))
    return float((x * y).sum() / norm) if norm > 0 else 0.0


def ccc(truth: np.ndarray, estimate: np.ndarray) -> float:
    """Lin's concordance: 2 cov / (var + var + (difference of means)^2), population moments."""
    x, y = np.asarray(truth, float), np.asarray(estimate, float)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    covariance = float(((x - x.mean()) * (y - y.mean())).mean())
    spread = float(x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    return 2 * covariance / spread if spread > 0 else 0.0


def mean_and_sd(values: Sequence[float]) -> tuple[float, float]:
    """Over two runs or more that differ in their seed; n - 1 in the standard deviation."""
    return statistics.fmean(values), statistics.stdev(values)


def auc(present: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve: how often a frame with it outranks one without; ties count half."""
    present = np.asarray(present, bool)
    n_present, n_absent = int(present.sum()), int((~present).sum())
    if not n_present or not n_absent:
        return float("nan")
    values, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[present].sum() - n_present * (n_present + 1) / 2) / (n_present * n_absent))


def agreement(truth: np.ndarray, estimate: np.ndarray) -> dict[str, float]:
    """The four figures of the paper."""
    return {
        "rmse": rmse(truth, estimate),
        "mae": mae(truth, estimate),
        "pcc": pearson(truth, estimate),
        "ccc": ccc(truth, estimate),
    }
