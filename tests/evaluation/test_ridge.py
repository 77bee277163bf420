"""Ridge regression on statistics of readings: planted solutions come back, and nothing leaks."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from depmap_cli.evaluation.baselines import baseline_predictions
from depmap_cli.evaluation.ridge import ridge_predictions
from depmap_cli.evaluation.score_table import DescribedClip, EvaluatedClip, TrainingFacts
from depmap_cli.stats.ridge import MIN_PEOPLE, PENALTIES

RNG = np.random.default_rng


def cohort(n_people=40, n_noise=3, slope=(6.0, -4.0), noise=0.5, seed=0, first=0):
    """Two clips of each person; the score is linear in two statistics, the others are noise."""
    rng = RNG(seed)
    clips = []
    for person in range(first, first + n_people):
        for _ in range(2):
            values = rng.normal(size=2 + n_noise)
            score = 20 + values[:2] @ slope + rng.normal(0, noise)
            statistics = {f"s{i}": float(v) for i, v in enumerate(values)}
            clips.append(DescribedClip(subject=str(person), score=score, statistics=statistics))
    return clips


def statistics_of(clips):
    return [clip.statistics for clip in clips]


def test_a_planted_line_comes_back_on_other_people():
    training, other = cohort(), cohort(seed=1, first=100)
    found = ridge_predictions(training, statistics_of(other))
    assert found == pytest.approx([clip.score for clip in other], abs=2.5)
    error = found - [clip.score for clip in other]
    assert np.sqrt((error**2).mean()) < 0.7  # noise 0.5; the scores' sd is about 7


def spread_with_the_smallest_penalty(training, other):
    fitted = Ridge(alpha=PENALTIES[0]).fit(
        [list(clip.statistics.values()) for clip in training], [clip.score for clip in training]
    )
    return fitted.predict([list(statistics.values()) for statistics in other]).std()


def test_noise_gives_about_the_mean():
    """Many statistics and no line: cross-validation chooses a large penalty."""
    training = cohort(n_noise=60, slope=(0.0, 0.0), noise=8.0)
    other = statistics_of(cohort(n_noise=60, seed=1))
    found = ridge_predictions(training, other)
    assert found.std() < 1.5
    assert found.mean() == pytest.approx(np.mean([clip.score for clip in training]), abs=1)
    assert spread_with_the_smallest_penalty(training, other) > 8


def test_the_penalty_is_chosen_across_people():
    """Statistics that name a person predict the person's other clips, and nobody else's."""
    rng = RNG(5)
    training = []
    for person in range(30):
        score = float(rng.uniform(0, 40))
        statistics = {f"s{i}": float(v) for i, v in enumerate(rng.normal(size=60))}
        training += [DescribedClip(subject=str(person), score=score, statistics=statistics)] * 4
    spread = np.std([clip.score for clip in training])
    assert spread_with_the_smallest_penalty(training, statistics_of(training)) > 0.95 * spread
    assert ridge_predictions(training, statistics_of(training)).std() < 0.5 * spread


def test_units_of_the_statistics_do_not_matter():
    training, other = cohort(), cohort(seed=1)

    def scaled(clips):
        return [
            DescribedClip(
                subject=c.subject,
                score=c.score,
                statistics={n: 1000 * v + 7 if n == "s1" else v for n, v in c.statistics.items()},
            )
            for c in clips
        ]

    one = ridge_predictions(training, statistics_of(other))
    assert ridge_predictions(scaled(training), statistics_of(scaled(other))) == pytest.approx(one)


def test_unknown_values_are_filled_with_the_mean_and_rare_statistics_are_left_out():
    training, other = cohort(), cohort(seed=1, n_people=5)
    gap = [{**values, "s1": np.nan} for values in statistics_of(other)]
    mean = np.mean([clip.statistics["s1"] for clip in training])
    filled = [{**values, "s1": mean} for values in statistics_of(other)]
    expected = ridge_predictions(training, filled)
    assert ridge_predictions(training, gap) == pytest.approx(expected)

    rare = [
        DescribedClip(
            subject=clip.subject,
            score=clip.score,
            statistics={**clip.statistics, "rare": clip.score if i % 5 else np.nan},
        )
        for i, clip in enumerate(training)
    ]
    with_rare = [{**values, "rare": 60.0} for values in statistics_of(other)]
    found = ridge_predictions(rare, with_rare)
    assert found == pytest.approx(ridge_predictions(training, statistics_of(other)))


def test_predictions_stay_on_the_scale():
    far = [{"s0": 1e3, "s1": 0.0, "s2": 0.0, "s3": 0.0, "s4": 0.0}]
    assert ridge_predictions(cohort(), far).tolist() == [63.0]
    assert ridge_predictions(cohort(), [{**far[0], "s0": -1e3}]).tolist() == [0.0]


def test_too_few_people_or_no_statistics_give_no_prediction():
    few = cohort(n_people=MIN_PEOPLE - 1)
    assert np.isnan(ridge_predictions(few, statistics_of(few))).all()
    assert np.isnan(ridge_predictions([], statistics_of(few))).all()
    enough = cohort(n_people=MIN_PEOPLE)
    assert np.isnan(ridge_predictions(enough, [None, enough[0].statistics])).tolist() == [
        True,
        False,
    ]


def evaluated(described, subject=None, score=0.0):
    return EvaluatedClip(
        video="v.mp4",
        subject=subject or described.subject,
        session="1",
        task="",
        score=score,
        estimate=0.0,
        statistics=described.statistics,
    )


def ridge_of(clips, **facts):
    training = TrainingFacts(mean=12.0, **facts)
    return next(
        (about, values)
        for about, values in baseline_predictions(clips, training)
        if about.name == "ridge"
    )


def test_it_stands_among_the_baselines_and_never_reads_the_evaluated_scores():
    described = tuple(cohort())
    other = cohort(seed=1, first=100)
    facts = {"subjects": frozenset(c.subject for c in described), "described": described}
    about, values = ridge_of([evaluated(clip) for clip in other], **facts)
    assert values.tolist() == ridge_predictions(described, statistics_of(other)).tolist()
    assert (about.leaks, about.informed) == (False, len(other))
    _, again = ridge_of([evaluated(clip, score=60.0) for clip in other], **facts)
    assert again.tolist() == values.tolist()


def test_without_training_it_predicts_the_mean():
    about, values = ridge_of([evaluated(cohort()[0])], subjects=frozenset())
    assert (values.tolist(), about.informed, about.leaks) == ([12.0], 0, False)


def test_people_of_training_whom_the_weights_do_not_know_are_a_leak():
    described = tuple(cohort())
    clips = [evaluated(described[0]), evaluated(described[2]), evaluated(described[4], "900")]
    about, _ = ridge_of(clips, subjects=frozenset({"0"}), described=described)
    assert about.leaks
    assert about.title == "ridge on readings (leaks)"
    assert "Training holds 1 of the people evaluated here" in about.description
