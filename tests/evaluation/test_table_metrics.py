"""Protects the metrics of a report: hand values, planted cases, what is compared with what."""

import math

import numpy as np
import pytest

from depmap_cli.errors import DataInvalid
from depmap_cli.evaluation.evaluate import EvaluationPart, evaluate_parts, evaluate_table
from depmap_cli.evaluation.results import Bootstrap
from depmap_cli.evaluation.score_table import EvaluatedClip, TrainingFacts
from depmap_cli.evaluation.table_metrics import N_BINS
from depmap_cli.stats.metrics import agreement
from tests.support.evaluation_sample import ABOUT, TRAINING, some_clips, some_report

QUICK = Bootstrap(draws=50)


def clip(subject, session, task, score, estimate):
    return EvaluatedClip(
        video=f"{subject}_{session}_{task}.mp4",
        subject=subject,
        session=session,
        task=task,
        score=score,
        estimate=estimate,
    )


def evaluated(clips, half_width=None, subjects=(), **options):
    training = TrainingFacts(mean=15.0, subjects=frozenset(subjects))
    widths = None if half_width is None else np.full(len(clips), half_width)
    return evaluate_table(clips, training, ABOUT, widths, bootstrap=QUICK, **options)


def values(figures):
    return {name: getattr(figures, name).value for name in ("rmse", "mae", "pcc", "ccc")}


def test_clips_and_sessions_by_hand():
    clips = [
        clip("1", "1", "Freeform", 10, 13),
        clip("1", "1", "Northwind", 10, 11),
        clip("1", "2", "Freeform", 20, 16),
        clip("2", "1", "Freeform", 30, 30),
    ]
    report = evaluated(clips)
    found = report.agreement
    assert (report.n_clips, report.n_sessions, report.n_people) == (4, 3, 2)
    assert found.clips.estimates.rmse.value == pytest.approx(math.sqrt((9 + 1 + 16 + 0) / 4))
    assert found.clips.estimates.mae.value == pytest.approx(8 / 4)
    assert found.sessions.estimates.n == 3
    assert found.sessions.estimates.rmse.value == pytest.approx(math.sqrt((4 + 16 + 0) / 3))
    assert [(t.name, t.estimates.n) for t in found.tasks] == [("Freeform", 3), ("Northwind", 1)]
    assert found.tasks[1].estimates.rmse.value == pytest.approx(1)


def test_all_parts_agree_with_the_metrics_of_training():
    clips, report = some_clips(), some_report()

    def expected(rows):
        pair = np.array([(c.score, c.estimate) for c in rows]).T
        return pytest.approx(agreement(*pair))

    found = report.agreement
    assert values(found.clips.estimates) == expected(clips)
    for task in found.tasks:
        assert values(task.estimates) == expected([c for c in clips if c.task == task.name])
    seen = [c for c in clips if c.subject in TRAINING.subjects]
    assert values(found.seen.estimates) == expected(seen)
    assert values(found.unseen.estimates) == expected([c for c in clips if c not in seen])
    assert report.n_unseen == len({c.subject for c in clips} - TRAINING.subjects)
    assert found.seen.estimates.n + found.unseen.estimates.n == len(clips)


def test_baselines_stand_beside_every_part():
    report = some_report()
    found = report.agreement
    names = [b.name for b in report.baselines]
    for part in (found.clips, found.sessions, *found.tasks, found.seen, found.unseen):
        assert [b.baseline for b in part.baselines] == names
        for compare_with in part.baselines:
            assert compare_with.agreement.n == part.estimates.n
            difference = part.estimates.rmse.value - compare_with.agreement.rmse.value
            assert compare_with.rmse_difference.value == pytest.approx(difference)
    assert found.clips.baselines[0].agreement.pcc.value == 0


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_correlation_needs_three_rows(n):
    report = evaluated([clip(str(i), "1", "", 9 - i, 4 + i) for i in range(n)])
    for figures in (report.agreement.clips.estimates, report.errors):
        assert (figures.pcc.value is None, figures.ccc.value is None) == (n < 3, n < 3)
        assert figures.rmse.value is not None


