"""Facial behaviour of a simulated interview: action units, head and gaze, given a BDI-II score.

Severity acts through ``SLOPES`` and nothing else, under differences between people and occasions
that are larger (``temperament.py``). Base rates and directions are published ones where there are
any; contradictory findings (AU4 and AU15 both rise and fall with severity in the literature) become
noise: frowns say nothing here, and smiles may mask.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.simulation.behaviour.severity_slopes import MEAN_SCORE, SCORE_SD, SLOPES
from depmap_cli.simulation.behaviour.temperament import Temperament
from depmap_cli.simulation.behaviour.time_traces import (
    STRONGEST,
    Clock,
    Shape,
    fixations,
    pulses,
    softened,
    spells,
    wander,
)


@dataclass(frozen=True, kw_only=True)
class Task:
    """How a task is done on average."""

    smiles: float  # a minute
    brow_raises: float  # a minute
    blinks: float  # a minute; Bentivoglio 1997: 26 in conversation, 4.5 in reading
    pauses: float  # share of the time


BY_TASK = {
    "Freeform": Task(smiles=6, brow_raises=6, blinks=26, pauses=0.35),
    "Northwind": Task(smiles=2, brow_raises=3, blinks=4.5, pauses=0.12),
}
FROWNS, DIMPLES, SAD_BROWS, SAD_MOUTHS = 3.0, 1.6, 1.5, 1.5
"""A minute, at mean severity."""
FELT = 0.6
"""Log odds that a smile reaches the eyes, at mean severity."""
DISTRACTORS = {"AU9": 0.5, "AU10": 0.7, "AU20": 0.7, "AU23": 1.0, "AU24": 1.2, "AU5": 0.8}
"""Units that come a minute, whatever the severity."""

SMILE = Shape(onset=0.45, hold=1.8, offset=0.7, strength=0.62)  # 0.7 to 4 s: Schmidt 2003
DIMPLE = Shape(onset=0.45, hold=1.2, offset=0.7, strength=0.55)
BROW_RAISE = Shape(onset=0.25, hold=0.5, offset=0.4, strength=0.55)
FROWN = Shape(onset=0.45, hold=1.0, offset=0.7, strength=0.5)
SAD_BROW = Shape(onset=0.45, hold=1.8, offset=0.7, strength=0.6)
SAD_MOUTH = Shape(onset=0.45, hold=1.4, offset=0.7, strength=0.5)
DISTRACTION = Shape(onset=0.45, hold=0.8, offset=0.7, strength=0.4)
BLINK_REACH = 0.14
"""Seconds from a blink's middle in which the lids open again: 0.1 to 0.4 s in all."""
SYLLABLES = 4.1
"""A second of speech."""
SPEECH_CYCLE, GLANCE_CYCLE = 4.0, 3.0
"""Seconds from one pause, and from one glance down, to the next."""
MAX_TURN = 28.0
"""Degrees, of every angle of the head."""

_COLUMN = {unit.code: i for i, unit in enumerate(ACTION_UNITS)}

