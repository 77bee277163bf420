"""Measures how far the estimate of a video depends on which frames of it were read."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from depmap_cli.config import ModelConfig
from depmap_cli.domain.bdi import MAX_SCORE
from depmap_cli.model.depmap import FrameFeatures
from depmap_cli.results import Steadiness
from depmap_cli.scoring.samplings import frame_weights, read_durations
from depmap_cli.scoring.score_parts import score_parts
from depmap_cli.stats.jackknife import jackknife_error

_BLOCK_SECONDS = 3.0
"""Length of a block of the jackknife; its error is then about right (measured: LOG L69)."""
_BLOCKS = (5, 24)
"""Fewest and most blocks; more would only cost time. The blocks of long recordings are longer."""
_DECISIVE = 10
"""Number of the most decisive seconds that are left out."""
_MIN_SECONDS = 20
"""Seconds with a usable frame up to which no seconds are left out."""


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """The usable frames of one video, and the estimate from any of them."""

    config: ModelConfig
    frames: FrameFeatures
    durations: np.ndarray  # (n,) seconds
    training_frames: int | None

    def weights(self, kept: Bool[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Weights of the frames when only those in ``kept`` are used; zero for the others."""
        weights = np.zeros(len(kept))
        logits = None if self.frames.logits is None else self.frames.logits[kept]
        weights[kept] = frame_weights(
            self.config, logits, self.durations[kept], self.training_frames
        )
        return weights

    @cached_property
    def parts(self) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """The parts of the frames' scores whose means are by weight and over time."""
        return score_parts(self.frames)

    def shares(self, kept: Bool[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Shares of the frames in ``kept`` in the time that they stand for; zero for the others."""
        durations = np.where(kept, self.durations, 0.0)
        shares: np.ndarray = durations / durations.sum()
        return shares

    def estimate(self, kept: Bool[np.ndarray, " n"]) -> float:
        """The estimate from the frames in ``kept``, BDI-II points, not clipped."""
        by_weight, over_time = self.parts
        return float(self.weights(kept) @ by_weight + self.shares(kept) @ over_time)


def measure_steadiness(
    config: ModelConfig,
    frames: FrameFeatures,
    times: Float[np.ndarray, " n"],
    training_frames: int | None,
) -> Steadiness:
    """Measure how far the estimate of a video depends on which frames were read.

    The sampling error is that of the delete-m jackknife over blocks of the recording
    (``stats/jackknife.py``): each block is left out once, and the estimate is computed again from
    all other frames.

    Args:
        config: the architecture of the network.
        frames: output of the network for the usable frames, two or more.
        times: of the usable frames, in seconds.
        training_frames: number of frames of a sampling, as in ``frame_weights``.
    """
    reading = _Reading(
        config=config,
        frames=frames,
        durations=read_durations(times),
        training_frames=training_frames,
    )
    weights = reading.weights(np.ones(len(times), bool))
    seconds = np.unique(np.floor(times), return_inverse=True)[1]
    without = _without_decisive(reading, seconds)
    return Steadiness(
        sampling_error=round(sampling_error(reading.estimate, reading.durations), 2),
        n_samples=max(1, round(len(times) / training_frames)) if training_frames else 1,
        largest_second=round(float(np.bincount(seconds, weights).max()), 4),
        without_decisive=None if without is None else round(min(max(without, 0), MAX_SCORE), 2),
    )


def sampling_error(
    estimate: Callable[[Bool[np.ndarray, " n"]], float], durations: Float[np.ndarray, " n"]
) -> float:
    """Return the standard error of an estimate, by the jackknife over blocks of the recording.

    Args:
        estimate: computes the estimate from the frames kept.
        durations: seconds that each frame stands for; two frames or more.
    """
    block, shares = _blocks(durations)
    without = [estimate(block != number) for number in range(len(shares))]
    return jackknife_error(estimate(block >= 0), np.array(without), shares)


def _blocks(durations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Divide the frames into blocks of about equal duration.

    Returns:
        The block of each frame (n,), and the share of each block in the duration.
    """
    total = durations.sum()
    wanted = int(np.clip(round(total / _BLOCK_SECONDS), *_BLOCKS))
    middles = np.cumsum(durations) - durations / 2
    block = np.floor(middles / total * min(wanted, len(durations))).astype(int)
    block = np.unique(block, return_inverse=True)[1]  # a block without a frame does not count
    return block, np.bincount(block, durations) / total


def _without_decisive(reading: _Reading, seconds: np.ndarray) -> float | None:
    """Return the estimate without its most decisive seconds; None if there are too few seconds.

    These are the ten seconds that pull the estimate furthest in one direction. The pull of a second
    is the sum over its frames of weight times (score of the frame - mean), for each part of the
    scores; to first order this is the change of the estimate that the second causes. Of the two
    directions, the one counts in which the estimate without the seconds differs more. This is the
    approximate maximum influence perturbation of Broderick, Giordano and Meager (2020),
    arXiv:2011.14999, with the estimate then computed anew.

    Args:
        reading: the usable frames.
        seconds: (n,) number of the second that a frame lies in, from 0.
    """
    if seconds.max() + 1 <= _MIN_SECONDS:
        return None
    everything = np.ones(len(seconds), bool)
    pulls = np.zeros(len(seconds))
    for weights, scores in zip(
        (reading.weights(everything), reading.shares(everything)), reading.parts, strict=True
    ):
        pulls += weights * (scores - weights @ scores)
    estimate = reading.estimate(everything)
    order = np.argsort(np.bincount(seconds, pulls), kind="stable")
    candidates = [
        reading.estimate(~np.isin(seconds, decisive))
        for decisive in (order[:_DECISIVE], order[-_DECISIVE:])
    ]
    return max(candidates, key=lambda candidate: abs(candidate - estimate))
