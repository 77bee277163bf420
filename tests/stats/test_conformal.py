"""Prediction intervals: the quantile, the rule for few people, and coverage on planted errors."""

import math

import numpy as np

from depmap_cli.stats.conformal import (
    KNOTS,
    fit_typical_errors,
    half_width,
    half_widths,
    people_needed,
)


def test_people_needed():
    assert people_needed(0.9) == 9
    assert people_needed(0.95) == 19


def test_one_clip_a_person_is_the_textbook_quantile():
    residuals = np.arange(1, 20, dtype=float)  # 19 people: the ceil(20 * 0.9) = 18th smallest
    assert half_width(residuals, np.arange(19), 0.9) == 18


def test_too_few_people_give_no_finite_interval():
    assert half_width(np.ones(8), np.arange(8), 0.9) == math.inf
    assert half_width(np.ones(9), np.arange(9), 0.9) == 1
    assert half_width(np.ones(900), np.zeros(900), 0.9) == math.inf  # one person, many clips


def test_a_person_with_many_clips_counts_once():
    """Ten people err by 1 in one clip each; an eleventh errs by 9 in a hundred clips."""
    residuals = np.concatenate([np.ones(10), np.full(100, 9.0)])
    people = np.concatenate([np.arange(10), np.full(100, 10)])
    assert half_width(residuals, people, 0.8) == 1
    assert half_width(residuals, people, 0.9) == 9


def test_coverage_over_new_people():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(600):
        scale = rng.lognormal(0, 0.5, 31)
        people = np.repeat(np.arange(30), rng.integers(1, 6, 30))
        reach = half_width(np.abs(rng.normal(0, scale[people])), people, 0.9)
        covered.append(abs(rng.normal(0, scale[30])) <= reach)
    assert 0.87 < np.mean(covered) < 0.95


def test_nobody_to_rest_on_leaves_the_whole_scale():
    assert half_width(np.array([]), np.array([]), 0.9) == math.inf


def drawn(rng, n_people, clips_each=2):
    """Estimates, errors that grow with the estimate, and the person of each clip."""
    people = np.repeat(np.arange(n_people), clips_each)
    estimates = np.repeat(rng.uniform(0, 45, n_people), clips_each)
    errors = np.abs(rng.normal(0, 2 + 0.2 * estimates))
    return estimates, errors, people


def test_typical_errors_follow_a_planted_dependence():
    errors = fit_typical_errors(*drawn(np.random.default_rng(0), 2000))
    expected = [np.sqrt(2 / np.pi) * (2 + 0.2 * knot) for knot in KNOTS]
    np.testing.assert_allclose(errors[1:-1], expected[1:-1], rtol=0.1)
    assert errors == sorted(errors)


def test_with_few_people_typical_errors_are_about_their_mean():
    errors = fit_typical_errors(np.array([0.0, 40.0]), np.array([1.0, 3.0]), np.array([0, 1]))
    assert 1.5 < min(errors) < max(errors) < 2.5


def test_estimates_without_error_give_intervals_of_no_width():
    nothing, people = np.zeros(20), np.arange(20)
    typical = fit_typical_errors(nothing, nothing, people)
    stored = {"residuals": nothing, "people": people, "estimates": nothing}
    reach = half_widths({**stored, "typical_errors": typical}, np.array([0.0, 30.0]), 0.9)
    np.testing.assert_array_equal(reach, [0.0, 0.0])


def test_without_typical_errors_all_intervals_have_one_width():
    stored = {"residuals": [1.0] * 18 + [7.0], "people": list(range(19))}
    np.testing.assert_array_equal(half_widths(stored, np.array([0.0, 30.0]), 0.9), [1.0, 1.0])


def test_normalised_intervals_cover_and_are_narrower():
    rng = np.random.default_rng(1)
    typical = fit_typical_errors(*drawn(rng, 200))
    covered, widths, constant = [], [], []
    for _ in range(200):
        estimates, errors, people = drawn(rng, 40)
        stored = {"residuals": errors, "people": people, "estimates": estimates}
        new, new_errors, _ = drawn(rng, 20, 1)
        reach = half_widths({**stored, "typical_errors": typical}, new, 0.9)
        covered.append((new_errors <= reach).mean())
        widths.append(reach.mean())
        constant.append(half_width(errors, people, 0.9))
    assert 0.88 < np.mean(covered) < 0.94
    assert np.mean(widths) < 0.95 * np.mean(constant)


def test_too_few_people_give_infinite_intervals():
    stored = {"residuals": [1.0] * 8, "people": list(range(8)), "estimates": [1.0] * 8}
    assert np.isinf(half_widths({**stored, "typical_errors": [1.0] * 5}, np.zeros(2), 0.9)).all()