def test_sessions_of_different_people_are_kept_apart():
    report = evaluated([clip("1", "1", "", 5, 5), clip("2", "1", "", 5, 5)])
    assert report.n_sessions == 2


@pytest.mark.parametrize(("subjects", "empty"), [((), "seen"), (("1", "2"), "unseen")])
def test_a_part_without_people_is_null(subjects, empty):
    clips = [clip("1", "1", "", 5, 5), clip("2", "1", "", 9, 5)]
    assert getattr(evaluated(clips, subjects=subjects).agreement, empty) is None


def test_bands_by_hand():
    clips = [clip("1", "1", "", 13, 16), clip("2", "1", "", 0, 4), clip("3", "1", "", 29, 20)]
    bands = {group.name: group.errors for group in evaluated(clips).bands}
    assert [errors.n for errors in bands.values()] == [2, 0, 0, 1]
    assert bands["minimal"].rmse.value == pytest.approx(math.sqrt((9 + 16) / 2))
    assert bands["minimal"].bias.value == pytest.approx(3.5)
    assert bands["severe"].bias.value == pytest.approx(-9)
    assert bands["severe"].mae.value == pytest.approx(9)
    assert bands["mild"].rmse.value is None


def test_intervals_by_hand_clipped_to_the_scale():
    clips = [clip("1", "1", "", 10, 5), clip("2", "1", "", 30, 20), clip("3", "1", "", 60, 60)]
    report = evaluated(clips, half_width=8.0)
    assert report.errors.coverage.value == pytest.approx(2 / 3)
    assert report.errors.width.value == pytest.approx((13 + 16 + 11) / 3)  # 0-13, 12-28, 52-63
    assert [(row.low, row.high) for row in report.table] == [(0, 13), (12, 28), (52, 63)]
    covered = [group.errors.coverage.value for group in report.bands]
    assert covered == [1, None, None, 0.5]


def test_intervals_of_perfect_estimates_cover_everything():
    clips = [clip(str(i), "1", "", i, float(i)) for i in range(40)]
    errors = evaluated(clips, half_width=0.0).errors
    assert (errors.coverage.value, errors.coverage.high, errors.width.value) == (1, 1, 0)
    # exact, of 40 of 40 people (Clopper and Pearson 1934): not "100 to 100 %"
    assert errors.coverage.low == pytest.approx(0.025 ** (1 / 40))
    none = evaluated([clip(str(i), "1", "", i, i + 5.0) for i in range(10)], half_width=1.0).errors
    assert (none.coverage.value, none.coverage.low) == (0, 0)
    assert none.coverage.high == pytest.approx(0.3085, abs=1e-4)  # of 0 of 10, from tables


def test_a_residual_as_wide_as_the_interval_is_covered_despite_rounding():
    clips = [clip(str(i), "1", "", 3.0, 3.0 + 0.1 + 0.2) for i in range(5)]
    assert evaluated(clips, half_width=0.3).errors.coverage.value == 1


def test_an_infinite_half_width_is_no_interval():
    report = evaluated([clip("1", "1", "", 60, 3)], half_width=math.inf)
    assert report.intervals.half_width is None
    assert (report.errors.coverage.value, report.errors.width.value) == (None, None)
    assert (report.table[0].low, report.table[0].high) == (None, None)


def test_without_calibration_there_are_no_intervals():
    report = evaluated([clip("1", "1", "", 60, 3)])
    assert report.intervals is None
    assert report.errors.coverage.value is None
    assert report.table[0].low is None


def test_calibration_finds_a_planted_line():
    clips = [clip(str(i), "1", "", 2.0 + 1.5 * e, e) for i, e in enumerate(np.linspace(0, 40, 30))]
    found = evaluated(clips).calibration
    assert found.slope.value == pytest.approx(1.5)
    assert found.slope.low == pytest.approx(1.5)
    assert found.intercept.value == pytest.approx(2)
    assert [group.n for group in found.bins] == [6] * N_BINS
    for group in found.bins:
        assert group.truth.value == pytest.approx(2 + 1.5 * group.estimate)


