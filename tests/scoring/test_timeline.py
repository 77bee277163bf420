"""The timeline: bins of consecutive frames that keep weight, scores, levels and reasons."""

import numpy as np
import pytest

from depmap_cli.behaviour.traces import MAX_BINS
from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.results import FrameRow
from depmap_cli.scoring.timeline import timeline_of


def frame(time, *, score=None, weight=0.0, shares=None, reason="no face", aus=0.0, angles=None):
    usable = score is not None
    return FrameRow(
        number=0, time=time, valid=usable, reason="" if usable else reason, origin="", n_faces=1,
        probability=1.0, box=None, landmarks=None, weight=weight, score=score,
        logits=None if shares is None else np.log(shares),
        action_units=np.full(len(ACTION_UNITS), aus) if usable else None, angles=angles,
    )  # fmt: skip


def test_long_videos_are_binned_without_losing_weight():
    n = 12_345
    shares = [0.1, 0.2, 0.3, 0.4]
    rows = [
        frame(i / 25, score=float(i % 60), weight=1 / n, shares=shares) if i % 7 else frame(i / 25)
        for i in range(n)
    ]
    timeline = timeline_of(rows)
    usable = sum(1 for i in range(n) if i % 7)
    assert timeline.n_frames == sum(timeline.frames) == n
    assert sum(timeline.usable) == usable
    assert {len(column) for column in (timeline.start, timeline.score, timeline.reason)} == {
        MAX_BINS
    }
    assert sum(timeline.weight) == pytest.approx(usable / n, abs=1e-5)
    assert all(levels == shares for levels in timeline.levels)
    assert timeline.start[1:] == timeline.end[:-1]


def test_a_bin_leans_to_the_frames_that_carry_weight():
    (one, four) = ([1.0, 1e-9, 1e-9, 1e-9], [1e-9, 1e-9, 1e-9, 1.0])
    rows = [
        frame(1.0, score=10.0, weight=0.75, shares=one, aus=0.2),
        frame(2.0, score=30.0, weight=0.25, shares=four, aus=0.6),
    ]
    timeline = timeline_of(rows, n_bins=1)
    assert (timeline.score, timeline.score_low, timeline.score_high) == ([15.0], [10.0], [30.0])
    assert timeline.levels == [[0.75, 0, 0, 0.25]]
    assert (timeline.start, timeline.end, timeline.weight) == ([0.5], [2.5], [1.0])
    smile = timeline.trace("AU12")
    assert smile is not None
    assert (smile.low, smile.mean, smile.high) == ([0.2], [0.4], [0.6])
    beyond = timeline_of([frame(0, score=-20.0), frame(1, score=90.0)], n_bins=2)
    assert beyond.score == beyond.score_low == beyond.score_high == [0.0, 63.0]
    plain = timeline_of([frame(0, score=10.0), frame(1, score=30.0)], n_bins=1)
    assert (plain.score, plain.levels) == ([20.0], [None])


def test_a_bin_without_a_usable_frame_names_the_commonest_reason():
    rows = [frame(0), frame(1, reason="covered face"), frame(2, reason="covered face")]
    timeline = timeline_of([*rows, frame(3), frame(4, score=1.0), frame(5)], n_bins=2)
    assert timeline.reason == ["covered face", ""]
    assert timeline.usable == [0, 1]
    assert timeline.trace("AU1").mean == [None, 0.0]


def test_angles_have_a_trace_if_they_were_read():
    nan = float("nan")
    angles = np.array([1.25, -3.0, 0.0, nan, nan])
    timeline = timeline_of([frame(0, score=1.0, angles=angles), frame(1, score=1.0)])
    assert [trace.name for trace in timeline.traces[18:]] == ["pitch", "yaw", "roll"]
    pitch = timeline.trace("pitch")
    assert (pitch.unit, pitch.mean) == ("degrees", [1.25, None])
    assert timeline.trace("gaze_x") is None
    assert len(timeline_of([frame(0, score=1.0)]).traces) == 18
