"""The behaviour of a recording as one object."""

import numpy as np
import pytest

from depmap_cli.behaviour.summary import behaviour_of
from tests.behaviour.planted import readings


def test_behaviour_of_a_planted_recording():
    def angles(times):
        down = np.where((times >= 30) & (times < 45), 20.0, 0.0)
        zero = np.zeros_like(times)
        return np.stack([zero, zero, zero, zero, down], axis=1)

    events = [("AU12", 5.0, 7.0), ("AU43", 31.0, 33.0), ("AU43", 50.0, 50.3)]
    behaviour = behaviour_of(readings(events, seconds=120, angles=angles, lost=[(60.0, 90.0)]))
    assert behaviour is not None
    assert (behaviour.n_frames, behaviour.frames_per_second) == (90 * 25, 25)
    assert behaviour.seconds_read == pytest.approx(90)
    assert behaviour.caution == ""
    counted = {event.name: (event.number, event.per_minute) for event in behaviour.events}
    assert counted == {
        "smile": (1, pytest.approx(0.67)),
        "brow_raise": (0, 0),
        "frown": (0, 0),
        "blink": (1, pytest.approx(0.67)),
        "eyes_closed": (1, pytest.approx(0.67)),
    }
    # 13 s of the downward glance with open eyes, of 88 s with open eyes
    assert behaviour.share_looking_down == pytest.approx(13 / 88, abs=0.005)
    assert behaviour.share_looking_away == 0
    assert behaviour.head_movement == 0
    assert [angle.name for angle in behaviour.head_gaze][-1] == "gaze_y"


def test_without_angles_only_events_are_given():
    behaviour = behaviour_of(readings(rate=5, seconds=30))
    assert behaviour is not None
    assert behaviour.head_gaze == []
    assert behaviour.share_looking_down is behaviour.share_looking_away is None
    assert behaviour.head_movement is None
    assert behaviour.caution == "rates per minute rest on 30 s"


def test_angles_that_are_all_missing_count_as_none():
    behaviour = behaviour_of(readings(angles=lambda t: np.full((len(t), 5), np.nan)))
    assert behaviour is not None
    assert behaviour.head_gaze == []
    assert behaviour.share_looking_down is behaviour.head_movement is None


def test_no_usable_frame_is_no_behaviour():
    assert behaviour_of(readings(lost=[(0, 60)])) is None
