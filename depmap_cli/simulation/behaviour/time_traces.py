"""Traces over time that behaviour is put together from: pulses, drifts, spells and fixations."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

PULSE_SPREAD, LENGTH_SPREAD = 0.3, 0.35
"""Log standard deviations of a pulse's strength and of its length."""
STRONGEST = 1.1
"""The highest intensity: 1 is FACS level E, which some faces exceed."""
SHORTEST = 0.4
"""Seconds that a pulse stays at its height, at least."""


@dataclass(frozen=True)
class Clock:
    """The frames of a clip."""

    n: int
    fps: float

    @cached_property
    def times(self) -> Float[np.ndarray, " n"]:
        """Seconds from the start."""
        times: np.ndarray = np.arange(self.n) / self.fps
        return times

    @property
    def seconds(self) -> float:
        """The clip's length."""
        return self.n / self.fps

    def moments(self, rng: np.random.Generator, per_minute: float) -> Float[np.ndarray, " events"]:
        """Seconds at which something happens that happens so often on average (Poisson)."""
        moments: np.ndarray = np.sort(
            rng.uniform(0, self.seconds, rng.poisson(per_minute * self.seconds / 60))
        )
        return moments


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Seconds in which an expression rises, stays (median), and falls; and its median strength."""

    onset: float
    hold: float
    offset: float
    strength: float


def pulses(
    rng: np.random.Generator, clock: Clock, per_minute: float, shape: Shape
) -> tuple[Float[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Expressions at Poisson times: their trace, and the frames in which one is near its height."""
    trace, apex = np.zeros(clock.n), np.zeros(clock.n, bool)
    for start in clock.moments(rng, per_minute):
        hold = max(SHORTEST, rng.lognormal(np.log(shape.hold), LENGTH_SPREAD))
        strength = min(rng.lognormal(np.log(max(shape.strength, 1e-3)), PULSE_SPREAD), STRONGEST)
        end = start + shape.onset + hold + shape.offset
        rising = (clock.times - start) / shape.onset
        falling = (end - clock.times) / shape.offset
        pulse = strength * _eased(rising) * _eased(falling)
        trace = np.maximum(trace, pulse)
        apex |= pulse > 0.6 * strength
    return trace, apex


def wander(
    rng: np.random.Generator, clock: Clock, tau: float, sd: float, inertia: float = 0.0
) -> Float[np.ndarray, " n"]:
    """A drift about 0 that forgets itself over ``tau`` seconds (Ornstein and Uhlenbeck's).

    With ``inertia`` (seconds) it follows such a drift as a mass does, without its tremor; ``sd``
    stays the same.
    """
    drift = _filtered(rng.normal(size=clock.n), clock.fps, tau, rng.normal())
    if inertia:
        # The variance that a lag b leaves of a drift of memory a is a / (a + b).
        gain = np.sqrt((tau + inertia) / tau)
        drift = gain * _lagged(drift, clock.fps, inertia)
    return sd * drift


def spells(
    rng: np.random.Generator, clock: Clock, share: float, cycle: float
) -> Bool[np.ndarray, " n"]:
    """On and off in turn, for spells of exponential length; on for ``share`` of the time on
    average, and once in ``cycle`` seconds."""
    share = float(np.clip(share, 0.01, 0.95))
    lengths = cycle * np.array([1 - share, share])
    state = int(rng.random() < share)
    on, now = np.zeros(clock.n, bool), 0.0
    while now < clock.seconds:
        until = now + rng.exponential(lengths[state])
        if state:
            on |= (clock.times >= now) & (clock.times < until)
        now, state = until, 1 - state
    return on


def fixations(
    rng: np.random.Generator, clock: Clock, dwell: float, sd: float
) -> Float[np.ndarray, " n"]:
    """Places that are looked at one after the other, each for ``dwell`` seconds on average."""
    starts = clock.moments(rng, 60 / dwell)
    places = rng.normal(0, sd, len(starts) + 1)
    held: np.ndarray = places[np.searchsorted(starts, clock.times, side="right")]
    return held


def softened(
    trace: Float[np.ndarray, " n"], clock: Clock, seconds: float
) -> Float[np.ndarray, " n"]:
    """The trace with its jumps spread over ``seconds``."""
    width = max(1, round(seconds * clock.fps))
    padded = np.pad(trace, (width - 1 - width // 2, width // 2), mode="edge")
    means: np.ndarray = np.convolve(padded, np.full(width, 1 / width), mode="valid")
    return means


def _eased(x: np.ndarray) -> np.ndarray:
    """From 0 to 1 with a soft start and end."""
    x = np.clip(x, 0, 1)
    eased: np.ndarray = x * x * (3 - 2 * x)
    return eased


def _filtered(noise: np.ndarray, fps: float, tau: float, first: float) -> np.ndarray:
    """Unit noise as a drift of unit variance, exact at any frame rate."""
    keep = float(np.exp(-1 / (fps * tau)))
    fresh = noise * np.sqrt(1 - keep * keep)
    drift = np.empty_like(noise)
    value = first
    for i in range(len(noise)):
        drift[i] = value
        value = keep * value + fresh[i]
    return drift


def _lagged(trace: np.ndarray, fps: float, lag: float) -> np.ndarray:
    """The trace followed with a lag of so many seconds."""
    keep = float(np.exp(-1 / (fps * lag)))
    followed = np.empty_like(trace)
    value = float(trace[0])
    for i, target in enumerate(trace):
        value = keep * value + (1 - keep) * float(target)
        followed[i] = value
    return followed
