"""Prediction intervals by split conformal prediction, exchangeable over people."""

import math

import numpy as np

DEFAULT_COVERAGE = 0.9
"""Share of scores that intervals are to hold, unless another is asked for."""


def people_needed(coverage: float) -> int:
    """The fewest calibration people for which a finite interval of this coverage exists."""
    return math.ceil(round(coverage / (1 - coverage), 9))


def half_width(residuals: np.ndarray, people: np.ndarray, coverage: float) -> float:
    """How far the interval reaches on each side of an estimate, in points.

    Hierarchical conformal prediction (Lee, Barber and Willett 2023): clips of one person are not
    exchangeable, people are. Each of the n people carries 1 / (n + 1), shared by their clips; the
    new person carries the rest, at infinity. The half width is the ``coverage`` quantile.

    Args:
        residuals: (clips,) absolute errors on calibration clips, points.
        people: (clips,) whom each clip shows.
        coverage: nominal, e.g. 0.9.

    Returns:
        Infinity where there are fewer people than ``people_needed``.
    """
    if len(residuals) == 0:
        return math.inf
    names, inverse, counts = np.unique(people, return_inverse=True, return_counts=True)
    mass = 1 / ((len(names) + 1) * counts[inverse])
    order = np.argsort(residuals, kind="stable")
    reached = np.cumsum(mass[order]) >= coverage - 1e-9
    return float(residuals[order][reached.argmax()]) if reached.any() else math.inf
