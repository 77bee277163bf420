"""Faces are followed between searches, and searched for where they cannot be."""

import numpy as np
import pytest

from depmap_cli.faces.follow import CHUNK, MAX_STEP, SEARCH_INTERVAL, iter_detections
from tests.faces.test_faces import samples, stream
from tests.support.stub_detector import StubDetector

STEP = 0.2


def found(faces, n=100, step=STEP, **config):
    """Return the detector and (time, boxes) of each frame."""
    detector = StubDetector(faces, **config)
    rows = [
        (frame.time, [face.box for face in detections])
        for frame, detections in iter_detections(stream(n, step), detector)
    ]
    return detector, rows


def assert_right(rows, faces):
    for time, boxes in rows:
        expected = sorted((x, y, s) for x, y, s in faces(round(time, 6)))
        actual = sorted((b[0] + (b[2] - b[0]) / 2, (b[1] + b[3]) / 2, b[2] - b[0]) for b in boxes)
        np.testing.assert_allclose(actual, expected, atol=1e-6, err_msg=f"at {time:.2f} s")


def nodding(time):
    return [(100 + 12 * np.sin(2 * time), 100 + 8 * np.sin(5 * time), 60)]


def test_a_moving_face_is_followed_with_few_searches():
    detector, rows = found(nodding)
    assert_right(rows, nodding)
    assert len(detector.asked) <= 100 * STEP / SEARCH_INTERVAL + 100 / CHUNK + 3
    assert len(detector.followed) >= 80


def test_a_fast_face_is_found_in_every_frame():
    """It moves 0.4 of its side between frames, and more than its side between searches."""

    def faces(time):
        return [(150 + 110 * np.sin(1.1 * time), 100, 60)]

    assert_right(found(faces)[1], faces)


def test_frames_before_and_after_a_cut_have_their_own_face():
    def faces(time):
        return [(80, 100, 60)] if time < 7.3 or time > 11.1 else [(220, 90, 42)]

    detector, rows = found(faces)
    assert_right(rows, faces)
    assert len(detector.asked) < 40


def test_a_face_leaves_and_another_enters():
    def faces(time):
        return [(80, 100, 60)] * (time < 5) + [(220, 100, 50)] * (time > 8.1)

    assert_right(found(faces, bridge=0)[1], faces)


def test_a_new_face_beside_the_subject_is_seen_in_time():
    def faces(time):
        return [(80, 100, 60)] + [(220, 100, 50)] * (time > 8.1)

    _, rows = found(faces)
    first = next(time for time, boxes in rows if len(boxes) == 2)
    assert 8.1 <= first <= 8.1 + SEARCH_INTERVAL
    assert all(len(boxes) == 2 for time, boxes in rows if time >= first)


def test_a_frame_in_which_a_face_is_not_confirmed_is_searched():
    class Doubtful(StubDetector):
        def follow(self, images, owners, boxes):
            faces = super().follow(images, owners, boxes)
            times = [
                round(self.followed[len(self.followed) - len(faces) + i], 2)
                for i in range(len(faces))
            ]
            return [
                None if time in (4.2, 4.4) else face
                for time, face in zip(times, faces, strict=True)
            ]

    detector = Doubtful(nodding)
    rows = list(iter_detections(stream(60, STEP), detector))
    assert {4.2, 4.4} <= set(np.round(detector.asked, 2))
    assert all(len(faces) == 1 for _, faces in rows)


@pytest.mark.parametrize("step", [MAX_STEP + 0.05, 1.0])
def test_frames_far_apart_are_searched_and_never_followed(step):
    detector, rows = found(nodding, n=40, step=step)
    assert not detector.followed
    assert len(detector.asked) == 40
    assert_right(rows, nodding)


def test_frames_after_a_long_gap_are_searched():
    times = [i * 0.2 for i in range(20)] + [60 + i * 0.2 for i in range(20)]
    frames = [stream(1, 1)[0].__class__(time=t, image=image(t), scale=1.0) for t in times]

    def faces(time):
        return [(80, 100, 60)] if time < 30 else [(85, 100, 60)]

    detector = StubDetector(faces)
    rows = [(f.time, [d.box for d in ds]) for f, ds in iter_detections(frames, detector)]
    assert_right(rows, faces)
    assert 60.0 in detector.asked


def image(time):
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[0, 0, :2] = round(time * 20) % 256, round(time * 20) // 256
    return picture


def test_a_face_that_a_search_misses_is_kept_while_it_is_there():
    class Blind(StubDetector):
        def detect(self, images, smallest=0.0):
            rows = super().detect(images, smallest)
            return [[face for face in row if smallest == 0 or face.side > 50] for row in rows]

    def faces(time):
        return [(80, 100, 60), (220, 100, 45)]

    rows = list(iter_detections(stream(100, STEP), Blind(faces)))
    assert all(len(found) == 2 for _, found in rows)


def test_a_small_face_in_a_corner_is_no_other_face():
    assert {s.n_faces for s in samples(lambda t: [(100, 100, 90), (270, 30, 25)])} == {1}
    assert {s.n_faces for s in samples(lambda t: [(100, 100, 90), (260, 40, 40)])} == {2}


def test_the_frame_without_the_subject_has_no_face_if_only_a_small_one_is_left():
    found = samples(lambda t: [(100, 100, 90)] * (t < 8) + [(270, 30, 25)])
    assert {s.reason for s in found if not s.valid} == {"no face"}
    assert sum(s.valid for s in found) == 32


def test_densely_sampled_frames_between_moving_ones_are_followed():
    def faces(time):
        return [(100 + 40 * time, 100, 50)] if time < 3 else [(220, 100, 50)]

    detector, rows = found(faces, n=100, step=0.05)
    assert_right(rows, faces)
    assert len(detector.asked) < 20


def test_a_video_without_faces_is_searched_once_a_frame():
    detector, rows = found(lambda time: [])
    assert sorted(detector.asked) == pytest.approx([time for time, _ in rows])


def test_a_much_smaller_face_after_a_cut_is_found_at_the_next_search():
    """A far shot after a close one: the search for large faces alone would miss it."""

    def faces(time):
        return [(150, 100, 120)] if time < 7 else [(250, 60, 26)]

    _, rows = found(faces)
    late = [boxes for time, boxes in rows if time > 7 + SEARCH_INTERVAL]
    assert all(len(boxes) == 1 for boxes in late)


def test_a_passer_by_who_moves_far_between_frames_is_seen_in_each():
    """It moves 1.3 of its side a frame, too far to be followed, for 3 s."""

    def faces(time):
        passing = [(10 + 13 * (time - 6) / STEP, 170, 30)] * (6 <= time <= 9)
        return [(150, 70, 60), *passing]

    detector, rows = found(faces)
    assert_right(rows, faces)
    assert len(detector.asked) < 60
