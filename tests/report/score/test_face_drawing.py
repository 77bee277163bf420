"""A drawing shows the landmarks of a face, and nothing else of it."""

import numpy as np
import pytest

from depmap_cli.report import picture
from depmap_cli.report.score.face_drawing import draw_face
from depmap_cli.results import KeyPicture
from tests.support.face_landmarks import face_landmarks

SIZE = 200


def test_lines_run_through_the_landmarks():
    landmarks = face_landmarks(smile=0.03, lips_apart=0.05)
    drawn = draw_face(landmarks, SIZE)
    assert drawn.shape == (SIZE, SIZE)
    assert (drawn.min(), drawn.max()) == (0, 1)
    columns, rows = (landmarks * SIZE).astype(int).clip(0, SIZE - 1).T
    near = [drawn[r - 1 : r + 2, c - 1 : c + 2].min() for c, r in zip(columns, rows, strict=True)]
    assert max(near) < 0.5
    assert (drawn > 0.95).mean() > 0.8  # paper


@pytest.mark.parametrize(
    ("change", "region"),
    [
        ({"smile": 0.05}, np.s_[120:170, 50:150]),
        ({"lips_apart": 0.09}, np.s_[120:170, 50:150]),
        ({"brows_up": 0.05}, np.s_[20:55, 20:180]),
    ],
)
def test_only_what_moves_is_drawn_elsewhere(change, region):
    difference = np.abs(
        draw_face(face_landmarks(**change), SIZE) - draw_face(face_landmarks(), SIZE)
    )
    assert difference[region].sum() > 0.95 * difference.sum() > 10


def test_a_smile_and_a_grimace_differ():
    """The corners of the mouth are drawn above or below its middle, as in the face."""

    def ink_of_corners(drawn: np.ndarray) -> float:
        """Mean row of the ink at the corners, minus that at the middle of the lips."""
        ink = 1 - drawn[120:170]
        rows = np.arange(50)[:, None]
        corner = np.r_[66:74, 126:134]
        middle = np.r_[90:110]
        place = [(rows * ink[:, c]).sum() / ink[:, c].sum() for c in (corner, middle)]
        return float(place[0] - place[1])

    smile = ink_of_corners(draw_face(face_landmarks(smile=0.05), SIZE))
    grimace = ink_of_corners(draw_face(face_landmarks(smile=-0.05), SIZE))
    assert smile < -3 < 3 < grimace


def test_with_landmarks_the_drawing_shows_nothing_else_of_the_face():
    rng = np.random.default_rng(0)
    cold, landmarks = np.zeros((16, 16)), face_landmarks()
    faces = [rng.integers(0, 255, (128, 128, 3), np.uint8) for _ in range(2)]
    drawn = [picture(KeyPicture(face, cold, landmarks), "drawing") for face in faces]
    assert np.array_equal(*drawn)
    assert not np.array_equal(*[picture(KeyPicture(face, cold), "drawing") for face in faces])


def test_landmarks_outside_the_picture_are_cut_off():
    landmarks = face_landmarks() + (0.5, -0.3)
    landmarks[0] = (9.0, -9.0)
    assert draw_face(landmarks, 64).shape == (64, 64)
