"""Events: number, rate, length and strength of planted ones, and when they are not counted."""

from dataclasses import replace

import numpy as np
import pytest

from depmap_cli.behaviour.events import (
    BLINK,
    BROW_RAISE,
    END,
    EVENT_KINDS,
    EYES_CLOSED,
    FROWN,
    SMILE,
    find_events,
    summarise_events,
)
from depmap_cli.behaviour.readings import RateLimit
from depmap_cli.domain.action_units import ACTION_UNITS
from tests.behaviour.planted import COLUMN, length_at, readings

SMILES = [("AU12", 5.0, 7.0), ("AU12", 20.0, 21.0, 0.7), ("AU12", 40.0, 44.0)]
BLINKS = [("AU43", 1.3 + 2.37 * i, 1.5 + 2.37 * i) for i in range(24)]


def test_hand_values_of_three_smiles():
    summary = summarise_events(readings(SMILES), SMILE)
    lengths = [
        length_at(END, 5.0, 7.0), length_at(END, 20.0, 21.0, 0.7), length_at(END, 40.0, 44.0),
    ]  # fmt: skip
    assert (summary.name, summary.number, summary.per_minute) == ("smile", 3, 3.0)
    assert summary.mean_seconds == pytest.approx(np.mean(lengths), abs=0.002)
    assert summary.amplitude == round((0.9 + 0.7 + 0.9) / 3, 3)
    assert (summary.seconds_read, summary.frames_per_second, summary.caution) == (60, 25, "")


@pytest.mark.parametrize("rate", [2, 3, 5, 12.5, 25, 50])
@pytest.mark.parametrize("phase", [0.0, 0.3, 0.8])
def test_smiles_are_counted_alike_from_two_frames_a_second(rate, phase):
    summary = summarise_events(readings(SMILES, rate=rate, phase=phase), SMILE)
    exact = summarise_events(readings(SMILES, rate=250), SMILE)
    assert summary.number == 3
    assert summary.per_minute == pytest.approx(3)
    assert summary.mean_seconds == pytest.approx(exact.mean_seconds, abs=0.6 / rate)


@pytest.mark.parametrize("rate", [12, 12.5, 15, 25, 30])
@pytest.mark.parametrize("phase", [0.0, 0.3, 0.8])
def test_blinks_are_counted_alike_from_twelve_frames_a_second(rate, phase):
    summary = summarise_events(readings(BLINKS, rate=rate, phase=phase), BLINK)
    assert summary.number == len(BLINKS)
    assert summary.per_minute == pytest.approx(24, rel=0.005)
    assert summary.mean_seconds == pytest.approx(length_at(END, 1.3, 1.5), abs=0.03)
    assert summary.caution == ""


def test_at_five_frames_a_second_blinks_would_be_missed_and_are_not_counted():
    sparse = readings(BLINKS, rate=5, phase=0.3)
    assert len(find_events(sparse, BLINK)) < len(BLINKS)
    summary = summarise_events(sparse, BLINK)
    assert summary.number is summary.per_minute is summary.mean_seconds is None
    assert summary.amplitude is None
    assert summary.caution == (
        "needs at least 12 frames/s, but 5 were read; give --fps 15 or --every-frame"
    )
    assert (summary.seconds_read, summary.frames_per_second) == (60, 5)


@pytest.mark.parametrize("kind", EVENT_KINDS, ids=lambda kind: kind.name)
def test_each_kind_has_a_smallest_rate(kind):
    below, at = (readings(seconds=300, rate=rate) for rate in (0.9 * kind.min_rate, kind.min_rate))
    assert summarise_events(below, kind).number is None
    assert "--fps" in summarise_events(below, kind).caution
    assert summarise_events(at, kind).number == 0
    assert summarise_events(at, kind).per_minute == 0


def test_no_option_is_named_that_does_not_help():
    slow = readings(rate=5, limit=RateLimit(10, "the video has 10 frames/s"))
    assert summarise_events(slow, BLINK).caution == (
        "needs at least 12 frames/s, but the video has 10 frames/s"
    )
    fast = readings(rate=5, limit=RateLimit(25, "the video has 25 frames/s"))
    assert summarise_events(fast, BLINK).caution.endswith("give --fps 15 or --every-frame")


def test_units_that_were_not_read_are_not_counted():
    without = readings(unread=frozenset({"AU2", "AU43"}))
    summaries = {kind.name: summarise_events(without, kind) for kind in EVENT_KINDS}
    assert summaries["smile"].number == summaries["frown"].number == 0
    assert summaries["brow_raise"].number is summaries["blink"].per_minute is None
    assert summaries["brow_raise"].caution == "needs AU2, not read"
    assert summaries["eyes_closed"].caution == "needs AU43, not read"


