"""Smiles, brow raises, frowns, blinks: their number, length and strength.

An event lasts while the probability of its action unit is at least ``END``, and counts if it
reaches ``START``: with one threshold, noise around it would split events. Onset and offset are
interpolated linearly between frames. An event that the start, the end or a gap cuts is counted
once, by the part that was read, and its length is not used.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from depmap_cli.behaviour.readings import MAX_GAP, Readings, reaches, seconds_read, stretches
from depmap_cli.domain.action_units import ACTION_UNITS, PRESENT_THRESHOLD
from depmap_cli.results import EventSummary

START = PRESENT_THRESHOLD
"""Probability that an event reaches: a unit counts as present from it."""
END = 0.3
"""Probability at which an event begins and ends."""
_COLUMN = {unit.code: i for i, unit in enumerate(ACTION_UNITS)}


@dataclass(frozen=True, kw_only=True)
class EventKind:
    """One kind of event: its action units, its lengths and the sampling that it needs."""

    name: str
    plain: str  # plural
    units: tuple[str, ...]  # codes; the event's probability is the smallest of theirs
    shortest: float  # seconds; shorter events, or parts of events, are not counted
    longest: float = np.inf  # seconds; longer events are not counted
    min_rate: float  # frames per second below which they are missed (measured: LOG L64)
    option: str  # sampling options that reach the rate
    max_gap: float = MAX_GAP  # seconds; a longer gap may hide an event
    same_event: float  # seconds; two parts of an event on either side of a shorter gap are one


_MICRO_EXPRESSION = 0.2
"""Seconds. Expressions up to 1/5 s are micro-expressions (Ekman 2003), which are not counted."""
_BLINK_SHORTEST, _BLINK_LONGEST = 0.04, 1.0
"""Seconds. Blinks last 0.1 to 0.4 s from lid to lid, less at ``END``; closures of more than 1 s
are called microsleeps in studies of fatigue. Those between 0.5 s and 1 s are slow blinks
(Stern, Walrath and Goldstein 1984: blinks last at most 0.5 s)."""
_SLOW = "--fps 5"

SMILE = EventKind(
    name="smile", plain="smiles", units=("AU12",),
    shortest=_MICRO_EXPRESSION, min_rate=2, option=_SLOW,
    same_event=4.0,  # smiles last 0.7 to 4 s: Schmidt, Cohn and Tian 2003
)  # fmt: skip
BROW_RAISE = EventKind(
    name="brow_raise", plain="brow raises", units=("AU1", "AU2"),
    shortest=_MICRO_EXPRESSION, min_rate=4, option=_SLOW, same_event=1.0,
)  # fmt: skip
FROWN = EventKind(
    name="frown", plain="frowns", units=("AU4",),
    shortest=_MICRO_EXPRESSION, min_rate=2, option=_SLOW, same_event=2.0,
)  # fmt: skip
BLINK = EventKind(
    name="blink", plain="blinks", units=("AU43",),
    shortest=_BLINK_SHORTEST, longest=_BLINK_LONGEST,
    min_rate=12, option="--fps 15 or --every-frame", max_gap=0.2, same_event=0.4,
)  # fmt: skip
EYES_CLOSED = EventKind(
    name="eyes_closed", plain="times with eyes closed for 1 s or longer", units=("AU43",),
    shortest=_BLINK_LONGEST, min_rate=4, option=_SLOW, same_event=1.0,
)  # fmt: skip
EVENT_KINDS = (SMILE, BROW_RAISE, FROWN, BLINK, EYES_CLOSED)
"""The events of a report, in order."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event; if it is cut, onset and offset are those of the part that was read."""

    onset: float  # seconds
    offset: float  # seconds
    peak: float  # highest probability, 0 to 1
    is_cut_before: bool
    is_cut_after: bool

    @property
    def seconds(self) -> float:
        """Length, or that of the part that was read."""
        return self.offset - self.onset

    @property
    def is_whole(self) -> bool:
        """Whether onset and offset were both seen."""
        return not (self.is_cut_before or self.is_cut_after)


