"""Readings with planted events, at any sampling."""

import numpy as np

from depmap_cli.behaviour.readings import Readings
from depmap_cli.domain.action_units import ACTION_UNITS

COLUMN = {unit.code: i for i, unit in enumerate(ACTION_UNITS)}
RAMP = 0.1
"""Seconds in which a planted event rises and falls."""


def pulse(times, start, end, peak=0.9, ramp=RAMP):
    """A trapezium: 0 before ``start`` and after ``end``, ``peak`` between the ramps."""
    rise = np.minimum(times - start, end - times) / ramp
    return peak * np.clip(rise, 0, 1)


def length_at(level, start, end, peak=0.9, ramp=RAMP):
    """Seconds that a pulse is at or above ``level``."""
    return end - start - 2 * ramp * level / peak


def readings(
    events=(), *, seconds=60.0, rate=25.0, phase=0.0, lost=(), angles=None, base=0.0, **more
):
    """Readings of ``seconds`` at ``rate``.

    Args:
        events: (code, start, end) or (code, start, end, peak), seconds.
        phase: share of a step by which the frames are later.
        lost: (from, to), seconds without a usable face.
        angles: function from times (n,) to angles (n, 5).
        base: probability of all units outside of events.
    """
    times = (np.arange(int(seconds * rate)) + phase) / rate
    action_units = np.full((len(times), len(ACTION_UNITS)), base)
    for code, *shape in events:
        column = action_units[:, COLUMN[code]]
        np.maximum(column, pulse(times, *shape), out=column)
    usable = np.ones(len(times), bool)
    for start, end in lost:
        usable &= (times < start) | (times >= end)
    read = None if angles is None else np.asarray(angles(times), float)[usable]
    return Readings(
        times=times[usable], action_units=action_units[usable], angles=read, rate=rate, **more
    )
