"""Confidence intervals by drawing people, not clips: clips of one person are no independent data.

Figures here are functions of means over rows, so a draw of people needs only each person's sums.
"""

from collections.abc import Sequence

import numpy as np

from depmap_cli.evaluation.results import Bootstrap, Figure

_FLAT = 1e-9  # points squared; rounding leaves the variance of equal scores far below it
_FEWEST_ROWS = 3  # for a correlation: through two points there is always a line


class PeopleBootstrap:
    """Draws of the people whom some rows show: percentile intervals of the figures of these rows.

    The same people and settings give the same draws, so figures of two methods are paired.
    """

    def __init__(self, people: np.ndarray, settings: Bootstrap) -> None:
        names, self._person = np.unique(people, return_inverse=True)
        self.n, self.people = len(people), len(names)
        self._settings = settings
        even = np.full(self.people, 1 / self.people)
        generator = np.random.default_rng(settings.seed)
        drawn = generator.multinomial(self.people, even, size=settings.draws)
        # (1 + draws, people): how often each person counts; in the first row, the sample, once
        self._counts = np.vstack([np.ones(self.people), drawn])
        self.rows = self._counts @ np.bincount(self._person)

    def means(self, *columns: np.ndarray) -> list[np.ndarray]:
        """The mean of each column (rows,) over the sample and over each draw: (1 + draws,)."""
        sums = np.stack([np.bincount(self._person, weights=c) for c in columns], axis=1)
        return list((self._counts @ sums / self.rows[:, None]).T)

    def figure(self, values: np.ndarray) -> Figure:
        """The sample's value with the percentiles of the draws', both in ``values``."""
        value = None if np.isnan(values[0]) else float(values[0])
        drawn = values[1:][~np.isnan(values[1:])]
        if value is None or self.people < self._settings.fewest_people or not len(drawn):
            return Figure(value=value)
        tail = (1 - self._settings.confidence) / 2
        low, high = np.quantile(drawn, [tail, 1 - tail])
        return Figure(value=value, low=float(low), high=float(high))

    def share(self, values: np.ndarray) -> Figure:
        """As ``figure``, of a share; where it is 0 or 1, in which no draw differs, the end within
        is that of Clopper and Pearson with a person a trial."""
        found = self.figure(values)
        if found.low is None or found.value not in (0.0, 1.0):
            return found
        reach = ((1 - self._settings.confidence) / 2) ** (1 / self.people)
        inner = {"low": reach} if found.value else {"high": 1 - reach}
        return found.model_copy(update=inner)

    def figures(self, drawn: dict[str, np.ndarray], names: Sequence[str]) -> dict[str, Figure]:
        """Those of ``drawn`` that ``names`` lists, as figures."""
        return {name: self.figure(drawn[name]) for name in names}


def drawn_figures(
    sample: PeopleBootstrap, truth: np.ndarray, estimate: np.ndarray
) -> dict[str, np.ndarray]:
    """Every figure of agreement, each (1 + draws,): in the sample, then in the draws of people.

    Correlations are NaN below three rows, and 0 where either side is constant, as in ``metrics``;
    the slope and intercept of the truth on the estimate are NaN where the estimate is, the spread
    of errors in a single row.
    """
    error = estimate - truth
    bias, squared, absolute, x, y, xx, yy, xy = sample.means(
        error, error**2, np.abs(error), truth, estimate, truth**2, estimate**2, truth * estimate
    )
    var_x, var_y, covariance = xx - x**2, yy - y**2, xy - x * y
    vary = (var_x > _FLAT) & (var_y > _FLAT)
    unknown = np.nan if sample.n < _FEWEST_ROWS else 0.0
    root = np.sqrt(np.maximum(var_x * var_y, 0))
    slope = _ratio(covariance, var_y, var_y > _FLAT, np.nan)
    spread = np.maximum(squared - bias**2, 0)
    sd = np.sqrt(_ratio(spread * sample.rows, sample.rows - 1, sample.rows > 1, np.nan))
    return {
        "rmse": np.sqrt(squared),
        "mae": absolute,
        "bias": bias,
        "pcc": _ratio(covariance, root, vary, 0.0) + unknown,
        "ccc": _ratio(2 * covariance, var_x + var_y + (x - y) ** 2, vary, 0.0) + unknown,
        "slope": slope,
        "intercept": x - slope * y,
        "lower": bias - 1.96 * sd,
        "upper": bias + 1.96 * sd,
    }


def _ratio(above: np.ndarray, below: np.ndarray, where: np.ndarray, otherwise: float) -> np.ndarray:
    ratio = np.full(len(above), otherwise)
    np.divide(above, below, out=ratio, where=where)
    return ratio
