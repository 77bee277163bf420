"""Captions and logos over the face are found; faces, masks and landmarks that jump are not."""

import cv2
import numpy as np
import pytest

from depmap_cli.faces.captions import without_captions
from depmap_cli.faces.track import COVERED_FACE, SEGMENT
from tests.support.samples import sample_of

STEP = 0.16
"""Seconds between two of ``face_frames``."""


def excluded_frames(images, face_landmarks, step=STEP, segment=SEGMENT):
    samples = [
        sample_of(*pair, i * step)
        for i, pair in enumerate(zip(images, face_landmarks, strict=True))
    ]
    parts = [samples[i : i + segment] for i in range(0, len(samples), segment)]
    found = [s for part in without_captions(parts) for s in part]
    assert {s.reason for s in found} <= {"", COVERED_FACE}
    assert all(s.valid == (s.reason == "") for s in found)
    assert [s.time for s in found] == [s.time for s in samples]
    return np.array([not s.valid for s in found])


@pytest.fixture(scope="module")
def mouth(face_landmarks):
    """Position of the mouth in the middle of the clip, and the distance between the eyes."""
    middle = np.median(face_landmarks, axis=0)
    return middle[3:].mean(0), float(np.linalg.norm(middle[1] - middle[0]))


def bar(image, mouth, i):
    (_, y), eyes = mouth
    return cv2.rectangle(image, (0, int(y)), (191, int(y + 0.5 * eyes)), (20, 20, 20), -1)


def text(image, mouth, i):
    (_, y), eyes = mouth
    words = ("I have not slept well", "for two weeks or more", "and do not eat much")[i // 12 % 3]
    return cv2.putText(image, words, (8, int(y + 0.35 * eyes)), 0, 0.5, (255, 255, 255), 1)


def bar_with_text(image, mouth, i):
    return text(bar(image, mouth, i), mouth, i)


def pale_bar(image, mouth, i):
    return cv2.addWeighted(image, 0.3, bar(image.copy(), mouth, i), 0.7, 0)


def logo(image, mouth, i):
    (x, y), eyes = mouth
    cv2.circle(image, (int(x), int(y)), int(0.4 * eyes), (200, 120, 30), -1)
    return cv2.circle(image, (int(x), int(y)), int(0.2 * eyes), (255, 255, 255), -1)


@pytest.mark.parametrize("draw", [bar, bar_with_text, pale_bar, logo])
def test_captions_over_the_mouth_are_found(face_frames, face_landmarks, mouth, draw):
    images = [draw(image.copy(), mouth, i) for i, image in enumerate(face_frames)]
    assert excluded_frames(images, face_landmarks).mean() >= 0.9


def test_a_face_without_a_caption_is_not_excluded(face_frames, face_landmarks):
    assert not excluded_frames(face_frames, face_landmarks).any()


def test_a_caption_below_the_chin_excludes_nothing(face_frames, face_landmarks, mouth):
    images = [cv2.rectangle(f.copy(), (0, 172), (191, 191), 0, -1) for f in face_frames]
    assert max(points[3:, 1].max() for points in face_landmarks) < 150
    assert not excluded_frames(images, face_landmarks).any()


def test_only_the_frames_with_the_caption_are_excluded(face_frames, face_landmarks, mouth):
    """The bar is shown for 6.4 s; a decision looks 3 s before and after a frame."""
    images = [
        bar(image.copy(), mouth, i) if 16 <= i < 56 else image
        for i, image in enumerate(face_frames)
    ]
    found = excluded_frames(images, face_landmarks)
    assert found[30:39].all()
    assert not found[:14].any()
    assert not found[58:].any()


@pytest.mark.parametrize("every", [1, 3, 6])
def test_the_sampling_does_not_change_what_is_found(face_frames, face_landmarks, mouth, every):
    images = [bar(image.copy(), mouth, i) for i, image in enumerate(face_frames)]
    thin = slice(None, None, every)
    assert excluded_frames(images[thin], face_landmarks[thin], every * STEP).mean() >= 0.9
    assert not excluded_frames(face_frames[thin], face_landmarks[thin], every * STEP).any()


def test_short_segments_know_the_frames_before_them(face_frames, face_landmarks, mouth):
    images = [bar(image.copy(), mouth, i) for i, image in enumerate(face_frames)]
    assert excluded_frames(images, face_landmarks, segment=10)[10:].mean() >= 0.9


def test_a_mask_that_moves_with_the_face_is_no_caption(face_frames, face_landmarks):
    images = []
    for image, points in zip(face_frames, face_landmarks, strict=True):
        corners = np.array(
            [points[0] + (0, 25), points[1] + (0, 25), points[4] + (8, 25), points[3] + (-8, 25)]
        )
        images.append(cv2.fillConvexPoly(image.copy(), corners.astype(int), (220, 230, 230)))
    assert not excluded_frames(images, face_landmarks).any()


def test_unsteady_landmarks_of_a_still_face_are_no_caption(face_frames, face_landmarks):
    generator = np.random.default_rng(0)
    unsteady = [face_landmarks[0] + generator.normal(0, 5, 2) for _ in face_frames]
    assert not excluded_frames([face_frames[0]] * len(face_frames), unsteady).any()


def test_a_face_that_does_not_move_is_not_judged(face_frames, face_landmarks, mouth):
    image = bar(face_frames[0].copy(), mouth, 0)
    assert not excluded_frames([image] * 20, [face_landmarks[0]] * 20).any()
