"""A recording as one row of numbers: statistics of the readings of its frames."""

import numpy as np

from depmap_cli.behaviour.events import END, EVENT_KINDS, summarise_events
from depmap_cli.behaviour.head_and_gaze import (
    head_speed,
    share_looking_away,
    share_looking_down,
    summarise_angles,
)
from depmap_cli.behaviour.readings import Readings
from depmap_cli.domain.action_units import ACTION_UNITS, PRESENT_THRESHOLD
from depmap_cli.domain.head_and_gaze import ANGLES

HIGH_QUANTILE = 0.9
"""Quantile of a unit's probabilities that stands for its strong frames."""
_EYES_CLOSED = [unit.code for unit in ACTION_UNITS].index("AU43")


def recording_statistics(readings: Readings) -> dict[str, float]:
    """Return the statistics of a recording with at least one usable frame, by name.

    For each action unit: mean, standard deviation and 90 % quantile of its probability, and the
    share of frames in which it is present. For each angle of head and gaze: mean and standard
    deviation, degrees. Then the shares of frames in which the person looks down or away, the head's
    movement in degrees per second, and the events per minute of each kind.

    Every recording has the same names in the same order. A value that the readings do not give, for
    example the rate of an event that their sampling misses, is NaN.
    """
    return {**_of_units(readings), **_of_head_and_gaze(readings), **_of_events(readings)}


def _of_units(readings: Readings) -> dict[str, float]:
    statistics = {}
    for i, unit in enumerate(ACTION_UNITS):
        is_read = unit.code not in readings.unread
        probability = readings.action_units[:, i].astype(float)
        values = {
            "mean": probability.mean(),
            "sd": probability.std(),
            "high": np.quantile(probability, HIGH_QUANTILE),
            "share": (probability >= PRESENT_THRESHOLD).mean(),
        }
        for name, value in values.items():
            statistics[f"{unit.code} {name}"] = float(value) if is_read else np.nan
    return statistics


def _of_head_and_gaze(readings: Readings) -> dict[str, float]:
    angles = readings.angles
    if angles is None:
        angles = np.full((len(readings.times), len(ANGLES)), np.nan)
    eyes_open = readings.action_units[:, _EYES_CLOSED] < END
    summaries = {summary.name: summary for summary in summarise_angles(angles, eyes_open)}
    statistics = {}
    for name in ANGLES:
        summary = summaries.get(name)
        statistics[f"{name} mean"] = summary.mean if summary else np.nan
        statistics[f"{name} sd"] = summary.sd if summary else np.nan
    shares_and_speed = {
        "looking down": share_looking_down(angles, eyes_open),
        "looking away": share_looking_away(angles, eyes_open),
        "head movement": head_speed(readings),
    }
    return {**statistics, **{name: _or_nan(value) for name, value in shares_and_speed.items()}}


def _of_events(readings: Readings) -> dict[str, float]:
    summaries = [summarise_events(readings, kind) for kind in EVENT_KINDS]
    return {f"{s.name} per minute": _or_nan(s.per_minute) for s in summaries}


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value
