"""Prediction intervals by split conformal prediction, exchangeable over people."""

import math

import numpy as np

DEFAULT_COVERAGE = 0.9
"""Nominal coverage of prediction intervals, unless the user sets another."""


def people_needed(coverage: float) -> int:
    """Return the smallest number of calibration people that allows a finite interval."""
    return math.ceil(round(coverage / (1 - coverage), 9))


def half_width(residuals: np.ndarray, people: np.ndarray, coverage: float) -> float:
    """Return the half width of the prediction interval around an estimate, in points.

    Hierarchical conformal prediction (Lee, Barber and Willett 2023): people are exchangeable, clips
    of one person are not. Each of the n people has the probability mass 1 / (n + 1), divided
    equally among their clips; the new person has the remaining mass, at infinity. The half width is
    the ``coverage`` quantile of the residuals.

    Args:
        residuals: (clips,) absolute errors on calibration clips, in points.
        people: (clips,) the person in each clip.
        coverage: nominal coverage, e.g. 0.9.

    Returns:
        The half width; infinity if there are fewer people than ``people_needed``.
    """
    if len(residuals) == 0:
        return math.inf
    names, inverse, counts = np.unique(people, return_inverse=True, return_counts=True)
    mass = 1 / ((len(names) + 1) * counts[inverse])
    order = np.argsort(residuals, kind="stable")
    is_covered = np.cumsum(mass[order]) >= coverage - 1e-9
    return float(residuals[order][is_covered.argmax()]) if is_covered.any() else math.inf
