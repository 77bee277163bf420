"""Ridge regression with a penalty chosen over people."""

import numpy as np
import pytest

from depmap_cli.stats.ridge import PENALTIES, fit_ridge


def test_a_linear_relation_is_found_with_a_small_penalty():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 3)) * (1, 10, 100)
    scores = 12 + features @ (2.0, 0.3, 0.0)
    fitted = fit_ridge(features, scores, [str(i // 2) for i in range(60)])
    np.testing.assert_allclose(fitted.predict(features), scores, atol=0.5)
    assert fitted["ridge"].alpha == PENALTIES[0]


def test_noise_gets_a_large_penalty():
    """What identifies people does not help with others, so the mean is the best prediction."""
    rng = np.random.default_rng(1)
    people = np.repeat(np.arange(20), 3)
    features = rng.normal(size=(20, 40))[people]
    scores = rng.normal(15, 10, 20)[people]
    fitted = fit_ridge(features, scores, [str(person) for person in people])
    assert fitted["ridge"].alpha >= 100
    assert fitted.predict(np.zeros((1, 40)))[0] == pytest.approx(scores.mean(), abs=3)


def test_unknown_features_are_filled_with_their_mean():
    rng = np.random.default_rng(2)
    features = rng.normal(5, 1, size=(40, 2))
    scores = 3 * features[:, 0]
    features[::7, 1] = np.nan
    fitted = fit_ridge(features, scores, [str(i) for i in range(40)])
    row = np.array([[6.0, np.nan]])
    assert fitted.predict(row)[0] == pytest.approx(18, abs=0.5)
