"""Prediction intervals by split conformal prediction, exchangeable over people."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

DEFAULT_COVERAGE = 0.9
"""Nominal coverage of prediction intervals, unless the user sets another."""


def people_needed(coverage: float) -> int:
    """Return the smallest number of calibration people that allows a finite interval."""
    return math.ceil(round(coverage / (1 - coverage), 9))


KNOTS = (0.0, 10.0, 20.0, 30.0, 45.0)
"""Estimates, in points, at which the typical error is known; between them it is interpolated."""
_KERNEL_STD = 6.0
"""Standard deviation of the kernel that averages errors over similar estimates, in points."""
_PRIOR_PEOPLE = 5.0
"""Weight of the mean error of all estimates, in people."""
SMALLEST_TYPICAL_ERROR = 0.01
"""Smallest typical error, in points: residuals are divided by it."""


def fit_typical_errors(
    estimates: Float[np.ndarray, " clips"],
    residuals: Float[np.ndarray, " clips"],
    people: np.ndarray,
) -> list[float]:
    """Return the mean absolute error of estimates near each of ``KNOTS``, in points.

    A kernel average over clips, in which each person has the same weight.
    """
    _, inverse, counts = np.unique(people, return_inverse=True, return_counts=True)
    weight = 1 / counts[inverse]
    overall = float(np.average(residuals, weights=weight))
    errors = []
    for knot in KNOTS:
        near = weight * np.exp(-0.5 * ((estimates - knot) / _KERNEL_STD) ** 2)
        total = float((near * residuals).sum()) + _PRIOR_PEOPLE * overall
        error = total / (float(near.sum()) + _PRIOR_PEOPLE)
        errors.append(max(error, SMALLEST_TYPICAL_ERROR))
    return errors


def half_widths(
    calibration: Mapping[str, Any], estimates: Float[np.ndarray, " n"], coverage: float
) -> Float[np.ndarray, " n"]:
    """Return the half widths of the prediction intervals around estimates, in points.

    Normalised conformal prediction (Papadopoulos et al. 2002): residuals are divided by the
    typical error of such an estimate, and the quantile is multiplied by it, because low estimates
    have smaller errors than others (measured: LOG L75).

    Args:
        calibration: ``residuals`` and ``people`` as in ``half_width``; with ``estimates``, and
            ``typical_errors`` from ``fit_typical_errors``, or without, for a constant width.
    """
    residuals, people = np.array(calibration["residuals"]), np.array(calibration["people"])
    if not calibration.get("typical_errors"):
        return np.full(len(estimates), half_width(residuals, people, coverage))
    typical = np.array(calibration["typical_errors"])
    own = np.interp(np.array(calibration["estimates"]), KNOTS, typical)
    relative = half_width(residuals / own, people, coverage)
    widths: np.ndarray = relative * np.interp(estimates, KNOTS, typical)
    return widths


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
