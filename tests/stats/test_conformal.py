"""Prediction intervals: the quantile, the rule for few people, and coverage on planted errors."""

import math

import numpy as np

from depmap_cli.stats.conformal import half_width, people_needed


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
