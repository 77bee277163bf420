"""Confidence intervals from a bootstrap over people: clips of one person are not independent.

All metrics are functions of means over rows, so a draw of people needs only each person's sums.
"""

from collections.abc import Sequence

import numpy as np

from depmap_cli.evaluation.results import Bootstrap, Metric

_FLAT = 1e-9  # points squared; rounding leaves the variance of equal scores far below it
_FEWEST_ROWS = 3  # for a correlation; two points always lie on a line


class PeopleBootstrap:
    """Draws of the people in a table's rows, and percentile intervals of metrics of these rows.

    The same people and settings give the same draws, so the metrics of two methods are paired.
    """

    def __init__(self, people: np.ndarray, settings: Bootstrap) -> None:
        names, self._person = np.unique(people, return_inverse=True)
        self.n, self.people = len(people), len(names)
        self._settings = settings
        even = np.full(self.people, 1 / self.people)
        generator = np.random.default_rng(settings.seed)
        drawn = generator.multinomial(self.people, even, size=settings.draws)
        # (1 + draws, people): how often each person counts; the first row is the sample itself
        self._counts = np.vstack([np.ones(self.people), drawn])
        self.rows = self._counts @ np.bincount(self._person)

    def means(self, *columns: np.ndarray) -> list[np.ndarray]:
        """Return the mean of each column (rows,) over the sample and each draw, (1 + draws,)."""
        sums = np.stack([np.bincount(self._person, weights=c) for c in columns], axis=1)
        return list((self._counts @ sums / self.rows[:, None]).T)

    def metric(self, values: np.ndarray) -> Metric:
        """Return the sample's value, the first of ``values``, with percentiles of the draws."""
        value = None if np.isnan(values[0]) else float(values[0])
        drawn = values[1:][~np.isnan(values[1:])]
        if value is None or self.people < self._settings.fewest_people or not len(drawn):
            return Metric(value=value)
        tail = (1 - self._settings.confidence) / 2
        low, high = np.quantile(drawn, [tail, 1 - tail])
        return Metric(value=value, low=float(low), high=float(high))

    def share(self, values: np.ndarray) -> Metric:
        """Return a share as ``metric`` does. For 0 and 1, from which no draw differs, the inner
        end of the interval is Clopper and Pearson's, with one trial for each person."""
        metric = self.metric(values)
        if metric.low is None or metric.value not in (0.0, 1.0):
            return metric
        limit = ((1 - self._settings.confidence) / 2) ** (1 / self.people)
        inner = {"low": limit} if metric.value else {"high": 1 - limit}
        return metric.model_copy(update=inner)

    def metrics(self, drawn: dict[str, np.ndarray], names: Sequence[str]) -> dict[str, Metric]:
        """Return the named columns of ``drawn`` as metrics with intervals."""
        return {name: self.metric(drawn[name]) for name in names}


def drawn_metrics(
    sample: PeopleBootstrap, truth: np.ndarray, estimate: np.ndarray
) -> dict[str, np.ndarray]:
    """Compute every metric of agreement in the sample and in each draw, (1 + draws,) each.

    Correlations are NaN for fewer than three rows, and 0 if either side is constant, as in
    ``stats.metrics``. The slope and intercept of truth on estimate are NaN if the estimate is
    constant; the limits of agreement are NaN for a single row.
    """
    error = estimate - truth
    bias, squared, absolute, x, y, xx, yy, xy = sample.means(
        error, error**2, np.abs(error), truth, estimate, truth**2, estimate**2, truth * estimate
    )
    var_x, var_y, covariance = xx - x**2, yy - y**2, xy - x * y
    both_vary = (var_x > _FLAT) & (var_y > _FLAT)
    unknown = np.nan if sample.n < _FEWEST_ROWS else 0.0
    root = np.sqrt(np.maximum(var_x * var_y, 0))
    slope = _ratio(covariance, var_y, var_y > _FLAT, np.nan)
    variance = np.maximum(squared - bias**2, 0)
    sd = np.sqrt(_ratio(variance * sample.rows, sample.rows - 1, sample.rows > 1, np.nan))
    return {
        "rmse": np.sqrt(squared),
        "mae": absolute,
        "bias": bias,
        "pcc": _ratio(covariance, root, both_vary, 0.0) + unknown,
        "ccc": _ratio(2 * covariance, var_x + var_y + (x - y) ** 2, both_vary, 0.0) + unknown,
        "slope": slope,
        "intercept": x - slope * y,
        "lower": bias - 1.96 * sd,
        "upper": bias + 1.96 * sd,
    }


def _ratio(above: np.ndarray, below: np.ndarray, where: np.ndarray, otherwise: float) -> np.ndarray:
    ratio = np.full(len(above), otherwise)
    np.divide(above, below, out=ratio, where=where)
    return ratio
