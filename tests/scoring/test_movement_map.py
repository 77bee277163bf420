"""Maps of where a face differs from the person's usual face."""

import numpy as np
import pytest

from depmap_cli.domain.landmarks import BROWS, JAW, LIPS
from depmap_cli.scoring.movement_map import MAX_FRAMES, MIN_FRAMES, UsualFace, movement_map
from tests.support.face_landmarks import face_landmarks

SIDE = 64


def video(n: int, shift: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks of n frames whose head nods, with the lips ``shift`` lower for each 10 degrees."""
    rng = np.random.default_rng(seed)
    head = rng.uniform(-15, 15, (n, 3))
    landmarks = np.tile(face_landmarks(), (n, 1, 1)) + rng.normal(0, 5e-4, (n, 68, 2))
    landmarks[:, LIPS, 1] += shift * head[:, :1] / 10
    return landmarks, head


@pytest.mark.parametrize(
    ("change", "region"),
    [({"brows_up": 0.04}, BROWS), ({"smile": 0.04}, LIPS), ({"lips_apart": 0.06}, LIPS)],
)
def test_the_hottest_point_is_where_the_face_moves(change, region):
    landmarks, head = video(50)
    usual = UsualFace.fit(landmarks, head)
    moved = face_landmarks(**change)
    heat = movement_map(moved, usual.deviations(moved, head[0]), SIDE)
    assert heat.shape == (SIDE, SIDE)
    assert heat.max() > 0.3
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    spot = (np.array([column, row]) + 0.5) / SIDE
    assert np.linalg.norm(moved[region] - spot, axis=1).min() < 0.03


def test_the_usual_face_has_no_heat():
    landmarks, head = video(50)
    usual = UsualFace.fit(landmarks, head)
    assert movement_map(landmarks[0], usual.deviations(landmarks[0], head[0]), SIDE).max() < 0.1


def test_a_few_expressions_do_not_change_the_usual_face():
    landmarks, head = video(50)
    landmarks[:15] = face_landmarks(smile=0.05)
    usual = UsualFace.fit(landmarks, head)
    smile, neutral = (usual.deviations(x, head[20]).max() for x in (landmarks[0], landmarks[20]))
    assert smile > 3 * neutral


def test_the_head_pose_does_not_count_as_movement():
    """The control is a fit that does not know the pose."""
    landmarks, head = video(200, shift=0.03)
    nodded = head[:, 0].argmax()
    known = UsualFace.fit(landmarks, head)
    unknown = UsualFace.fit(landmarks, np.full_like(head, np.nan))
    with_pose, without = (
        usual.deviations(landmarks[nodded], head[nodded])[LIPS].mean() for usual in (known, unknown)
    )
    assert with_pose < 0.2 * without


def test_from_few_frames_the_pose_is_ignored():
    landmarks, head = video(MIN_FRAMES - 1, shift=0.03)
    assert not UsualFace.fit(landmarks, head).coefficients[1:].any()
    assert UsualFace.fit(*video(MIN_FRAMES, shift=0.03)).coefficients[1:].any()


def test_the_jaw_and_the_nose_have_no_heat_of_their_own():
    deviations = np.zeros(68)
    deviations[JAW] = 9
    assert movement_map(face_landmarks(), deviations, SIDE).max() == 0


def test_the_usual_face_of_a_long_video_comes_from_all_its_parts():
    """A long video whose lips are lower in its second half; the pose is unknown.

    The usual place lies between both halves. The control, a fit on the first half, has the second
    half far away.
    """
    landmarks = video(3 * MAX_FRAMES)[0]
    unknown = np.full((len(landmarks), 3), np.nan)
    half = len(landmarks) // 2 + 10
    landmarks[half:, LIPS, 1] += 0.05
    landmarks[half - 20 : half, LIPS, 1] += 0.025  # so that the median lies between
    last = landmarks[-1], unknown[-1]
    every, first = (UsualFace.fit(landmarks[:n], unknown[:n]) for n in (len(landmarks), half - 20))
    assert every.deviations(*last)[LIPS].mean() < 0.8 * first.deviations(*last)[LIPS].mean()
