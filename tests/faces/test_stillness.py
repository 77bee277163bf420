"""Frozen faces are told from living ones, whatever is done to the picture around them."""

import cv2
import numpy as np
import pytest

from depmap_cli.faces.picture_place import at_place_of, grey_patch, to_patch
from depmap_cli.faces.quality import still_samples
from depmap_cli.faces.stillness import square_shifts, with_stillness
from tests.support.samples import excluded, sample_of

STEP = 0.16
"""Seconds between two of ``face_frames``."""


def judged(samples):
    return [sample for part in with_stillness([samples]) for sample in part]


def share_frozen(samples):
    found = judged(samples)
    return len(still_samples(found)) / sum(s.face is not None for s in found)


def noisy(image, deviation, generator):
    noise = generator.normal(0, deviation, (*image.shape[:2], 1))
    return np.clip(image + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("x", "y"), [(0.3, 0.0), (0.0, -0.25), (-0.2, 0.4)])
def test_a_planted_shift_is_measured_whatever_the_light(x, y):
    rows, columns = np.mgrid[:64, :64]

    def texture(x, y):
        return 120 + 30 * np.sin(0.5 * (columns - x)) + 30 * np.cos(0.4 * (rows - y) + 1)

    shifts, _ = square_shifts(texture(0, 0), 1.1 * texture(x, y) - 8)
    np.testing.assert_allclose(shifts, np.hypot(x, y) / (0.39 * 64), atol=0.003)


def test_without_motion_the_shift_is_within_its_error():
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:64, :64]
    texture = 120 + 30 * np.sin(0.5 * columns) + 30 * np.cos(0.4 * rows)
    runs = [square_shifts(texture, texture + generator.normal(0, 4, (64, 64))) for _ in range(20)]
    shifts, errors = np.array(runs).swapaxes(0, 1)
    assert np.sqrt((shifts**2).mean()) == pytest.approx(np.sqrt((errors**2).mean()), rel=0.15)


def test_a_patch_is_shown_at_the_place_of_another(face_frames, face_landmarks):
    """Unsteady landmarks of one picture give the same patch at the same place."""
    image, points = face_frames[0], face_landmarks[0]
    other = points + (4.0, -3.0)
    first, second = (sample_of(image, p, 0.0) for p in (points, other))
    moved, known = at_place_of(grey_patch(second.face), to_patch(other), to_patch(points))
    inside = known > 0
    direct = np.abs(grey_patch(second.face) - grey_patch(first.face))[inside].mean()
    assert np.abs(moved - grey_patch(first.face))[inside].mean() < direct / 8


@pytest.mark.parametrize("deviation", [0, 4, 8])
def test_a_frozen_picture_is_found_in_spite_of_noise_and_unsteady_landmarks(
    face_frames, face_landmarks, deviation
):
    generator = np.random.default_rng(1)
    samples = []
    for i in range(40):
        points = face_landmarks[5] + generator.normal(0, 0.02, (5, 2)) * 40
        samples.append(sample_of(noisy(face_frames[5], deviation, generator), points, i * 0.2))
    assert share_frozen(samples) > 0.8


def test_a_clock_beside_the_face_does_not_hide_that_it_is_frozen(face_frames, face_landmarks):
    samples = []
    for i in range(20):
        image = cv2.putText(face_frames[5].copy(), f"{i:02}:{7 * i % 60:02}", (2, 188), 0, 0.5, 255)
        samples.append(sample_of(image, face_landmarks[5], i * 0.2))
    assert share_frozen(samples) == 1


def test_a_living_face_is_not_frozen(face_frames, face_landmarks):
    samples = [
        sample_of(image, points, i * STEP)
        for i, (image, points) in enumerate(zip(face_frames, face_landmarks, strict=True))
    ]
    found = judged(samples)
    assert still_samples(found) == []
    assert max(s.time - s.still_since for s in found) <= 1.0


def test_repeated_frames_of_a_slow_camera_are_not_frozen(face_frames, face_landmarks):
    """Six pictures a second in a video of 25 frames a second."""
    samples = [
        sample_of(face_frames[i // 4], face_landmarks[i // 4], i * STEP / 4)
        for i in range(4 * len(face_frames))
    ]
    assert still_samples(judged(samples)) == []


@pytest.mark.parametrize("every", [1, 2, 5])
def test_the_share_of_a_frozen_stretch_does_not_depend_on_sampling(
    face_frames, face_landmarks, every
):
    """The face moves for 5.12 s, stands still for 5.12 s, and moves again for 5.28 s."""
    pictures = [*range(32), *[32] * 32, *range(33, 66)]
    samples = [
        sample_of(face_frames[p], face_landmarks[p], i * STEP) for i, p in enumerate(pictures)
    ]
    assert share_frozen(samples[::every]) == pytest.approx(33 / 97, abs=0.05)


def test_frames_without_a_face_have_no_stillness(face_frames, face_landmarks):
    samples = [
        excluded("no face", i * 0.2)
        if i % 3 == 1
        else sample_of(face_frames[0], face_landmarks[0], i * 0.2)
        for i in range(30)
    ]
    found = judged(samples)
    assert {s.still_since for s in found if s.face is None} == {None}
    assert len(still_samples(found)) == sum(s.face is not None for s in found)


def test_a_stretch_continues_over_the_border_of_segments(face_frames, face_landmarks):
    samples = [sample_of(face_frames[0], face_landmarks[0], i * 0.2) for i in range(20)]
    found = [s for part in with_stillness([samples[:9], samples[9:]]) for s in part]
    assert {s.still_since for s in found} == {0.0}
