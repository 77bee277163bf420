"""Weights averaged over samplings: against drawn samplings, by hand, and their symmetries."""

import numpy as np
import pytest
import torch

from depmap_cli.config import ModelConfig
from depmap_cli.model.keyframes import confidence, key_frame_weights, mean_weights
from depmap_cli.model.sparsity import n_key
from depmap_cli.scoring.samplings import expected_weights, frame_weights, read_durations

SIZE = 20
CONFIG = ModelConfig()
U = n_key(SIZE, CONFIG.sampling_factor)


def interview(n, seed=0, step=0.2):
    """Planted scores (n,) and logits (n, 4) of a person whose expression changes within seconds.

    Frames with a high score are recognised with more confidence, so key frames matter.
    """
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=int(n * step * 25) + 50)  # 25 frames/s
    moods = np.convolve(noise, np.hanning(25), "same") / np.linalg.norm(np.hanning(25))
    every = np.round(np.arange(n) * step * 25).astype(int)
    scores = 15 + 10 * moods[every]
    logits = np.zeros((n, 4))
    logits[:, 2] = 1.5 + moods[every]
    return scores, torch.from_numpy(logits)


def drawn_estimate(scores, logits, count, seed=0):
    """Mean score over samplings as training draws them, each fused as one video of the network."""
    rng = np.random.default_rng(seed)
    n = len(scores)
    rows = ((np.arange(SIZE) + rng.random((count, SIZE))) * n / SIZE).astype(int)
    valid = torch.ones(count, SIZE, dtype=torch.bool)
    weights = key_frame_weights(logits[rows], valid, CONFIG.sampling_factor).numpy()
    return float((weights * scores[rows]).sum(1).mean())


@pytest.mark.parametrize("n", [27, 40, 166, 700])
def test_the_estimate_is_the_mean_over_the_samplings_of_training(n):
    scores, logits = interview(n, seed=n)
    estimate = frame_weights(CONFIG, logits, np.ones(n), SIZE) @ scores
    assert estimate == pytest.approx(drawn_estimate(scores, logits, 20_000), abs=0.25)
    one_sampling = [drawn_estimate(scores, logits, 1, seed) for seed in range(200)]
    assert np.std(one_sampling) > 0.4  # what averaging removes
    all_at_once = frame_weights(CONFIG, logits, np.ones(n), None) @ scores
    if n > 100:
        assert abs(all_at_once - estimate) > 3  # one sampling of all frames is something else


@pytest.mark.parametrize("n", [1, 7, SIZE])
def test_up_to_the_training_length_the_weights_are_those_of_the_network(n):
    _, logits = interview(n)
    valid = torch.ones(1, n, dtype=torch.bool)
    expected = key_frame_weights(logits[None], valid, CONFIG.sampling_factor)[0].numpy()
    np.testing.assert_allclose(frame_weights(CONFIG, logits, np.ones(n), SIZE), expected)
    if n == SIZE:  # the closed form agrees at the border
        frame_confidence = confidence(logits).numpy()
        closed = expected_weights(frame_confidence, np.ones(n), SIZE, U)
        np.testing.assert_allclose(closed, expected, rtol=1e-6)


def test_networks_without_key_frames_weight_time_equally():
    config = ModelConfig(map=False)
    _, logits = interview(30)
    durations = np.arange(1.0, 31.0)
    weights = frame_weights(config, logits, durations, SIZE)
    np.testing.assert_allclose(weights, durations / durations.sum())
    few = frame_weights(config, logits[:9], np.ones(9), SIZE)
    np.testing.assert_allclose(few, mean_weights(torch.ones(1, 9, dtype=torch.bool))[0])
    np.testing.assert_allclose(frame_weights(CONFIG, None, durations, SIZE), weights)


def test_two_parts_by_hand():
    """Four frames in two parts, one key frame of two drawn.

    Confidences 0.9, 0.5 | 0.7, 0.3. Frame 1 is drawn with probability 1/2 and always the key frame.
    Frame 2 is the key frame if frame 4 is drawn: 1/4. Frame 3 if frame 2 is drawn: 1/4. Frame 4
    never.
    """
    weights = expected_weights(np.array([0.9, 0.5, 0.7, 0.3]), np.ones(4), 2, 1)
    parts = np.array([0.9 / 2, 0.5 / 4, 0.7 / 4, 0.0])
    np.testing.assert_allclose(weights, parts / parts.sum())


