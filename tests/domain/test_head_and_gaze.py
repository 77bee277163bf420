"""Angles of head and gaze: their signs, conversions and directions."""

import numpy as np
import pytest

from depmap_cli.domain.head_and_gaze import (
    ANGLES,
    DIRECTIONS,
    direction_phrase,
    direction_strengths,
    head_angles,
    head_rotation,
    mirrored,
    turned_in_picture,
)

NOSE = np.array([0.0, 0.0, -1.0])  # towards the camera: x right, y down, z away


def _angles(**values: float) -> np.ndarray:
    return np.array([[values.get(name, 0.0) for name in ANGLES]])


def _nose(**values: float) -> np.ndarray:
    return (head_rotation(_angles(**values)[:, :3]) @ NOSE)[0]


def test_signs_are_those_of_the_module():
    assert _nose(pitch=20)[1] == pytest.approx(np.sin(np.radians(20)))  # bowed: down
    assert _nose(yaw=20)[0] == pytest.approx(-np.sin(np.radians(20)))  # to the left
    right_eye = head_rotation(np.array([[0, 0, 20.0]]))[0] @ [1.0, 0, 0]
    assert right_eye[1] > 0  # clockwise: what is on the right goes down


def test_angles_of_a_rotation_are_those_it_was_made_from():
    rng = np.random.default_rng(0)
    angles = rng.uniform(-60, 60, (50, 3))
    np.testing.assert_allclose(head_angles(head_rotation(angles)), angles, atol=1e-9)


def test_turning_the_picture_of_a_frontal_face_adds_to_its_roll():
    turned = turned_in_picture(_angles(roll=5, gaze_x=7), np.array([10.0]))
    np.testing.assert_allclose(turned, _angles(roll=15, gaze_x=7), atol=1e-9)


def test_turning_the_picture_turns_the_nose_in_the_picture():
    before, after = _nose(pitch=20), turned_in_picture(_angles(pitch=20), np.array([90.0]))
    nose = head_rotation(after[:, :3])[0] @ NOSE
    # What points down points to the left after a quarter turn clockwise.
    np.testing.assert_allclose(nose[:2], [-before[1], 0], atol=1e-9)


def test_a_mirrored_picture_mirrors_the_nose():
    nose = _nose(pitch=10, yaw=20, roll=30)
    other = head_rotation(mirrored(_angles(pitch=10, yaw=20, roll=30))[:, :3])[0] @ NOSE
    np.testing.assert_allclose(other, nose * [-1, 1, 1], atol=1e-9)


def test_directions_show_between_their_limits():
    bowed = next(i for i, d in enumerate(DIRECTIONS) if d.words == "the head bowed")
    aside = next(i for i, d in enumerate(DIRECTIONS) if d.words == "the eyes looking aside")
    strengths = direction_strengths(
        np.concatenate([_angles(pitch=15), _angles(pitch=-40), _angles(gaze_x=-22)])
    )
    assert strengths[:, bowed].tolist() == [0.5, 0.0, 0.0]
    assert strengths[:, aside].tolist() == [0.0, 0.0, 1.0]  # on either side


def test_unknown_angles_show_no_direction():
    assert not direction_strengths(np.full((2, 5), np.nan)).any()


def test_every_direction_has_a_sentence_of_its_own():
    assert len({direction_phrase(direction) for direction in DIRECTIONS}) == len(DIRECTIONS)
