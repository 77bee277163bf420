"""Protects the confidence intervals: people are drawn whole, and the fast way equals the slow."""

import time

import numpy as np
import pytest

from depmap_cli.evaluation.bootstrap import PeopleBootstrap, drawn_metrics
from depmap_cli.evaluation.results import Bootstrap
from depmap_cli.evaluation.score_table import OURS, ScoreTable
from depmap_cli.evaluation.table_metrics import compare
from depmap_cli.stats.metrics import agreement
from tests.support.evaluation_sample import some_clips, some_report

RNG = np.random.default_rng(0)
PEOPLE = np.array(["a", "a", "a", "b", "c", "c", "d", "e", "e", "e", "e", "f"])
TRUTH = RNG.integers(0, 46, len(PEOPLE)).astype(float)
ESTIMATE = TRUTH / 2 + 8 + RNG.normal(0, 6, len(PEOPLE))


def _slow(people, truth, estimate, settings):
    """Draw people one by one and lay all their rows side by side; the paper's figures of each."""
    names = sorted(set(people))
    generator = np.random.default_rng(settings.seed)
    even = np.full(len(names), 1 / len(names))
    found = []
    for _ in range(settings.draws):
        times = generator.multinomial(len(names), even)
        rows = [
            i
            for name, n in zip(names, times, strict=True)
            for _ in range(n)
            for i in range(len(people))
            if people[i] == name
        ]
        found.append(agreement(truth[rows], estimate[rows]))
    return found


@pytest.mark.parametrize("name", ["rmse", "mae", "pcc", "ccc"])
def test_draws_equal_a_slow_loop_over_people(name):
    settings = Bootstrap(draws=60, seed=3)
    drawn = drawn_metrics(PeopleBootstrap(PEOPLE, settings), TRUTH, ESTIMATE)[name]
    slow = [figures[name] for figures in _slow(PEOPLE, TRUTH, ESTIMATE, settings)]
    assert drawn[0] == pytest.approx(agreement(TRUTH, ESTIMATE)[name])
    assert drawn[1:] == pytest.approx(slow, abs=1e-9)


def test_the_interval_is_the_percentiles_of_the_draws():
    settings = Bootstrap(draws=101, confidence=0.9)
    sample = PeopleBootstrap(PEOPLE, settings)
    figure = sample.metric(np.concatenate([[7.0], np.arange(101.0)]))
    assert (figure.value, figure.low, figure.high) == pytest.approx((7, 5, 95))


def test_ten_clips_of_a_person_are_worth_one():
    """Drawing clips instead of people would make the interval about three times too narrow."""
    once = np.array([f"p{i}" for i in range(20)])
    error = np.random.default_rng(5).normal(0, 8, 20)
    wide = compare(
        "", ScoreTable(people=once, truth=np.zeros(20), estimates={OURS: error}), Bootstrap()
    )
    ten_times = ScoreTable(
        people=np.repeat(once, 10), truth=np.zeros(200), estimates={OURS: np.repeat(error, 10)}
    )
    assert compare("", ten_times, Bootstrap()).estimates.rmse == wide.estimates.rmse
    as_if_all_differed = ScoreTable(
        people=np.arange(200).astype(str), truth=ten_times.truth, estimates=ten_times.estimates
    )
    narrow = compare("", as_if_all_differed, Bootstrap()).estimates.rmse
    right = wide.estimates.rmse
    assert (right.high - right.low) > 2 * (narrow.high - narrow.low)


def test_intervals_cover_a_known_bias():
    """Errors of 2 plus a person's own part: 95 % intervals hold it in about 95 of 100 samples."""
    rng, people = np.random.default_rng(11), np.repeat(np.arange(40), 3)
    held = 0
    for number in range(300):
        error = 2 + rng.normal(0, 5, 40)[people] + rng.normal(0, 3, 120)
        sample = PeopleBootstrap(people, Bootstrap(draws=300, seed=number))
        bias = sample.metric(drawn_metrics(sample, np.zeros(120), error)["bias"])
        held += bias.low <= 2 <= bias.high
    assert 0.90 <= held / 300 <= 0.98


def test_equal_methods_do_not_differ_in_any_draw():
    table = ScoreTable(
        people=PEOPLE, truth=TRUTH, estimates={OURS: ESTIMATE, "same": ESTIMATE.copy()}
    )
    difference = compare("", table, Bootstrap()).baselines[0].rmse_difference
    assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_differences_are_paired():
    """One method errs by one point more on everybody: the difference is far surer than either."""
    error = np.random.default_rng(2).uniform(5, 15, 40)
    people = np.arange(40).astype(str)
    table = ScoreTable(
        people=people, truth=np.zeros(40), estimates={OURS: error, "worse": error + 1}
    )
    found = compare("", table, Bootstrap())
    difference, ours = found.baselines[0].rmse_difference, found.estimates.rmse
    assert -1 < difference.low <= difference.high < -0.9
    assert ours.high - ours.low > 1.0


@pytest.mark.parametrize(("n_people", "has_interval"), [(1, False), (4, False), (5, True)])
def test_few_people_have_no_interval(n_people, has_interval):
    table = ScoreTable(
        people=np.repeat(np.arange(n_people), 4).astype(str),
        truth=np.arange(4.0 * n_people),
        estimates={OURS: np.arange(4.0 * n_people) + 1},
    )
    rmse = compare("", table, Bootstrap()).estimates.rmse
    assert rmse.value == pytest.approx(1)
    assert (rmse.low is not None) == has_interval


@pytest.mark.parametrize("constant", [0.0, 0.1, 15.04])
def test_a_constant_has_no_correlation_in_any_draw(constant):
    sample = PeopleBootstrap(PEOPLE, Bootstrap(draws=50))
    drawn = drawn_metrics(sample, TRUTH, np.full(len(TRUTH), constant))
    assert not drawn["pcc"].any()
    assert not drawn["ccc"].any()
    assert np.isnan(drawn["slope"]).all()


def test_the_same_seed_gives_the_same_report_and_another_a_like_one():
    assert some_report() == some_report()
    one = some_report(bootstrap=Bootstrap(draws=4000)).agreement.clips.estimates.rmse
    two = some_report(bootstrap=Bootstrap(draws=4000, seed=9)).agreement.clips.estimates.rmse
    assert one.low == pytest.approx(two.low, abs=0.15)
    assert one.low != two.low


def test_a_hundred_clips_take_well_below_two_seconds():
    clips = some_clips(n_people=33)
    assert len(clips) == 98
    start = time.process_time()  # whatever else the machine does
    some_report(clips=clips, bootstrap=Bootstrap())
    assert time.process_time() - start < 2
