"""Random time series that behaviour is built from: pulses, drifts, alternating states, fixations.

In all functions n is the number of frames of the clip.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

STRENGTH_STD, LENGTH_STD = 0.3, 0.35
"""Standard deviations of the logarithms of a pulse's strength and of its length."""
MAX_INTENSITY = 1.1
"""The highest intensity; 1 is FACS level E, which some faces exceed."""
MIN_HOLD = 0.4
"""Minimum seconds that a pulse stays at its apex."""


@dataclass(frozen=True)
class ClipTiming:
    """Number and rate of the frames of a clip."""

    n_frames: int
    fps: float

    @cached_property
    def times(self) -> Float[np.ndarray, " n"]:
        """Time of each frame in seconds from the start."""
        times: np.ndarray = np.arange(self.n_frames) / self.fps
        return times

    @property
    def seconds(self) -> float:
        """Length of the clip in seconds."""
        return self.n_frames / self.fps

    def draw_event_times(
        self, rng: np.random.Generator, per_minute: float
    ) -> Float[np.ndarray, " events"]:
        """Draw the times (seconds, ascending) of a Poisson process with ``per_minute`` events."""
        times: np.ndarray = np.sort(
            rng.uniform(0, self.seconds, rng.poisson(per_minute * self.seconds / 60))
        )
        return times


@dataclass(frozen=True, kw_only=True)
class PulseShape:
    """Time course of one expression."""

    onset: float  # seconds in which it rises
    hold: float  # seconds at the apex (median)
    offset: float  # seconds in which it falls
    strength: float  # median intensity at the apex


def expression_pulses(
    rng: np.random.Generator, timing: ClipTiming, per_minute: float, shape: PulseShape
) -> tuple[Float[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Draw expressions at the times of a Poisson process.

    Returns:
        The intensity in each frame, and whether an expression is near its apex.
    """
    trace, apex = np.zeros(timing.n_frames), np.zeros(timing.n_frames, bool)
    for start in timing.draw_event_times(rng, per_minute):
        hold = max(MIN_HOLD, rng.lognormal(np.log(shape.hold), LENGTH_STD))
        strength = min(
            rng.lognormal(np.log(max(shape.strength, 1e-3)), STRENGTH_STD), MAX_INTENSITY
        )
        end = start + shape.onset + hold + shape.offset
        rising = (timing.times - start) / shape.onset
        falling = (end - timing.times) / shape.offset
        pulse = strength * _smooth_step(rising) * _smooth_step(falling)
        trace = np.maximum(trace, pulse)
        apex |= pulse > 0.6 * strength
    return trace, apex


def random_drift(
    rng: np.random.Generator, timing: ClipTiming, tau: float, std: float, inertia: float = 0.0
) -> Float[np.ndarray, " n"]:
    """Draw an Ornstein-Uhlenbeck process with mean 0, time constant ``tau`` (s) and ``std``.

    With ``inertia`` above 0 the process is low-pass filtered with that time constant (s), which
    removes fast jitter, and rescaled to the same ``std``.
    """
    drift = _unit_drift(rng.normal(size=timing.n_frames), timing.fps, tau, rng.normal())
    if inertia:
        # Filtering a process of time constant a with one of b leaves a / (a + b) of its variance.
        gain = np.sqrt((tau + inertia) / tau)
        drift = gain * _lagged(drift, timing.fps, inertia)
    return std * drift


def alternating_states(
    rng: np.random.Generator, timing: ClipTiming, share: float, cycle: float
) -> Bool[np.ndarray, " n"]:
    """Draw a two-state process with exponentially distributed durations.

    The state is on for ``share`` of the time on average and starts once in ``cycle`` seconds.
    """
    share = float(np.clip(share, 0.01, 0.95))
    mean_seconds = cycle * np.array([1 - share, share])
    state = int(rng.random() < share)
    on, now = np.zeros(timing.n_frames, bool), 0.0
    while now < timing.seconds:
        until = now + rng.exponential(mean_seconds[state])
        if state:
            on |= (timing.times >= now) & (timing.times < until)
        now, state = until, 1 - state
    return on


def fixations(
    rng: np.random.Generator, timing: ClipTiming, dwell: float, std: float
) -> Float[np.ndarray, " n"]:
    """Draw one axis of gaze: fixation targets, each held for ``dwell`` seconds on average."""
    starts = timing.draw_event_times(rng, 60 / dwell)
    targets = rng.normal(0, std, len(starts) + 1)
    gaze: np.ndarray = targets[np.searchsorted(starts, timing.times, side="right")]
    return gaze


def moving_average(
    trace: Float[np.ndarray, " n"], timing: ClipTiming, seconds: float
) -> Float[np.ndarray, " n"]:
    """Average the trace over a centred window of ``seconds``; the edges repeat the end values."""
    width = max(1, round(seconds * timing.fps))
    padded = np.pad(trace, (width - 1 - width // 2, width // 2), mode="edge")
    means: np.ndarray = np.convolve(padded, np.full(width, 1 / width), mode="valid")
    return means


def _smooth_step(x: np.ndarray) -> np.ndarray:
    """Rise from 0 at 0 to 1 at 1 with zero slope at both ends."""
    x = np.clip(x, 0, 1)
    step: np.ndarray = x * x * (3 - 2 * x)
    return step


def _unit_drift(noise: np.ndarray, fps: float, tau: float, first: float) -> np.ndarray:
    """Turn white noise of unit variance into a drift of unit variance, exactly at any ``fps``."""
    memory = float(np.exp(-1 / (fps * tau)))
    fresh = noise * np.sqrt(1 - memory * memory)
    drift = np.empty_like(noise)
    value = first
    for i in range(len(noise)):
        drift[i] = value
        value = memory * value + fresh[i]
    return drift


def _lagged(trace: np.ndarray, fps: float, lag: float) -> np.ndarray:
    """Low-pass filter the trace with a time constant of ``lag`` seconds."""
    memory = float(np.exp(-1 / (fps * lag)))
    followed = np.empty_like(trace)
    value = float(trace[0])
    for i, target in enumerate(trace):
        value = memory * value + (1 - memory) * float(target)
        followed[i] = value
    return followed