def test_a_frame_on_a_border_belongs_to_both_parts():
    """Three frames in two parts: the second frame is half in the first, half in the second.

    It is drawn in a part with probability 1/3. Confidences 0.9, 0.5, 0.7; one key frame of two:
    frame 1 in its part (2/3) is always the key frame, frame 3 in its part (2/3) unless frame 1 is
    drawn (1/3). Frame 2 in part 1 (1/3) only if frame 2 is drawn in part 2 (1/3); in part 2 (1/3)
    only if it is drawn in part 1 (1/3): it is the same frame, so that it is not above itself.
    """
    weights = expected_weights(np.array([0.9, 0.5, 0.7]), np.ones(3), 2, 1)
    parts = np.array([0.9 * 2 / 3, 0.5 * 2 / 9, 0.7 * 2 / 9])
    np.testing.assert_allclose(weights, parts / parts.sum())


def test_equal_confidences_give_the_earlier_frame():
    weights = expected_weights(np.ones(4), np.ones(4), 2, 1)
    np.testing.assert_allclose(weights, [0.5, 0.5, 0.0, 0.0])


def test_the_order_within_a_part_does_not_matter():
    scores, logits = interview(400)
    rng = np.random.default_rng(1)
    order = np.concatenate([part * 20 + rng.permutation(20) for part in range(20)])
    weights = frame_weights(CONFIG, logits, np.ones(400), SIZE)
    permuted = frame_weights(CONFIG, logits[order], np.ones(400), SIZE)
    np.testing.assert_allclose(permuted, weights[order], rtol=1e-9)
    backwards = frame_weights(CONFIG, logits.flip(0), np.ones(400), SIZE)
    np.testing.assert_allclose(backwards, weights[::-1], rtol=1e-9)


def test_shifting_the_frames_hardly_changes_the_estimate():
    """An interview of five minutes: readings of 5 frames/s, shifted by 40 ms; and of 20 frames in
    all, shifted by a second."""
    scores, logits = interview(5 * 1500, step=0.04)
    durations = np.ones(1500)
    shifted = [slice(shift, None, 5) for shift in range(5)]
    dense = [
        frame_weights(CONFIG, logits[rows], durations, SIZE) @ scores[rows] for rows in shifted
    ]
    shifted = [slice(shift, None, 375) for shift in range(0, 375, 25)]
    sparse = [
        frame_weights(CONFIG, logits[rows], np.ones(20), SIZE) @ scores[rows] for rows in shifted
    ]
    assert np.ptp(dense) < 0.5
    assert np.ptp(sparse) > 3


def test_frames_that_are_not_usable_do_not_bias_the_estimate():
    """Scores 10, then 20. In the second half only every second frame is usable, and in the middle
    there is a gap: both halves still count the same."""
    times = np.concatenate([np.arange(0, 50, 0.2), np.arange(80, 130, 0.4)])
    scores = np.where(times < 60, 10.0, 20.0)
    durations = read_durations(times)
    mean = frame_weights(ModelConfig(map=False), None, durations, SIZE)
    assert mean @ scores == pytest.approx(15, abs=0.05)
    logits = torch.from_numpy(np.random.default_rng(0).normal(size=(len(times), 4)))
    weights = frame_weights(CONFIG, logits, durations, SIZE)
    assert weights @ scores == pytest.approx(15, abs=0.2)
    by_number = frame_weights(CONFIG, logits, np.ones(len(times)), SIZE)
    assert by_number @ scores == pytest.approx(13.33, abs=0.2)  # what is avoided


def test_durations_by_hand():
    times = np.array([0.0, 1.0, 2.0, 4.0, 14.0, 15.0])  # median step 1
    np.testing.assert_allclose(read_durations(times), [1.0, 1.0, 1.5, 2.0, 1.5, 1.0])
    np.testing.assert_allclose(read_durations(np.array([3.0])), [1.0])
    np.testing.assert_allclose(read_durations(np.array([3.0, 3.0])), [1.0, 1.0])


@pytest.mark.parametrize("n", [21, 5000, 90_000])
def test_the_frames_of_an_hour_are_weighted_quickly(n):
    """90,000 frames, one hour at 25/s. Comparing all pairs of frames would take minutes."""
    rng = np.random.default_rng(0)
    weights = expected_weights(rng.random(n), rng.random(n) + 0.1, SIZE, U)
    assert weights.sum() == pytest.approx(1)
    assert weights.min() >= 0