def test_noise_around_a_threshold_does_not_split_an_event():
    smile = readings([("AU12", 10.0, 14.0, 0.55)])
    noise = np.random.default_rng(0).uniform(-0.15, 0.15, smile.action_units.shape)
    noisy = replace(smile, action_units=np.clip(smile.action_units + noise, 0, 1))
    assert len(find_events(noisy, SMILE)) == 1


def test_an_event_that_never_reaches_the_upper_threshold_does_not_count():
    assert find_events(readings([("AU12", 10.0, 14.0, 0.49)]), SMILE) == []
    assert len(find_events(readings([("AU12", 10.0, 14.0, 0.5)]), SMILE)) == 1


def test_micro_expressions_are_not_counted():
    short = readings([("AU4", 10.0, 10.2), ("AU4", 20.0, 20.5)])
    assert [round(event.onset) for event in find_events(short, FROWN)] == [20]


def test_a_brow_raise_needs_both_units():
    inner, outer = ("AU1", 10.0, 11.0), ("AU2", 10.2, 11.5)
    assert find_events(readings([inner]), BROW_RAISE) == []
    (both,) = find_events(readings([inner, outer]), BROW_RAISE)
    assert both.onset == pytest.approx(10.2 + 0.1 * END / 0.9, abs=0.01)
    assert both.offset == pytest.approx(11.0 - 0.1 * END / 0.9, abs=0.01)


def test_closures_of_a_second_are_no_blinks():
    closed = readings([("AU43", 5.0, 5.3), ("AU43", 10.0, 10.8), ("AU43", 20.0, 22.0)])
    assert summarise_events(closed, BLINK).number == 2
    long = summarise_events(closed, EYES_CLOSED)
    assert long.number == 1
    assert long.mean_seconds == pytest.approx(length_at(END, 20, 22), abs=0.02)


def test_events_cut_by_the_ends_count_once_and_their_length_is_not_used():
    cut = readings([("AU12", -1.0, 1.0), ("AU12", 30.0, 32.0), ("AU12", 59.0, 63.0)])
    summary = summarise_events(cut, SMILE)
    assert summary.number == 3
    assert summary.mean_seconds == pytest.approx(length_at(END, 30, 32), abs=0.02)
    only = summarise_events(readings([("AU12", -1.0, 70.0)]), SMILE)
    assert (only.number, only.mean_seconds, only.amplitude) == (1, None, 0.9)


def test_a_smile_on_both_sides_of_a_short_gap_counts_once():
    short = readings([("AU12", 10.0, 13.0)], lost=[(11.0, 12.52)])
    summary = summarise_events(short, SMILE)
    assert (summary.number, summary.mean_seconds) == (1, None)
    assert summary.seconds_read == pytest.approx(58.48)
    assert summary.per_minute == pytest.approx(60 / 58.48, abs=0.01)
    long = readings([("AU12", 10.0, 33.0)], lost=[(11.0, 32.0)])
    assert summarise_events(long, SMILE).number == 2


def test_nothing_is_joined_across_a_gap():
    lost = readings([("AU12", 10.0, 11.0), ("AU12", 15.0, 16.0)], lost=[(10.6, 15.4)])
    first, second = find_events(lost, SMILE)
    assert first.is_cut_after
    assert second.is_cut_before
    assert first.offset == pytest.approx(10.6, abs=0.05)
    assert second.onset == pytest.approx(15.4, abs=0.05)
    assert summarise_events(lost, SMILE).mean_seconds is None


def test_a_frame_lost_within_a_smile_does_not_cut_it():
    (event,) = find_events(readings([("AU12", 10.0, 13.0)], lost=[(11.0, 11.3)]), SMILE)
    assert event.is_whole


def test_a_gap_that_may_hide_a_blink_is_not_time_read():
    lost = readings(BLINKS, lost=[(0.0, 0.32), (30.0, 30.4)])
    assert summarise_events(lost, BLINK).seconds_read == pytest.approx(59.28)
    assert summarise_events(lost, SMILE).seconds_read == pytest.approx(59.68)


def test_a_closure_around_a_gap_is_one_event():
    gap = readings([("AU43", 10.0, 10.6)], lost=[(10.15, 10.45)])
    assert summarise_events(gap, BLINK).number == 1
    assert summarise_events(gap, EYES_CLOSED).number == 0


def test_without_a_usable_frame_there_is_no_rate():
    nothing = readings(lost=[(0.0, 60.0)])
    for kind in EVENT_KINDS:
        summary = summarise_events(nothing, kind)
        assert summary.number is summary.per_minute is None
        assert summary.seconds_read == 0


def test_the_units_of_all_kinds_exist():
    assert {code for kind in EVENT_KINDS for code in kind.units} <= set(COLUMN)
    assert len(COLUMN) == len(ACTION_UNITS)
