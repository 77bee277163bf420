"""Key frames: the most confident frames are kept while a video is read, and lie apart in time."""

import numpy as np
import pytest

from depmap_cli.scoring.key_frames import KeyFrameCandidates, select_apart_in_time


def test_the_best_are_kept_whatever_the_batch_size():
    rng = np.random.default_rng(0)
    frame_confidence = rng.random(300)
    faces = np.arange(300, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    batched, whole = KeyFrameCandidates(wanted=2), KeyFrameCandidates(wanted=2)
    whole.add(frame_confidence, 0, faces)
    for start in range(0, 300, 70):
        batched.add(frame_confidence[start : start + 70], start, faces[start : start + 70])
    best = np.argsort(-frame_confidence)[:16]
    assert [row for _, row, _ in batched.rows] == list(best)
    assert [row for _, row, _ in whole.rows] == list(best)
    assert [int(face[0, 0, 0]) for _, _, face in batched.rows] == [int(i) % 256 for i in best]


def test_kept_faces_do_not_reference_the_others():
    candidates = KeyFrameCandidates(wanted=1)
    candidates.add(np.ones(100), 0, np.zeros((100, 8, 8, 3), np.uint8))
    assert all(face.base is None for _, _, face in candidates.rows)


def test_key_frames_lie_apart_in_time():
    times = np.arange(100.0)
    ranked = [50, 51, 49, 10, 11, 90]
    assert select_apart_in_time(ranked, times, 3) == [50, 10, 90]


def test_closer_frames_are_added_if_there_are_too_few():
    assert select_apart_in_time([5, 6, 7], np.arange(100.0), 3) == [5, 6, 7]
    assert select_apart_in_time([], np.array([]), 3) == []
    assert select_apart_in_time([1, 2], np.arange(5.0), 0) == []


@pytest.mark.parametrize("n", [3, 7, 300])
def test_frames_of_equal_weight_are_selected_evenly(n):
    candidates = KeyFrameCandidates(wanted=6, evenly=True)
    for start in range(0, n, 16):
        size = min(16, n - start)
        candidates.add(np.ones(size), start, np.zeros((size, 2, 2, 3), np.uint8))
    assert len(candidates.rows) <= 48
    chosen = candidates.select(np.full(n, 1 / n), np.arange(float(n)))
    assert len(chosen) == len(set(chosen)) == min(6, n)
    if n == 300:
        gaps = np.diff([0, *chosen, 299])
        assert gaps.min() > 15  # 25 before the first and after the last, 50 between
        assert gaps.max() < 60
