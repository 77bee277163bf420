"""Protects what estimates are held against: every guess by hand, and none that knows too much."""

import numpy as np
import pytest

from depmap_cli.evaluation.baselines import baseline_predictions, from_duration, look_up
from depmap_cli.evaluation.score_table import EvaluatedClip, TrainingFacts


def clip(subject="1", session="1", task="Freeform", score=10.0, duration=None):
    return EvaluatedClip(
        video="v.mp4",
        subject=subject,
        session=session,
        task=task,
        score=score,
        estimate=0.0,
        duration=duration,
    )


def guesses_of(clips, training):
    return {about.name: (about, values) for about, values in baseline_predictions(clips, training)}


def test_look_up_is_the_mean_of_the_persons_sessions():
    known = [("1", "2", 10.0), ("1", "2", 10.0), ("1", "3", 20.0), ("2", "1", 40.0)]
    found = look_up([clip("1"), clip("2", "5"), clip("3")], known)
    assert found[:2].tolist() == [15.0, 40.0]  # the two clips of session 2 count as one
    assert np.isnan(found[2])


def test_look_up_never_returns_the_clips_own_session():
    assert np.isnan(look_up([clip("1", "1")], [("1", "1", 33.0)])).all()
    assert look_up([clip("1", "1")], [("1", "1", 33.0), ("1", "2", 7.0)]).tolist() == [7.0]


def test_only_the_leaking_look_up_reads_the_evaluated_split():
    clips = [clip("1", "1", score=10), clip("1", "2", score=30), clip("2", "1", score=5)]
    found = guesses_of(
        clips, TrainingFacts(mean=12.0, subjects=frozenset(), known=(("2", "7", 9.0),))
    )
    assert found["person"][1].tolist() == [12.0, 12.0, 9.0]
    assert found["person_leaking"][1].tolist() == [30.0, 10.0, 9.0]
    assert [about.leaks for about, _ in found.values()] == [False, False, True, False, False]
    assert "leaks" in found["person_leaking"][0].title
    assert [about.informed for about, _ in found.values()] == [3, 1, 3, 0, 0]


def test_changing_true_scores_changes_no_honest_guess():
    training = TrainingFacts(
        mean=12.0, subjects=frozenset(), known=(("1", "9", 9.0),), timed=(("Freeform", 20.0, 4.0),)
    )
    one = guesses_of([clip("1", "1", score=0), clip("1", "2", score=0)], training)
    two = guesses_of([clip("1", "1", score=45), clip("1", "2", score=45)], training)
    for name, (about, values) in one.items():
        assert about.leaks or values.tolist() == two[name][1].tolist()


def test_everybody_gets_the_mean():
    about, values = guesses_of([clip(), clip("2")], TrainingFacts(mean=14.5, subjects=frozenset()))[
        "mean"
    ]
    assert values.tolist() == [14.5, 14.5]
    assert about.informed == 2


def test_duration_is_a_line_in_log_seconds_for_each_task():
    timed = [("Freeform", np.e**k, 10.0 + 5 * k) for k in range(4)]
    timed += [("Northwind", np.e**k, 40.0 - 5 * k) for k in range(4)]
    clips = [clip(duration=np.e**2), clip(task="Northwind", duration=np.e**2)]
    assert from_duration(clips, timed) == pytest.approx([20.0, 30.0])


def test_duration_equals_least_squares_by_the_normal_equations():
    rng = np.random.default_rng(3)
    seconds, scores = rng.uniform(5, 90, 30), rng.uniform(0, 45, 30)
    x = np.log(seconds)
    slope = ((x - x.mean()) * (scores - scores.mean())).sum() / ((x - x.mean()) ** 2).sum()
    expected = scores.mean() + slope * (np.log(31) - x.mean())
    timed = list(zip(["Freeform"] * 30, seconds.tolist(), scores.tolist(), strict=True))
    assert from_duration([clip(duration=31.0)], timed) == pytest.approx([expected])


def test_duration_stays_on_the_scale():
    timed = [("Freeform", np.e**k, 10.0 + 20 * k) for k in range(3)]
    clips = [clip(duration=np.e**9), clip(duration=np.e**-9)]
    assert from_duration(clips, timed).tolist() == [63.0, 0.0]


@pytest.mark.parametrize("duration", [None, 0.0, -1.0])
def test_an_unknown_duration_gives_no_guess(duration):
    timed = [("Freeform", 10.0, 5.0), ("Freeform", 20.0, 9.0)]
    assert np.isnan(from_duration([clip(duration=duration)], timed)).all()


@pytest.mark.parametrize(
    "timed",
    [[], [("Freeform", 10.0, 5.0)], [("Freeform", 10.0, 5.0)] * 5, [("Northwind", 10.0, 5.0)]],
)
def test_what_cannot_be_fitted_gives_no_guess(timed):
    assert np.isnan(from_duration([clip(duration=12.0)], timed)).all()