def find_events(readings: Readings, kind: EventKind) -> list[Event]:
    """Return the events of one kind in order of time, whatever the sampling."""
    probability = readings.action_units[:, [_COLUMN[code] for code in kind.units]].min(axis=1)
    events: list[Event] = []
    for run in stretches(readings.times, readings.rate, kind.max_gap):
        for event in _events_of_stretch(readings.times[run], probability[run], readings.rate):
            if events and _are_one(events[-1], event, kind):
                events.append(_joined(events.pop(), event))
            else:
                events.append(event)
    return [event for event in events if kind.shortest <= event.seconds < kind.longest]


def summarise_events(readings: Readings, kind: EventKind) -> EventSummary:
    """Count the events of one kind; without numbers, ``caution`` says why."""
    read = seconds_read(readings.times, readings.rate, kind.max_gap)
    caution = _missing_units(readings, kind) or _sparse_sampling(readings, kind)
    events = [] if caution else find_events(readings, kind)
    whole = [event.seconds for event in events if event.is_whole]
    counted = not caution and read > 0
    return EventSummary(
        name=kind.name,
        plain=kind.plain,
        number=len(events) if counted else None,
        per_minute=round(60 * len(events) / read, 2) if counted else None,
        mean_seconds=round(float(np.mean(whole)), 3) if whole else None,
        amplitude=round(float(np.mean([event.peak for event in events])), 3) if events else None,
        seconds_read=round(read, 2),
        frames_per_second=round(readings.rate, 3),
        caution=caution,
    )


def _missing_units(readings: Readings, kind: EventKind) -> str:
    missing = [code for code in kind.units if code in readings.unread]
    return f"needs {' and '.join(missing)}, not read" if missing else ""


def _sparse_sampling(readings: Readings, kind: EventKind) -> str:
    if readings.is_read_at(kind.min_rate):
        return ""
    needed = f"needs at least {kind.min_rate:g} frames/s"
    if readings.limit and not reaches(readings.limit.rate, kind.min_rate):
        return f"{needed}, but {readings.limit.reason}"
    return f"{needed}, but {readings.rate:.3g} were read; give {kind.option}"


def _events_of_stretch(
    times: Float[np.ndarray, " n"], probability: Float[np.ndarray, " n"], rate: float
) -> list[Event]:
    """Return the events of a stretch without a gap."""
    above = np.concatenate([[False], probability >= END, [False]])
    edges = np.flatnonzero(above[1:] != above[:-1]).reshape(-1, 2)
    half_step = 0.5 / rate if rate > 0 else 0.0
    events = []
    for first, after in edges.tolist():
        peak = float(probability[first:after].max())
        if peak < START:
            continue
        is_cut_before, is_cut_after = first == 0, after == len(times)
        events.append(
            Event(
                onset=float(times[0]) - half_step
                if is_cut_before
                else _crossing(times, probability, first),
                offset=float(times[-1]) + half_step
                if is_cut_after
                else _crossing(times, probability, after),
                peak=peak,
                is_cut_before=is_cut_before,
                is_cut_after=is_cut_after,
            )
        )
    return events


def _crossing(times: np.ndarray, probability: np.ndarray, frame: int) -> float:
    """Return when the line from the frame before ``frame`` to it crosses ``END``, in seconds."""
    before, after = probability[frame - 1], probability[frame]
    share = (END - before) / (after - before)
    return float(times[frame - 1] + share * (times[frame] - times[frame - 1]))


def _are_one(first: Event, second: Event, kind: EventKind) -> bool:
    """Whether two events are the parts of one that a short gap cut."""
    return (
        first.is_cut_after
        and second.is_cut_before
        and second.onset - first.offset <= kind.same_event
    )


def _joined(first: Event, second: Event) -> Event:
    """Join two parts of an event; the gap between them is not seen, so it is not whole."""
    return Event(
        onset=first.onset,
        offset=second.offset,
        peak=max(first.peak, second.peak),
        is_cut_before=True,
        is_cut_after=second.is_cut_after,
    )
