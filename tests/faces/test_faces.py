"""Faces: alignment is exact, detection is sparse, and the right subject is tracked."""

import numpy as np
import pytest

from depmap_cli.config import SubjectRule
from depmap_cli.faces import align_face, extract_faces, similarity_transform
from depmap_cli.faces.align import TEMPLATE
from depmap_cli.faces.follow import CHUNK, iter_detections
from depmap_cli.video.reader import Frame
from tests.support.stub_detector import StubDetector


def test_similarity_transform_recovers_a_planted_one():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(5, 2)) * 30
    angle, scale, shift = 0.4, 1.7, np.array([5.0, -3.0])
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = similarity_transform(points, scale * points @ rotation.T + shift)
    np.testing.assert_allclose(found, np.column_stack([scale * rotation, shift]), atol=1e-9)


def test_similarity_transform_never_reflects():
    points = np.array([[0.0, 0], [1, 0], [0.5, 1], [0, 2], [1, 2]])
    found = similarity_transform(points, points * [-1, 1])
    assert np.linalg.det(found[:, :2]) > 0


@pytest.mark.parametrize("scale", [0.5, 1.0, 6.0])
@pytest.mark.parametrize("size", [128, 224])
def test_landmarks_land_on_the_template(scale, size):
    """Dots at the landmarks are at the positions of the template, for any size of the face."""
    landmarks = TEMPLATE * 128 * scale + 40
    image = np.zeros((int(130 * scale) + 80, int(130 * scale) + 80, 3), np.uint8)
    radius = max(2, int(3 * scale))
    for x, y in landmarks.round().astype(int):
        image[y - radius : y + radius + 1, x - radius : x + radius + 1] = 255
    face = align_face(image, landmarks, size).astype(float).mean(2)
    rows, columns = np.mgrid[:size, :size]
    for x, y in TEMPLATE * size:
        near = face * (np.hypot(columns - x, rows - y) < 0.08 * size)
        centre = [(near * axis).sum() / near.sum() for axis in (columns, rows)]
        np.testing.assert_allclose(centre, [x, y], atol=0.012 * size)


def stream(n: int, step: float = 0.25) -> list[Frame]:
    """Return frames whose first pixel is the time, as ``StubDetector`` reads it."""
    frames = []
    for i in range(n):
        image = np.zeros((200, 300, 3), np.uint8)
        image[0, 0, :2] = round(i * step * 20) % 256, round(i * step * 20) // 256
        frames.append(Frame(time=i * step, image=image, scale=1.0))
    return frames


def samples(faces, n=40, step=0.25, **config):
    detector = StubDetector(faces, **config)
    return [s for part in extract_faces(stream(n, step), detector) for s in part]


def test_the_largest_face_is_the_subject_by_default():
    found = samples(lambda t: [(80, 100, 60), (220, 100, 40)])
    assert all(s.valid and s.n_faces == 2 for s in found)
    assert {round(float(s.box[0])) for s in found} == {50}


@pytest.mark.parametrize(
    ("rule", "x"),
    [("left", 80), ("right", 220), ("center", 150), ("longest", 220), ("largest", 80)],
)
def test_subject_rules(rule, x):
    def faces(t):
        middle = [(150, 100, 45)] if 1 < t < 8 else []
        return [(220, 100, 40), *middle, *([(80, 100, 60)] if t < 8 else [])]

    found = [s for s in samples(faces, subject=SubjectRule(rule)) if s.valid]
    centres = [float(s.box[[0, 2]].mean()) for s in found]
    assert np.median(centres) == pytest.approx(x)
    assert np.ptp(centres) < 1


def test_a_passer_by_does_not_become_the_subject():
    found = samples(lambda t: [(80, 100, 50), *([(220, 100, 120)] if 2 < t < 3 else [])])
    assert all(s.valid and s.box[0] == pytest.approx(55) for s in found)


def test_the_subject_is_tracked_as_it_moves():
    found = samples(lambda t: [(60 + 10 * t, 100, 50), (250, 40, 30)])
    assert all(s.valid for s in found)
    np.testing.assert_allclose(
        [s.box[0] for s in found], [35 + 10 * s.time for s in found], atol=1e-6
    )


def test_the_subject_is_tracked_again_after_an_absence():
    found = samples(lambda t: [] if 3 <= t <= 7 else [(100, 100, 50)])
    missing = [s for s in found if not s.valid]
    assert {s.time for s in missing} == {s.time for s in found if 3 <= s.time <= 7}
    assert {s.reason for s in missing} == {"no face"}


def test_short_gaps_are_bridged_and_long_ones_are_not():
    found = samples(lambda t: [] if t == 2 or 5 <= t <= 6 else [(80 + t, 100, 50)])
    by_time = {s.time: s for s in found}
    assert by_time[2].origin == "bridged"
    assert by_time[2].box[0] == pytest.approx(57)
    assert not any(by_time[t].valid for t in (5, 5.25, 5.5, 5.75, 6))


def test_gap_across_chunks_is_bridged():
    lost = (CHUNK - 1) * 0.25
    found = samples(lambda t: [] if t == lost else [(80, 100, 50)], n=3 * CHUNK)
    assert all(s.valid for s in found)
    assert [s.origin for s in found if s.time == lost] == ["bridged"]


def test_another_face_instead_of_the_subject_has_its_own_reason():
    found = samples(lambda t: [(250, 40, 30)] if t > 8 else [(100, 100, 80), (250, 40, 30)])
    assert {s.reason for s in found if not s.valid} == {"another face"}


def test_every_kth_frame_is_detected_and_the_rest_interpolated():
    detector = StubDetector(lambda t: [(80 + t, 100, 50)], detection_interval=1.0)
    found = list(iter_detections(stream(32), detector))
    assert len(detector.asked) < 12
    for frame, faces in found:
        assert faces[0].box[0] == pytest.approx(55 + frame.time, abs=1e-6)
    assert any(faces[0].origin == "interpolated" for _, faces in found)


def test_fast_motion_is_detected_in_every_frame():
    detector = StubDetector(lambda t: [(40 + 60 * t, 100, 50)], detection_interval=1.0)
    list(iter_detections(stream(12), detector))
    assert sorted({*detector.asked, *detector.followed}) == [i / 4 for i in range(12)]


def test_frames_are_yielded_once_and_in_order_with_few_in_memory():
    drawn = []

    def source():
        for frame in stream(10 * CHUNK, 0.05):
            drawn.append(frame.time)
            yield frame

    detector = StubDetector(lambda t: [(80, 100, 50)])
    times = []
    for frame, _ in iter_detections(source(), detector):
        times.append(frame.time)
        assert len(drawn) - len(times) <= 2 * CHUNK
    assert times == drawn
