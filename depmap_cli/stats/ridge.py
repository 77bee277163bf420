"""Ridge regression whose penalty is chosen by cross-validation over people."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

N_PARTS = 5
"""Parts of the cross-validation over people that chooses the penalty."""
MIN_PEOPLE = 2 * N_PARTS
"""Fewest people for a regression: two for each part of the cross-validation."""
PENALTIES = tuple(10.0 ** (power / 2) for power in range(-2, 11))
"""Penalties to choose from, 0.1 to 100,000 in half decades, for standardised features."""


def fit_ridge(
    features: Float[np.ndarray, "clips names"],
    scores: Float[np.ndarray, " clips"],
    people: Sequence[str],
) -> Any:
    """Fit scikit-learn's ridge regression on standardised features of at least ``MIN_PEOPLE``.

    The penalty is the one with the smallest squared error in a cross-validation over people.
    Unknown features (NaN) are filled with their mean.

    Returns:
        The fitted ``Pipeline`` with the steps ``simpleimputer``, ``standardscaler`` and ``ridge``.
    """
    # Imported here because it takes half a second, and scoring does not need it.
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV, GroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    search = GridSearchCV(
        make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), Ridge()),
        {"ridge__alpha": PENALTIES},
        cv=GroupKFold(N_PARTS),
        scoring="neg_mean_squared_error",
    )
    return search.fit(features, scores, groups=people).best_estimator_
