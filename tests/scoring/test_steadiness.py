"""Steadiness: sampling error, largest second and decisive seconds, on planted scores."""

import numpy as np
import pytest
import torch

from depmap_cli.config import ModelConfig
from depmap_cli.model.depmap import FrameFeatures
from depmap_cli.model.signals import SIGNAL_SHARE, mix_scores
from depmap_cli.scoring.samplings import frame_weights, read_durations
from depmap_cli.scoring.steadiness import measure_steadiness, sampling_error
from tests.scoring.test_samplings import CONFIG, SIZE, interview

MEAN = ModelConfig(map=False)


def frames_of(scores, logits=None, **parts):
    scores = torch.as_tensor(scores).float()
    return FrameFeatures(
        fused=torch.zeros(len(scores), 0),
        scores=scores,
        activations=None,
        logits=logits,
        tokens={},
        **{name: torch.as_tensor(part).float() for name, part in parts.items()},
    )


def test_largest_second_and_decisive_seconds_by_hand():
    """40 s with one frame each and equal weights: 25 seconds with 10 points, 12 with 30, 3 with 6.

    The estimate is (250 + 360 + 18) / 40 = 15.7. Without ten of the seconds with 30 points it is
    (628 - 300) / 30 = 10.93; without the ten lowest (628 - 18 - 70) / 30 = 18. The first differs
    more.
    """
    scores = np.full(40, 10.0)
    scores[10:22], scores[30:33] = 30, 6
    found = measure_steadiness(MEAN, frames_of(scores), np.arange(40.0), SIZE)
    assert found.largest_second == pytest.approx(1 / 40)
    assert found.without_decisive == pytest.approx(10.93)
    assert found.n_samples == 2


def test_decisive_seconds_may_lower_the_estimate():
    scores = np.full(40, 30.0)
    scores[5:15] = 0
    found = measure_steadiness(MEAN, frames_of(scores), np.arange(40.0), SIZE)
    assert found.without_decisive == pytest.approx(30)


def test_the_part_of_signals_counts_over_time():
    """40 s with one frame each. The network says 10 in all frames, of which a few have most of the
    weight; the signals say 50 in 10 seconds and 10 in 30, so 20 over time.

    The estimate is their mean by ``SIGNAL_SHARE``, and without the ten seconds of 50 points it is
    10.
    """
    signals = np.full(40, 10.0)
    signals[20:30] = 50
    logits = torch.zeros(40, 4)
    logits[[3, 25], 0] = 50.0  # by far the most confident
    durations, weights = np.ones(40), frame_weights(CONFIG, logits, np.ones(40), SIZE)
    assert weights[25] > 3 / 40
    network = np.full(40, 10.0)
    mixed = mix_scores(*map(torch.from_numpy, (network, weights, signals, durations)))
    frames = frames_of(mixed, logits, network_scores=network, signal_scores=signals)
    found = measure_steadiness(CONFIG, frames, np.arange(40.0), SIZE)
    assert float(weights @ mixed.numpy()) == pytest.approx(10 + SIGNAL_SHARE * (20 - 10))
    assert found.without_decisive == pytest.approx(10, abs=0.01)


def test_the_largest_second_holds_all_its_frames():
    """Ten frames in the first half second and one in each other second."""
    times = np.concatenate([np.arange(10) / 20, np.arange(1.0, 31.0)])
    found = measure_steadiness(MEAN, frames_of(np.ones(40)), times, SIZE)
    weights = frame_weights(MEAN, None, read_durations(times), SIZE)
    assert found.largest_second == pytest.approx(weights[:10].sum(), abs=1e-4)
    assert found.largest_second < 10 / 40  # they stand for less time than the others


@pytest.mark.parametrize(("seconds", "known"), [(20, False), (21, True)])
def test_short_recordings_have_no_decisive_seconds(seconds, known):
    times = np.arange(0, seconds, 0.2)
    found = measure_steadiness(MEAN, frames_of(times), times, SIZE)
    assert (found.without_decisive is not None) == known


def test_a_constant_score_is_steady():
    _, logits = interview(500)
    times = np.arange(500) / 5
    found = measure_steadiness(CONFIG, frames_of(np.full(500, 12.0), logits), times, SIZE)
    assert found.sampling_error == 0
    assert found.without_decisive == pytest.approx(12, abs=0.01)
    assert found.n_samples == 25
    assert 1 / 100 <= found.largest_second < 3 / 100


@pytest.mark.parametrize(
    ("score", "printed"), [(90.0, 63.0), (-9.0, 0.0)], ids=["above the scale", "below"]
)
def test_the_estimate_without_them_is_clipped(score, printed):
    found = measure_steadiness(MEAN, frames_of(np.full(40, score)), np.arange(40.0), SIZE)
    assert found.without_decisive == printed


@pytest.mark.slow
def test_the_sampling_error_is_that_of_other_recordings_of_the_person():
    """Many recordings of one person in the same state: their estimates spread by as much as the
    sampling error says."""
    n, times = 600, np.arange(600) / 5
    long, logits = interview(n * 100, seed=5)
    estimates, errors = [], []
    for start in range(0, n * 100, n):
        rows = slice(start, start + n)
        found = measure_steadiness(CONFIG, frames_of(long[rows], logits[rows]), times, SIZE)
        errors.append(found.sampling_error)
        weights = frame_weights(CONFIG, logits[rows], read_durations(times), SIZE)
        estimates.append(weights @ long[rows])
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(estimates), rel=0.25)


def test_the_error_of_a_mean_by_hand():
    """15 s, one frame a second, in five blocks of three: sd of the block means / sqrt(5)."""
    scores = np.repeat([1.0, 5.0, 2.0, 8.0, 4.0], 3)

    def mean(kept):
        return float(scores[kept].mean())

    expected = np.std([1, 5, 2, 8, 4], ddof=1) / np.sqrt(5)
    assert sampling_error(mean, np.ones(15)) == pytest.approx(expected)


def test_two_frames_have_an_error():
    frames = frames_of([10.0, 20.0], torch.zeros(2, 4))
    found = measure_steadiness(CONFIG, frames, np.array([0.0, 1.0]), SIZE)
    assert found.sampling_error == pytest.approx(5)