def test_equal_estimates_share_a_calibration_bin():
    clips = [clip(str(i), "1", "", i, 12.0) for i in range(20)]
    found = evaluated(clips).calibration
    assert [group.n for group in found.bins] == [20]
    assert found.slope.value is None


def test_bland_altman_by_hand():
    errors = (-2.0, 0.0, 5.0)
    clips = [clip(str(i), "1", "", 10, 10 + e) for i, e in enumerate(errors)]
    found = evaluated(clips).bland_altman
    sd = math.sqrt(((-3) ** 2 + (-1) ** 2 + 4**2) / 2)
    assert found.bias.value == pytest.approx(1)
    assert found.lower.value == pytest.approx(1 - 1.96 * sd)
    assert found.upper.value == pytest.approx(1 + 1.96 * sd)


def test_bland_altman_is_over_sessions():
    clips = [clip("1", "1", task, 10, e) for task, e in (("Freeform", 20), ("Northwind", 4))]
    report = evaluated([*clips, clip("2", "1", "Freeform", 10, 10)])
    found = report.bland_altman
    assert (found.n, found.people, found.bias.value) == (2, 2, 1)


def test_one_clip_can_be_evaluated():
    report = evaluated([clip("1", "1", "", 7, 9)], half_width=3.0)
    assert report.agreement.clips.estimates.rmse.value == pytest.approx(2)
    assert report.bland_altman.lower.value is None


def test_the_table_holds_what_went_in():
    clips, report = some_clips(), some_report()
    for row, clip_ in zip(report.table, clips, strict=True):
        assert (row.video, row.score, row.estimate) == (clip_.video, clip_.score, clip_.estimate)
        assert row.seen == (clip_.subject in TRAINING.subjects)
        assert row.levels == list(clip_.levels)
        assert set(row.baselines) == {"mean", "person", "person_leaking", "duration", "ridge"}


def test_the_clips_length_touches_nothing_but_its_baseline():
    clips = some_clips()
    other = [EvaluatedClip(**{**vars(c), "duration": 1.0}) for c in clips]
    one, two = some_report(clips=clips), some_report(clips=other)
    assert one.agreement.clips.estimates == two.agreement.clips.estimates
    for a, b in zip(one.agreement.clips.baselines, two.agreement.clips.baselines, strict=True):
        assert (a == b) == (a.baseline != "duration")


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_is_refused(bad):
    with pytest.raises(DataInvalid, match=r"1_1_\.mp4"):
        evaluated([clip("1", "1", "", 7, bad)])
    with pytest.raises(DataInvalid, match="no clip"):
        evaluated([])


def test_parts_are_pooled_each_beside_the_mean_of_its_own_training():
    first = EvaluationPart(
        clips=[clip("1", "1", "", 10, 12)],
        training=TrainingFacts(mean=20.0, subjects=frozenset({"1"})),
        half_widths=np.array([5.0]),
    )
    second = EvaluationPart(
        clips=[clip("2", "1", "", 30, 26)],
        training=TrainingFacts(mean=40.0, subjects=frozenset({"1"})),
        half_widths=np.array([3.0]),
    )
    report = evaluate_parts([first, second], ABOUT, bootstrap=QUICK)
    assert report.agreement.clips.estimates.rmse.value == pytest.approx(math.sqrt((4 + 16) / 2))
    (mean,) = (b for b in report.agreement.clips.baselines if b.baseline == "mean")
    assert mean.agreement.mae.value == 10  # 20 beside 10, 40 beside 30
    assert [row.seen for row in report.table] == [True, False]
    assert [(row.low, row.high) for row in report.table] == [(7, 17), (23, 29)]
    assert report.errors.coverage.value == 0.5
    assert report.intervals.half_width == 4
    uncalibrated = EvaluationPart(clips=second.clips, training=second.training)
    assert evaluate_parts([first, uncalibrated], ABOUT, bootstrap=QUICK).intervals is None
