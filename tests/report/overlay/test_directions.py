"""Arrows of head and gaze, by hand: signs as in OpenFace's tables, x right and y down."""

import numpy as np
import pytest

from depmap_cli.report.overlay.directions import gaze_direction, head_axes

HALF, ROOT = 0.5, np.sqrt(0.5)


def angles(pitch=0.0, yaw=0.0, roll=0.0, gaze_x=0.0, gaze_y=0.0):
    return np.array([pitch, yaw, roll, gaze_x, gaze_y])


def test_a_face_that_looks_into_the_camera_points_at_it():
    assert head_axes(angles()) == pytest.approx(np.array([[1, 0], [0, 1], [0, 0]]))
    assert gaze_direction(angles()) == pytest.approx(np.zeros(2))


@pytest.mark.parametrize(
    ("turned", "forward"),
    [
        ({"pitch": 30}, (0, HALF)),  # bowed: down
        ({"pitch": -30}, (0, -HALF)),
        ({"yaw": 30}, (-HALF, 0)),  # to the left of the picture
        ({"yaw": -90}, (1, 0)),
        ({"roll": 40}, (0, 0)),
    ],
)
def test_the_forward_axis_follows_pitch_and_yaw(turned, forward):
    assert head_axes(angles(**turned))[2] == pytest.approx(np.array(forward), abs=1e-12)


def test_a_head_tilted_clockwise_lowers_the_right_of_the_picture():
    right, down, _ = head_axes(angles(roll=30))
    assert right == pytest.approx(np.array([np.sqrt(0.75), HALF]))
    assert down == pytest.approx(np.array([-HALF, np.sqrt(0.75)]))


def test_the_rotations_are_applied_roll_first_and_pitch_last():
    # Ry(90) turns the axis to the camera to the left, where Rx(90) leaves it.
    assert head_axes(angles(pitch=90, yaw=90))[2] == pytest.approx(np.array([-1, 0]), abs=1e-12)
    # Rz(90) turns the right axis down; Rx(90) turns that away from the camera.
    assert head_axes(angles(pitch=90, roll=90))[0] == pytest.approx(np.zeros(2), abs=1e-12)


@pytest.mark.parametrize(
    ("turned", "gaze"),
    [
        ({"gaze_x": 45}, (ROOT, 0)),  # to the right of the picture
        ({"gaze_y": 45}, (0, ROOT)),  # down
        ({"gaze_x": 45, "yaw": 45}, (0, 0)),  # the eyes stay on the camera
        ({"gaze_y": -20, "pitch": 20}, (0, 0)),
        ({"gaze_x": 45, "roll": 90}, (0, ROOT)),
    ],
)
def test_the_gaze_is_relative_to_the_head(turned, gaze):
    assert gaze_direction(angles(**turned)) == pytest.approx(np.array(gaze), abs=1e-12)
