"""Key frames: the most confident frame of each period is kept, and key frames lie apart in time."""

import numpy as np
import pytest

from depmap_cli.scoring.key_frames import KeyFrameCandidates, select_apart_in_time


def offer(candidates, frame_confidence, times, batch):
    """Offer frames in batches; the face and the embedding of a frame hold its number."""
    numbers = np.arange(len(times))
    faces = (numbers % 256).astype(np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    embeddings = numbers[:, None].astype(np.float32)
    for start in range(0, len(times), batch):
        rows = slice(start, start + batch)
        candidates.add(
            frame_confidence=frame_confidence[rows],
            first=start,
            times=times[rows],
            faces=faces[rows],
            embeddings=embeddings[rows],
        )
    return candidates


@pytest.mark.parametrize("batch", [1, 70, 4000])
def test_the_best_of_each_period_is_kept_whatever_the_batch_size(batch):
    frame_confidence = np.random.default_rng(0).random(4000)
    times = np.arange(4000) / 5  # 800 s; 24 candidates at most, so periods of 64 s
    kept = offer(KeyFrameCandidates(wanted=2), frame_confidence, times, batch).kept
    periods = [np.flatnonzero(times // 64 == number) for number in range(13)]
    assert [c.row for c in kept] == [p[frame_confidence[p].argmax()] for p in periods]
    assert [int(c.face[0, 0, 0]) for c in kept] == [c.row % 256 for c in kept]
    assert [int(c.embedding[0]) for c in kept] == [c.row for c in kept]


@pytest.mark.parametrize("hours", [0.1, 1, 3])
def test_one_confident_minute_does_not_displace_the_candidates_of_the_rest(hours):
    """The key frames of a recording are spread over it, although the most confident frames of all
    are in one minute."""
    times = np.arange(0, hours * 3600, 0.2)
    frame_confidence = np.where(times < 60, 0.9, 0.5) + np.arange(len(times)) % 7 / 1000
    candidates = offer(KeyFrameCandidates(wanted=6), frame_confidence, times, 16)
    assert len(candidates.kept) <= 72
    chosen = candidates.select(frame_confidence, times)
    assert len(chosen) == 6
    assert times[chosen[0]] < 60
    distances = np.diff(np.sort(times[chosen]))
    assert distances.min() >= times[-1] / 24


def test_the_frame_of_highest_weight_is_a_key_frame():
    frame_confidence = np.random.default_rng(3).random(5000)
    times = np.arange(5000) / 5
    candidates = offer(KeyFrameCandidates(wanted=6), frame_confidence, times, 16)
    assert candidates.select(frame_confidence, times)[0] == frame_confidence.argmax()


def test_no_key_frames_keep_no_faces():
    candidates = offer(KeyFrameCandidates(wanted=0), np.ones(100), np.arange(100.0), 16)
    assert candidates.kept == []
    assert candidates.select(np.ones(100), np.arange(100.0)) == []


def test_kept_faces_do_not_reference_the_others():
    candidates = offer(KeyFrameCandidates(wanted=1), np.ones(100), np.arange(100.0), 100)
    assert candidates.kept
    assert all(c.face.base is None and c.embedding.base is None for c in candidates.kept)


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
    times = np.arange(float(n))
    candidates = offer(KeyFrameCandidates(wanted=6, evenly=True), np.ones(n), times, 16)
    assert len(candidates.kept) <= 72
    chosen = candidates.select(np.full(n, 1 / n), times)
    assert len(chosen) == len(set(chosen)) == min(6, n)
    if n == 300:
        gaps = np.diff([0, *chosen, 299])
        assert gaps.min() > 15  # 25 before the first and after the last, 50 between
        assert gaps.max() < 60
