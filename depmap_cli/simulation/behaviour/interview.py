"""Facial behaviour in a simulated interview: action units, head pose and gaze for a BDI-II score.

Severity acts only through ``SEVERITY_SLOPES``. Differences between people and between sessions are
larger (``temperament.py``). Base rates and directions of effects are published ones if available.
The literature contradicts itself on some units: AU4 and AU15 rise with severity in some studies and
fall in others. Frowns are therefore independent of severity here, and smiles may mask low mood.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.simulation.behaviour.severity_slopes import MEAN_SCORE, SCORE_STD, SEVERITY_SLOPES
from depmap_cli.simulation.behaviour.temperament import Temperament
from depmap_cli.simulation.behaviour.time_traces import (
    MAX_INTENSITY,
    ClipTiming,
    PulseShape,
    alternating_states,
    expression_pulses,
    fixations,
    moving_average,
    random_drift,
)


@dataclass(frozen=True, kw_only=True)
class TaskRates:
    """Mean rates of behaviour in one task."""

    smiles: float  # per minute
    brow_raises: float  # per minute
    blinks: float  # per minute; Bentivoglio 1997: 26 in conversation, 4.5 while reading
    pauses: float  # share of the time without speech


TASK_RATES = {
    "Freeform": TaskRates(smiles=6, brow_raises=6, blinks=26, pauses=0.35),
    "Northwind": TaskRates(smiles=2, brow_raises=3, blinks=4.5, pauses=0.12),
}
FROWN_RATE, DIMPLE_RATE, SAD_BROW_RATE, SAD_MOUTH_RATE = 3.0, 1.6, 1.5, 1.5
"""Episodes per minute at mean severity."""
FELT_SMILE_LOG_ODDS = 0.6
"""Log odds that a smile is felt, that is, reaches the eyes (AU6), at mean severity."""
DISTRACTORS = {"AU9": 0.5, "AU10": 0.7, "AU20": 0.7, "AU23": 1.0, "AU24": 1.2, "AU5": 0.8}
"""Episodes per minute of action units that do not depend on severity."""

SMILE = PulseShape(onset=0.45, hold=1.8, offset=0.7, strength=0.62)  # 0.7 to 4 s: Schmidt 2003
DIMPLE = PulseShape(onset=0.45, hold=1.2, offset=0.7, strength=0.55)
BROW_RAISE = PulseShape(onset=0.25, hold=0.5, offset=0.4, strength=0.55)
FROWN = PulseShape(onset=0.45, hold=1.0, offset=0.7, strength=0.5)
SAD_BROW = PulseShape(onset=0.45, hold=1.8, offset=0.7, strength=0.6)
SAD_MOUTH = PulseShape(onset=0.45, hold=1.4, offset=0.7, strength=0.5)
DISTRACTOR = PulseShape(onset=0.45, hold=0.8, offset=0.7, strength=0.4)
BLINK_HALF_LENGTH = 0.14
"""Seconds from the middle of a blink to the open eye; a blink lasts 0.1 to 0.4 s."""
SYLLABLE_RATE = 4.1
"""Syllables per second of speech."""
SPEECH_CYCLE, GLANCE_CYCLE = 4.0, 3.0
"""Mean seconds from one pause in speech to the next, and from one downward glance to the next."""
MAX_ANGLE = 28.0
"""Limit of yaw, pitch and roll in degrees."""

_COLUMN = {unit.code: i for i, unit in enumerate(ACTION_UNITS)}

AuTraces = dict[str, np.ndarray]
"""Intensity over time, (n,), of some action units by code."""


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """Action units, head pose and gaze of a simulated person in each of the n frames of a clip."""

    au: Float32[np.ndarray, "n 18"]  # intensities, 0 to 1.1, in the order of ACTION_UNITS
    pose: Float[np.ndarray, "n 3"]  # degrees: yaw, pitch (down is positive), roll
    gaze: Float[np.ndarray, "n 2"]  # sideways and upwards, about -1 to 1
    cue: Bool[np.ndarray, " n"]  # the frame belongs to an episode whose rate depends on severity
    fps: float

    def __len__(self) -> int:
        return len(self.au)


@dataclass(frozen=True, kw_only=True)
class _Interview:
    """The conditions that all behaviours of a clip share."""

    timing: ClipTiming
    task: TaskRates
    person: Temperament  # on this occasion
    severity: float  # standard deviations from the mean score, times the effect

    def shift(self, name: str) -> float:
        """Return what severity adds to the quantity ``name`` of ``SEVERITY_SLOPES``."""
        return SEVERITY_SLOPES[name].slope * self.severity


DrawBehaviour = Callable[[np.random.Generator, _Interview], tuple[AuTraces, np.ndarray]]
"""Draws the action units of one kind of behaviour, and whether each frame (n,) is a cue."""


def simulate_behaviour(
    rng: np.random.Generator,
    temperament: Temperament,
    score: int,
    task: str,
    seconds: float,
    fps: float,
    effect: float = 1.0,
) -> Behaviour:
    """Draw the behaviour of one person with a BDI-II ``score`` in one clip.

    Each kind of behaviour has its own random numbers. With the same ``rng``, another score
    therefore changes only the quantities of ``SEVERITY_SLOPES``.

    Args:
        rng: random numbers of this clip.
        temperament: the person's deviations from the average.
        score: BDI-II score, 0 to 63.
        task: a key of ``TASK_RATES``.
        seconds: length of the clip.
        fps: frames per second.
        effect: factor on all severity slopes; with 0 the score changes nothing.
    """
    occasion_rng, head_rng, gaze_rng, *behaviour_rngs = rng.spawn(3 + len(_BEHAVIOURS))
    severity = effect * (score - MEAN_SCORE) / SCORE_STD + 0.0  # the sum turns -0.0 into 0.0
    timing = ClipTiming(int(seconds * fps), fps)
    interview = _Interview(
        timing=timing,
        task=TASK_RATES[task],
        person=temperament.on_occasion(occasion_rng),
        severity=severity,
    )
    drawn = [
        draw(behaviour_rng, interview)
        for draw, behaviour_rng in zip(_BEHAVIOURS, behaviour_rngs, strict=True)
    ]
    return Behaviour(
        au=_maximum([traces for traces, _ in drawn], timing.n_frames),
        pose=_pose(head_rng, interview),
        gaze=_gaze(gaze_rng, interview),
        cue=np.logical_or.reduce([cue for _, cue in drawn]),
        fps=fps,
    )


def _maximum(parts: list[AuTraces], n: int) -> Float32[np.ndarray, "n 18"]:
    """Combine behaviours: the maximum intensity of each action unit in each frame."""
    au = np.zeros((n, len(ACTION_UNITS)), np.float32)
    for traces in parts:
        for code, trace in traces.items():
            column = _COLUMN[code]
            au[:, column] = np.maximum(au[:, column], trace)
    return np.clip(au, 0, MAX_INTENSITY)


def _smiles(rng: np.random.Generator, interview: _Interview) -> tuple[AuTraces, np.ndarray]:
    """Draw smiles: with severity they get weaker, shorter and less often felt (AU6), not rarer.

    Smiles that do not reach the eyes come with dimples (AU14) and may mask low mood.
    """
    person = interview.person
    shape = PulseShape(
        onset=SMILE.onset,
        hold=SMILE.hold * np.exp(interview.shift("smile_length")),
        offset=SMILE.offset,
        strength=SMILE.strength
        * np.exp(person.smile_strength + person.expressiveness + interview.shift("smile_strength")),
    )
    rate = interview.task.smiles * np.exp(person.smile_rate)
    share = 1 / (
        1 + np.exp(-(FELT_SMILE_LOG_ODDS + person.felt_smiles + interview.shift("felt_smiles")))
    )
    felt, _ = expression_pulses(rng, interview.timing, rate * share, shape)
    weaker = PulseShape(
        onset=shape.onset, hold=shape.hold, offset=shape.offset, strength=0.9 * shape.strength
    )
    social, _ = expression_pulses(rng, interview.timing, rate * (1 - share), weaker)
    traces = {
        "AU12": np.maximum(felt, social),
        "AU6": 0.9 * felt,
        "AU25": 0.35 * felt,
        "AU14": 0.35 * social,
    }
    return traces, _no_cue(interview)


def _dimples(rng: np.random.Generator, interview: _Interview) -> tuple[AuTraces, np.ndarray]:
    rate = DIMPLE_RATE * np.exp(interview.person.dimple_rate + interview.shift("dimples"))
    trace, apex = expression_pulses(rng, interview.timing, rate, DIMPLE)
    return {"AU14": trace}, apex


def _brow_raises(rng: np.random.Generator, interview: _Interview) -> tuple[AuTraces, np.ndarray]:
    """Draw the brow raises that accompany speech."""
    person = interview.person
    rate = interview.task.brow_raises * np.exp(person.brow_rate + interview.shift("brow_raises"))
    strength = BROW_RAISE.strength * np.exp(person.expressiveness)
    shape = PulseShape(
        onset=BROW_RAISE.onset, hold=BROW_RAISE.hold, offset=BROW_RAISE.offset, strength=strength
    )
    trace, _ = expression_pulses(rng, interview.timing, rate, shape)
    return {"AU1": trace, "AU2": trace}, _no_cue(interview)


def _frowns(rng: np.random.Generator, interview: _Interview) -> tuple[AuTraces, np.ndarray]:
    """Draw frowns, which accompany thinking as well as sadness and do not depend on severity."""
    rate = FROWN_RATE * np.exp(interview.person.frown_rate)
    trace, _ = expression_pulses(rng, interview.timing, rate, FROWN)
    return {"AU4": trace, "AU7": 0.3 * trace}, _no_cue(interview)


def _sad_brows(rng: np.random.Generator, interview: _Interview) -> tuple[AuTraces, np.ndarray]:
    rate = SAD_BROW_RATE * np.exp(interview.person.sad_rate + interview.shift("sad_brows"))
    trace, apex = expression_pulses(rng, interview.timing, rate, SAD_BROW)
    return {"AU1": 0.8 * trace, "AU4": 0.6 * trace, "AU15": 0.7 * trace}, apex


def _sad_mouths(rng: np.random.Generator, interview: _Interview) -> tuple[AuTraces, np.ndarray]:
    rate = SAD_MOUTH_RATE * np.exp(interview.person.sad_rate + interview.shift("sad_mouths"))
    trace, apex = expression_pulses(rng, interview.timing, rate, SAD_MOUTH)
    return {"AU15": trace, "AU17": 0.7 * trace}, apex


def _distractors(rng: np.random.Generator, interview: _Interview) -> tuple[AuTraces, np.ndarray]:
    traces = {
        code: expression_pulses(rng, interview.timing, rate, DISTRACTOR)[0]
        for code, rate in DISTRACTORS.items()
    }
    return traces, _no_cue(interview)


def _posture(rng: np.random.Generator, interview: _Interview) -> tuple[AuTraces, np.ndarray]:
    """Return the constant intensities with which this face is held throughout the clip."""
    person, n = interview.person, interview.timing.n_frames
    mouth = np.clip(0.1 + person.tonic_mouth + interview.shift("tonic_mouth"), 0, 0.5)
    brow = np.clip(0.08 + person.tonic_brow + interview.shift("tonic_brow"), 0, 0.4)
    lids = np.clip(0.1 + person.lids + interview.shift("lids"), 0, 0.4)
    held = {"AU15": mouth, "AU4": brow, "AU43": lids}
    return {code: np.full(n, value) for code, value in held.items()}, _no_cue(interview)


def _blinks(rng: np.random.Generator, interview: _Interview) -> tuple[AuTraces, np.ndarray]:
    timing = interview.timing
    rate = interview.task.blinks * np.exp(interview.person.blink_rate + interview.shift("blinks"))
    closed = np.zeros(timing.n_frames)
    for middle in timing.draw_event_times(rng, rate):
        distance = np.abs(timing.times - middle) / BLINK_HALF_LENGTH
        closed = np.maximum(closed, np.clip(1.2 - distance**1.5, 0, 1))
    return {"AU43": closed}, _no_cue(interview)


def _speech(rng: np.random.Generator, interview: _Interview) -> tuple[AuTraces, np.ndarray]:
    """Open and close the jaw at the pace of syllables, with pauses."""
    timing = interview.timing
    share = interview.task.pauses * np.exp(interview.person.pauses + interview.shift("pauses"))
    pausing = alternating_states(rng, timing, float(np.clip(share, 0, 0.9)), SPEECH_CYCLE)
    pace = SYLLABLE_RATE * (1 + random_drift(rng, timing, 1.0, 0.1))
    phase = 2 * np.pi * np.cumsum(pace) / timing.fps + rng.uniform(0, 2 * np.pi)
    opening = np.clip(0.5 + 0.5 * np.sin(phase) + random_drift(rng, timing, 0.2, 0.35), 0, 1.2)
    opening = opening * moving_average((~pausing).astype(float), timing, 0.12)
    return {"AU26": 0.6 * opening, "AU25": 0.5 * opening}, _no_cue(interview)


def _no_cue(interview: _Interview) -> np.ndarray:
    return np.zeros(interview.timing.n_frames, bool)


_BEHAVIOURS: tuple[DrawBehaviour, ...] = (
    *(_smiles, _dimples, _brow_raises, _frowns, _sad_brows),
    *(_sad_mouths, _distractors, _posture, _blinks, _speech),
)


def _pose(rng: np.random.Generator, interview: _Interview) -> Float[np.ndarray, "n 3"]:
    timing = interview.timing
    scale = np.exp(interview.person.head + interview.shift("head"))
    yaw = rng.normal(0, 4) + random_drift(rng, timing, 1.5, 7 * scale, inertia=0.25)
    mean_pitch = rng.normal(0, 4.5) + np.clip(interview.shift("bowed"), -4, 6)
    pitch = mean_pitch + random_drift(rng, timing, 1.2, 4 * scale, inertia=0.25)
    roll = random_drift(rng, timing, 1.8, 3 * scale, inertia=0.25)
    pose: np.ndarray = np.clip(np.stack([yaw, pitch, roll], axis=1), -MAX_ANGLE, MAX_ANGLE)
    return pose


def _gaze(rng: np.random.Generator, interview: _Interview) -> Float[np.ndarray, "n 2"]:
    """Draw fixations around the camera, with downward glances in between."""
    timing = interview.timing
    share = 0.15 * np.exp(interview.person.glances + interview.shift("glances_down"))
    down = alternating_states(rng, timing, float(np.clip(share, 0.01, 0.9)), GLANCE_CYCLE)
    sideways = fixations(rng, timing, 0.8, 0.3)
    up = fixations(rng, timing, 0.8, 0.05) - 0.6 * down
    return np.stack([moving_average(axis, timing, 0.08) for axis in (sideways, up)], axis=1)
