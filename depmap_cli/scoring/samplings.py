"""Weights of the frames of a video, averaged over all samplings that training could draw of it.

Training draws T frames of a clip, one at random from each of T equal parts
(``VideoClip.sample_randomly``), of which the u = c ln T most confident are key frames. A video with
more frames than T has many such samplings. Here each frame gets its weight averaged over all of
them, in closed form, so that no sampling is drawn and the estimate hardly depends on which frames
were read (measured: LOG L68).
"""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from depmap_cli.config import ModelConfig
from depmap_cli.model.keyframes import confidence, key_frame_weights, mean_weights
from depmap_cli.model.sparsity import n_key

_CHUNK = 8192
"""Frames whose probabilities are computed at once, to limit memory use."""


def frame_weights(
    config: ModelConfig,
    logits: Float[Tensor, "n levels"] | None,
    durations: Float[np.ndarray, " n"],
    training_frames: int | None,
) -> Float[np.ndarray, " n"]:
    """Return the weights of the usable frames of one video in its estimate; they sum to one.

    Up to ``training_frames`` frames are one sampling, and their weights are those of
    ``DepMap.fuse``. Of more frames, the weights are averaged over all samplings.

    Args:
        config: the architecture; it says whether key frames are used (MAP).
        logits: level logits of the frames (Eq. 13); None without prototypes.
        durations: seconds of the recording that each frame stands for (``read_durations``).
        training_frames: number of frames of a sampling; None takes all frames as one sampling.
    """
    n = len(durations)
    uses_key_frames = config.map and logits is not None
    if training_frames is None or n <= training_frames:
        valid = torch.ones(1, n, dtype=torch.bool)
        one_sampling = (
            key_frame_weights(logits[None], valid, config.sampling_factor)
            if uses_key_frames and logits is not None
            else mean_weights(valid)
        )
        weights: np.ndarray = one_sampling[0].numpy().astype(np.float64)
        return weights
    if not uses_key_frames or logits is None:
        equal: np.ndarray = durations / durations.sum()
        return equal
    return expected_weights(
        confidence(logits).numpy().astype(np.float64),
        durations,
        training_frames,
        n_key(training_frames, config.sampling_factor),
    )


def read_durations(times: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Return the seconds of the recording that each usable frame stands for.

    A frame stands for the time that is nearest to it, but for at most one step on either side,
    where a step is the median distance of neighbouring frames. So a stretch in which every second
    frame is unusable counts as much as any other stretch, and the time of a long gap counts for
    nothing.

    Args:
        times: of the usable frames, in seconds, ascending. Without any distance between them, all
            frames stand for one second.
    """
    gaps = np.diff(times)
    step = float(np.median(gaps[gaps > 0])) if (gaps > 0).any() else 0.0
    if step == 0.0:
        return np.ones(len(times))
    half_gaps = np.minimum(gaps / 2, step)
    durations: np.ndarray = np.append(step / 2, half_gaps) + np.append(half_gaps, step / 2)
    return durations


def expected_weights(
    frame_confidence: Float[np.ndarray, " n"],
    durations: Float[np.ndarray, " n"],
    size: int,
    n_key_frames: int,
) -> Float[np.ndarray, " n"]:
    """Return the weights of n frames, averaged over all samplings of ``size`` of them.

    A sampling has one frame from each of ``size`` parts of equal duration, drawn with the
    probability of its share of the part's duration. A frame that is drawn is a key frame if fewer
    than ``n_key_frames`` of the frames drawn from the other parts are more confident. Their number
    is a sum of independent events, so it has a Poisson binomial distribution, which is computed
    exactly (Hong 2013, "On computing the distribution function for the Poisson binomial
    distribution", section 2.5: the recursion over events).

    The weight of a frame is its confidence times the probability that it is drawn as a key frame,
    divided by the sum over all frames: the ratio of expectations instead of the expectation of the
    ratio, which differ by little because every sampling has the same number of key frames
    (tests/scoring/test_samplings.py compares them).

    Args:
        frame_confidence: by which key frames are ranked; the earlier frame wins a tie.
        durations: seconds that each frame stands for.
        size: number of frames of a sampling, at most n.
        n_key_frames: number of key frames of a sampling.
    """
    rank = np.empty(len(durations), int)
    rank[np.argsort(-frame_confidence, kind="stable")] = np.arange(len(durations))
    parts = list(_equal_parts(durations, size))
    lower_ranks = [_CumulativeShare(rank[rows], shares) for rows, shares in parts]
    rows = np.concatenate([rows for rows, _ in parts])
    shares = np.concatenate([shares for _, shares in parts])
    owner = np.repeat(np.arange(size), [len(rows) for rows, _ in parts])
    drawn_as_key_frame = np.zeros(len(durations))
    for start in range(0, len(rows), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        more_confident = np.stack([part.below(rank[rows[chunk]]) for part in lower_ranks])
        more_confident[owner[chunk], np.arange(more_confident.shape[1])] = 0.0  # its own part
        is_key = _probability_of_fewer(more_confident, n_key_frames)
        np.add.at(drawn_as_key_frame, rows[chunk], shares[chunk] * is_key)
    weights: np.ndarray = frame_confidence * drawn_as_key_frame
    weights /= weights.sum()
    return weights


def _equal_parts(
    durations: np.ndarray, count: int
) -> Iterator[tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]]:
    """Divide the frames into ``count`` parts of equal duration; yield the frames of each part and
    their shares of it. A frame on a border belongs to both parts in proportion."""
    edges = np.append(0.0, np.cumsum(durations))
    edges *= count / edges[-1]
    nearest = np.rint(edges)
    edges = np.where(np.abs(edges - nearest) < 1e-9, nearest, edges)  # undo rounding errors
    for part in range(count):
        first = int(np.searchsorted(edges, part, "right")) - 1
        stop = int(np.searchsorted(edges, part + 1, "left"))
        low = np.maximum(edges[first:stop], part)
        high = np.minimum(edges[first + 1 : stop + 1], part + 1)
        yield np.arange(first, stop), high - low


class _CumulativeShare:
    """The share of a part's duration whose frames have a rank below a given one."""

    def __init__(self, ranks: np.ndarray, shares: np.ndarray) -> None:
        order = np.argsort(ranks)
        self._ranks = ranks[order]
        self._shares = np.append(0.0, np.cumsum(shares[order]))

    def below(self, ranks: np.ndarray) -> np.ndarray:
        found: np.ndarray = self._shares[np.searchsorted(self._ranks, ranks, "left")]
        return found.clip(max=1.0)


def _probability_of_fewer(
    probabilities: Float[np.ndarray, "events n"], count: int
) -> Float[np.ndarray, " n"]:
    """Return the probability that fewer than ``count`` of independent events happen, n times."""
    exactly = np.zeros((count, probabilities.shape[1]))  # [k]: that k of the events so far happened
    exactly[0] = 1.0
    for probability in probabilities:
        happened = exactly[:-1] * probability
        exactly *= 1 - probability
        exactly[1:] += happened
    total: np.ndarray = exactly.sum(0)
    return total
