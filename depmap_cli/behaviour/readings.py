"""Dense readings of a face over a recording, and the stretches without a gap."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

MAX_GAP = 0.5
"""Seconds between two usable frames above which readings are not joined."""
_UNEVEN = 1.5
"""Sampling steps by which neighbouring frames of an uneven sampling may be apart."""
_RATE_TOLERANCE = 0.97
"""A rate counts as reached from this share of it: 12 frames/s asked for may be 11.9."""


@dataclass(frozen=True)
class RateLimit:
    """The highest rate at which a recording can be read, and what sets it."""

    rate: float  # frames per second
    reason: str  # e.g. "the video has 10 frames/s"


@dataclass(frozen=True, kw_only=True)
class Readings:
    """What was read from the n usable frames of a recording, in order of time."""

    times: Float[np.ndarray, " n"]  # seconds
    action_units: Float[np.ndarray, "n 18"]  # probabilities, 0 to 1, relative to the neutral face
    angles: Float[np.ndarray, "n 5"] | None  # degrees, in the order of ANGLES; NaN if not read
    rate: float  # frames per second that were read, usable or not
    unread: frozenset[str] = frozenset()  # codes of action units that were not read
    limit: RateLimit | None = None  # of the rate; None if not known

    def is_read_at(self, rate: float) -> bool:
        """Whether at least ``rate`` frames per second were read."""
        return reaches(self.rate, rate)


def reaches(rate: float, needed: float) -> bool:
    """Whether a rate is as high as the one needed, but for the unevenness of a sampling."""
    return rate >= _RATE_TOLERANCE * needed


def sampling_rate(times: Float[np.ndarray, " n"]) -> float:
    """Return the frames per second of a sampling, from the times of all sampled frames in seconds.

    It is the inverse of the mean step; steps of more than twice the median, such as missing parts
    of the video, are left out. Fewer than two frames have the rate 0.
    """
    steps = np.diff(times)
    steps = steps[steps > 0]
    if not len(steps):
        return 0.0
    return float(1 / steps[steps <= 2 * np.median(steps)].mean())


def stretches(times: Float[np.ndarray, " n"], rate: float, max_gap: float = MAX_GAP) -> list[slice]:
    """Return the runs of usable frames between which there is a gap of more than ``max_gap``.

    If the sampling itself has longer steps, a gap is a step of 1.5 times the usual one.

    Args:
        times: of the usable frames, seconds.
        rate: frames per second that were read.
        max_gap: seconds.
    """
    if not len(times):
        return []
    limit = max(max_gap, _UNEVEN / rate) if rate > 0 else max_gap
    breaks = np.flatnonzero(np.diff(times) > limit) + 1
    edges = [0, *breaks.tolist(), len(times)]
    return [slice(a, b) for a, b in zip(edges, edges[1:], strict=False)]


def seconds_read(times: Float[np.ndarray, " n"], rate: float, max_gap: float = MAX_GAP) -> float:
    """Return the seconds with a usable face: the length of all stretches.

    A stretch reaches half a sampling step beyond its first and last frame.
    """
    step = 1 / rate if rate > 0 else 0.0
    runs = stretches(times, rate, max_gap)
    return float(sum(times[run][-1] - times[run][0] + step for run in runs))
