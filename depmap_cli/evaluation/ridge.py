"""Ridge regression from statistics of readings to scores: what the readings say without a network.

A network that does not beat it adds nothing to the action units, head pose and gaze that the tool
reads anyway.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from depmap_cli.domain.bdi import MAX_SCORE
from depmap_cli.evaluation.score_table import DescribedClip
from depmap_cli.stats.ridge import MIN_PEOPLE, fit_ridge

MIN_KNOWN = 0.9
"""Share of the Training clips that must have a statistic. A statistic that only clips of some
lengths have, because of their sampling, would tell the length."""


def has_enough_people(described: Sequence[DescribedClip]) -> bool:
    """Whether a regression can be fitted on these clips."""
    return len({clip.subject for clip in described}) >= MIN_PEOPLE


def ridge_predictions(
    training: Sequence[DescribedClip], statistics: Sequence[dict[str, float] | None]
) -> Float[np.ndarray, " clips"]:
    """Fit the regression on ``training``; return its predictions in BDI-II points, 0 to 63.

    The prediction is NaN for clips without ``statistics``, and for all clips if ``training`` has
    too few people. Statistics that are not known of a clip are filled with the mean over Training.
    The penalty is the one with the smallest squared error in a cross-validation over the people of
    Training.

    Args:
        training: described clips of Training.
        statistics: of the clips to predict, with the names of those of Training.
    """
    predictions = np.full(len(statistics), np.nan)
    known = [i for i, values in enumerate(statistics) if values is not None]
    if not known or not has_enough_people(training):
        return predictions
    names = _known_names(training)
    fitted = fit_ridge(
        _matrix([clip.statistics for clip in training], names),
        np.array([clip.score for clip in training], float),
        [clip.subject for clip in training],
    )
    rows = _matrix([values for values in statistics if values is not None], names)
    predictions[known] = np.clip(fitted.predict(rows), 0, MAX_SCORE)
    return predictions


def _known_names(training: Sequence[DescribedClip]) -> list[str]:
    names = list(training[0].statistics)
    is_known = ~np.isnan(_matrix([clip.statistics for clip in training], names))
    return [name for name, share in zip(names, is_known.mean(0), strict=True) if share >= MIN_KNOWN]


def _matrix(statistics: Sequence[dict[str, float]], names: Sequence[str]) -> np.ndarray:
    return np.array([[values[name] for name in names] for values in statistics], float)
