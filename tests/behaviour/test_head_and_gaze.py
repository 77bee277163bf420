"""Looking down and away, with the signs of the angles; the head's speed in hand values."""

import numpy as np
import pytest

from depmap_cli.behaviour.head_and_gaze import (
    head_speed,
    share_looking_away,
    share_looking_down,
    summarise_angles,
)
from depmap_cli.domain.head_and_gaze import ANGLES, head_rotation
from tests.behaviour.planted import readings

NAN = float("nan")


def frames(n=10, **columns):
    """Angles (n, 5); 0 but for the given columns, of which each has n values or one."""
    return np.stack([np.broadcast_to(columns.get(name, 0.0), n) for name in ANGLES], axis=1)


def opened(n=10):
    return np.ones(n, bool)


def in_last(value, count=3, n=10):
    return np.r_[np.zeros(n - count), np.full(count, value)]


@pytest.mark.parametrize(
    ("angles", "share"),
    [
        (frames(pitch=in_last(12.0)), 0.3),
        (frames(gaze_y=in_last(12.0)), 0.3),
        (frames(pitch=in_last(6.0), gaze_y=in_last(6.0)), 0.3),  # together 12 degrees down
        (frames(pitch=in_last(12.0), gaze_y=in_last(-6.0)), 0.0),  # bowed, eyes up
        (frames(pitch=in_last(-12.0)), 0.0),
        (frames(pitch=in_last(9.9)), 0.0),
        (frames(pitch=15 + in_last(12.0)), 0.3),  # the camera is above the face
        (frames(yaw=in_last(30.0)), 0.0),
    ],
)
def test_looking_down(angles, share):
    assert share_looking_down(angles, opened()) == share


@pytest.mark.parametrize(
    ("angles", "share"),
    [
        (frames(yaw=in_last(12.0)), 0.3),
        (frames(yaw=in_last(-12.0)), 0.3),
        (frames(gaze_x=in_last(12.0)), 0.3),
        (frames(yaw=in_last(20.0), gaze_x=in_last(20.0)), 0.0),  # turned left, eyes on the camera
        (frames(yaw=in_last(6.0), gaze_x=in_last(-6.0)), 0.3),  # both to the left
        (frames(yaw=25 + in_last(12.0)), 0.3),  # an interview filmed from the side
        (frames(pitch=in_last(30.0)), 0.0),
    ],
)
def test_looking_away(angles, share):
    assert share_looking_away(angles, opened()) == share


def test_closed_eyes_and_missing_angles_are_left_out():
    angles = frames(gaze_y=in_last(30.0, 5))
    is_open = np.r_[np.ones(8, bool), np.zeros(2, bool)]
    assert share_looking_down(angles, is_open) == round(3 / 8, 4)
    angles[5, 4] = NAN
    assert share_looking_down(angles, is_open) == round(2 / 7, 4)
    assert share_looking_away(angles, is_open) == 0


def test_without_gaze_or_open_eyes_there_is_no_share():
    pose_only = frames(gaze_x=NAN, gaze_y=NAN)
    assert share_looking_down(pose_only, opened()) is None
    assert share_looking_away(pose_only, opened()) is None
    assert share_looking_away(frames(), ~opened()) is None


def test_summary_of_the_angles():
    angles = frames(101, pitch=np.arange(101.0), yaw=NAN, gaze_x=in_last(8.0, 1, 101))
    pitch, roll, gaze_x, gaze_y = summarise_angles(angles, np.r_[np.ones(100, bool), False])
    assert (pitch.name, pitch.mean, pitch.low, pitch.high) == ("pitch", 50, 5, 95)
    assert pitch.sd == pytest.approx(np.sqrt((101**2 - 1) / 12), abs=0.01)
    assert (roll.name, roll.mean, roll.sd) == ("roll", 0, 0)
    assert (gaze_x.name, gaze_x.high) == ("gaze_x", 0)  # its only glance is with closed eyes
    assert gaze_y.plain.startswith("eyes down")
    assert summarise_angles(frames(yaw=NAN)[:0], opened(0)) == []


@pytest.mark.parametrize("axis", ["pitch", "yaw", "roll"])
@pytest.mark.parametrize("rate", [2, 5, 25])
def test_a_steady_rotation_about_one_axis_has_its_speed(axis, rate):
    turning = readings(
        seconds=10, rate=rate, angles=lambda t: frames(len(t), **{axis: -40 + 8 * t})
    )
    assert head_speed(turning) == pytest.approx(8)


def test_two_axes_together_turn_by_the_angle_between_the_poses():
    first, last = head_rotation(np.array([[0.0, 0, 0], [90, 90, 0]]))
    assert first == pytest.approx(np.eye(3))
    assert last @ [0, 0, 1] == pytest.approx([1, 0, 0], abs=1e-12)
    turning = readings(
        seconds=2, rate=25, angles=lambda t: frames(len(t), pitch=3 * (t >= 1), yaw=4 * (t >= 1))
    )
    assert head_speed(turning) == pytest.approx(5, abs=0.01)


def test_the_direction_of_the_angles_is_that_of_the_tables():
    """z points away from the camera, so a face without rotation looks along -z."""
    face = np.array([0, 0, -1])
    bowed, turned = head_rotation(np.array([[30.0, 0, 0], [0, 30.0, 0]])) @ face
    assert bowed == pytest.approx([0, 0.5, -np.sqrt(0.75)])  # down: y is positive
    assert turned == pytest.approx([-0.5, 0, -np.sqrt(0.75)])  # to the left of the picture


def test_a_still_head_hardly_moves_despite_jitter_and_wild_readings():
    def still(times):
        rng = np.random.default_rng(3)
        angles = rng.normal(0, 0.5, (len(times), 5))
        angles[::40, :3] += 30
        return angles

    speeds = {rate: head_speed(readings(seconds=120, rate=rate, angles=still)) for rate in (5, 25)}
    assert speeds[25] < 0.5
    assert speeds[5] < 1.0


@pytest.mark.parametrize("rate", [5, 12.5])
def test_speed_hardly_depends_on_the_sampling(rate):
    def sway(times):
        return frames(len(times), yaw=15 * np.sin(times * 0.9), pitch=8 * np.sin(times * 0.6 + 1))

    dense = head_speed(readings(seconds=120, rate=50, angles=sway))
    assert head_speed(readings(seconds=120, rate=rate, angles=sway)) == pytest.approx(
        dense, rel=0.03
    )


def test_no_speed_across_a_gap_or_without_readings():
    def jump(times):
        return frames(len(times), yaw=np.where(times < 30, 0.0, 40.0))

    assert head_speed(readings(rate=5, angles=jump)) == pytest.approx(40 / 59, abs=0.02)
    assert head_speed(readings(rate=5, angles=jump, lost=[(29.0, 31.0)])) < 1e-5
    assert head_speed(readings(rate=5)) is None
    assert head_speed(readings(rate=5, angles=lambda t: frames(len(t), roll=NAN))) is None
    assert head_speed(readings(rate=1.5, angles=jump)) is None
    assert head_speed(readings(seconds=1, rate=5, angles=jump)) is None