Units = dict[str, np.ndarray]
"""Intensity over time of some action units by code, each (n,)."""


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What a simulated person does in every frame of a clip."""

    au: Float32[np.ndarray, "n 18"]  # intensities, 0 to 1.1, in the order of ACTION_UNITS
    pose: Float[np.ndarray, "n 3"]  # degrees: yaw, pitch (down is positive), roll
    gaze: Float[np.ndarray, "n 2"]  # sideways and up, about -1 to 1
    cue: Bool[np.ndarray, " n"]  # an episode is under way whose rate depends on severity
    fps: float

    def __len__(self) -> int:
        return len(self.au)


@dataclass(frozen=True, kw_only=True)
class _Interview:
    """What every behaviour of a clip is drawn for."""

    clock: Clock
    task: Task
    person: Temperament  # on this occasion
    severity: float  # standard deviations from the mean, times the effect

    def shift(self, name: str) -> float:
        """What severity adds to a quantity of ``SLOPES``."""
        return SLOPES[name].size * self.severity


Draw = Callable[[np.random.Generator, _Interview], tuple[Units, np.ndarray]]
"""Draws the units of one kind of behaviour, and the frames (n,) in which it is a cue."""


def simulate_behaviour(
    rng: np.random.Generator,
    temperament: Temperament,
    score: int,
    task: str,
    seconds: float,
    fps: float,
    effect: float = 1.0,
) -> Behaviour:
    """One clip of a person with a BDI-II ``score``; ``effect`` scales every slope of severity.

    Each kind of behaviour has its own random numbers, so with the same ``rng`` another score
    changes only what severity acts on; with ``effect`` 0 it changes nothing.
    """
    occasion, head, eyes, *kinds = rng.spawn(3 + len(_KINDS))
    severity = effect * (score - MEAN_SCORE) / SCORE_SD + 0.0  # the sum turns -0.0 into 0.0
    clock = Clock(int(seconds * fps), fps)
    interview = _Interview(
        clock=clock, task=BY_TASK[task], person=temperament.on_occasion(occasion), severity=severity
    )
    drawn = [draw(own, interview) for draw, own in zip(_KINDS, kinds, strict=True)]
    return Behaviour(
        au=_strongest([units for units, _ in drawn], clock.n),
        pose=_pose(head, interview),
        gaze=_gaze(eyes, interview),
        cue=np.logical_or.reduce([cue for _, cue in drawn]),
        fps=fps,
    )


def _strongest(parts: list[Units], n: int) -> Float32[np.ndarray, "n 18"]:
    """Of every unit, at every time, the strongest that any behaviour asks for."""
    au = np.zeros((n, len(ACTION_UNITS)), np.float32)
    for units in parts:
        for code, trace in units.items():
            column = _COLUMN[code]
            au[:, column] = np.maximum(au[:, column], trace)
    return np.clip(au, 0, STRONGEST)


def _smiles(rng: np.random.Generator, interview: _Interview) -> tuple[Units, np.ndarray]:
    """As many whatever the severity, but weaker and shorter, and fewer of them felt (with AU6).

    Smiles that do not reach the eyes dimple the cheeks: they may mask.
    """
    person = interview.person
    shape = Shape(
        onset=SMILE.onset,
        hold=SMILE.hold * np.exp(interview.shift("smile_length")),
        offset=SMILE.offset,
        strength=SMILE.strength
        * np.exp(person.smile_strength + person.expressiveness + interview.shift("smile_strength")),
    )
    rate = interview.task.smiles * np.exp(person.smile_rate)
    share = 1 / (1 + np.exp(-(FELT + person.felt_smiles + interview.shift("felt_smiles"))))
    felt, _ = pulses(rng, interview.clock, rate * share, shape)
    weaker = Shape(
        onset=shape.onset, hold=shape.hold, offset=shape.offset, strength=0.9 * shape.strength
    )
    social, _ = pulses(rng, interview.clock, rate * (1 - share), weaker)
    units = {
        "AU12": np.maximum(felt, social),
        "AU6": 0.9 * felt,
        "AU25": 0.35 * felt,
        "AU14": 0.35 * social,
    }
    return units, _no_cue(interview)


def _dimples(rng: np.random.Generator, interview: _Interview) -> tuple[Units, np.ndarray]:
    rate = DIMPLES * np.exp(interview.person.dimple_rate + interview.shift("dimples"))
    trace, apex = pulses(rng, interview.clock, rate, DIMPLE)
    return {"AU14": trace}, apex


def _brow_raises(rng: np.random.Generator, interview: _Interview) -> tuple[Units, np.ndarray]:
    """The brow movements that go with talking."""
    person = interview.person
    rate = interview.task.brow_raises * np.exp(person.brow_rate + interview.shift("brow_raises"))
    strength = BROW_RAISE.strength * np.exp(person.expressiveness)
    shape = Shape(
        onset=BROW_RAISE.onset, hold=BROW_RAISE.hold, offset=BROW_RAISE.offset, strength=strength
    )
    trace, _ = pulses(rng, interview.clock, rate, shape)
    return {"AU1": trace, "AU2": trace}, _no_cue(interview)


def _frowns(rng: np.random.Generator, interview: _Interview) -> tuple[Units, np.ndarray]:
    """Plain frowns come with thinking as with sorrow: they do not tell severity."""
    rate = FROWNS * np.exp(interview.person.frown_rate)
    trace, _ = pulses(rng, interview.clock, rate, FROWN)
    return {"AU4": trace, "AU7": 0.3 * trace}, _no_cue(interview)


def _sad_brows(rng: np.random.Generator, interview: _Interview) -> tuple[Units, np.ndarray]:
    rate = SAD_BROWS * np.exp(interview.person.sad_rate + interview.shift("sad_brows"))
    trace, apex = pulses(rng, interview.clock, rate, SAD_BROW)
    return {"AU1": 0.8 * trace, "AU4": 0.6 * trace, "AU15": 0.7 * trace}, apex


def _sad_mouths(rng: np.random.Generator, interview: _Interview) -> tuple[Units, np.ndarray]:
    rate = SAD_MOUTHS * np.exp(interview.person.sad_rate + interview.shift("sad_mouths"))
    trace, apex = pulses(rng, interview.clock, rate, SAD_MOUTH)
    return {"AU15": trace, "AU17": 0.7 * trace}, apex


def _distractors(rng: np.random.Generator, interview: _Interview) -> tuple[Units, np.ndarray]:
    units = {
        code: pulses(rng, interview.clock, rate, DISTRACTION)[0]
        for code, rate in DISTRACTORS.items()
    }
    return units, _no_cue(interview)


def _posture(rng: np.random.Generator, interview: _Interview) -> tuple[Units, np.ndarray]:
    """How the face is held throughout."""
    person, n = interview.person, interview.clock.n
    mouth = np.clip(0.1 + person.tonic_mouth + interview.shift("tonic_mouth"), 0, 0.5)
    brow = np.clip(0.08 + person.tonic_brow + interview.shift("tonic_brow"), 0, 0.4)
    lids = np.clip(0.1 + person.lids + interview.shift("lids"), 0, 0.4)
    held = {"AU15": mouth, "AU4": brow, "AU43": lids}
    return {code: np.full(n, value) for code, value in held.items()}, _no_cue(interview)


def _blinks(rng: np.random.Generator, interview: _Interview) -> tuple[Units, np.ndarray]:
    clock = interview.clock
    rate = interview.task.blinks * np.exp(interview.person.blink_rate + interview.shift("blinks"))
    closed = np.zeros(clock.n)
    for moment in clock.moments(rng, rate):
        away = np.abs(clock.times - moment) / BLINK_REACH
        closed = np.maximum(closed, np.clip(1.2 - away**1.5, 0, 1))
    return {"AU43": closed}, _no_cue(interview)


def _speech(rng: np.random.Generator, interview: _Interview) -> tuple[Units, np.ndarray]:
    """The jaw at the pace of syllables, with pauses."""
    clock = interview.clock
    share = interview.task.pauses * np.exp(interview.person.pauses + interview.shift("pauses"))
    pausing = spells(rng, clock, float(np.clip(share, 0, 0.9)), SPEECH_CYCLE)
    pace = SYLLABLES * (1 + wander(rng, clock, 1.0, 0.1))
    phase = 2 * np.pi * np.cumsum(pace) / clock.fps + rng.uniform(0, 2 * np.pi)
    opening = np.clip(0.5 + 0.5 * np.sin(phase) + wander(rng, clock, 0.2, 0.35), 0, 1.2)
    opening = opening * softened((~pausing).astype(float), clock, 0.12)
    return {"AU26": 0.6 * opening, "AU25": 0.5 * opening}, _no_cue(interview)


def _no_cue(interview: _Interview) -> np.ndarray:
    return np.zeros(interview.clock.n, bool)


_KINDS: tuple[Draw, ...] = (
    *(_smiles, _dimples, _brow_raises, _frowns, _sad_brows),
    *(_sad_mouths, _distractors, _posture, _blinks, _speech),
)


def _pose(rng: np.random.Generator, interview: _Interview) -> Float[np.ndarray, "n 3"]:
    clock = interview.clock
    size = np.exp(interview.person.head + interview.shift("head"))
    yaw = rng.normal(0, 4) + wander(rng, clock, 1.5, 7 * size, inertia=0.25)
    bowed = rng.normal(0, 4.5) + np.clip(interview.shift("bowed"), -4, 6)
    pitch = bowed + wander(rng, clock, 1.2, 4 * size, inertia=0.25)
    roll = wander(rng, clock, 1.8, 3 * size, inertia=0.25)
    pose: np.ndarray = np.clip(np.stack([yaw, pitch, roll], axis=1), -MAX_TURN, MAX_TURN)
    return pose


def _gaze(rng: np.random.Generator, interview: _Interview) -> Float[np.ndarray, "n 2"]:
    """The eyes jump from place to place and, now and then, down."""
    clock = interview.clock
    share = 0.15 * np.exp(interview.person.glances + interview.shift("glances_down"))
    down = spells(rng, clock, float(np.clip(share, 0.01, 0.9)), GLANCE_CYCLE)
    sideways = fixations(rng, clock, 0.8, 0.3)
    up = fixations(rng, clock, 0.8, 0.05) - 0.6 * down
    return np.stack([softened(axis, clock, 0.08) for axis in (sideways, up)], axis=1)
