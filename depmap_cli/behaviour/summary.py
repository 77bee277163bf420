"""The facial behaviour of a recording as the report gives it."""

from depmap_cli.behaviour.events import END, EVENT_KINDS, summarise_events
from depmap_cli.behaviour.head_and_gaze import (
    head_speed,
    share_looking_away,
    share_looking_down,
    summarise_angles,
)
from depmap_cli.behaviour.readings import Readings, seconds_read
from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.results import Behaviour

SHORT_RECORDING = 60.0
"""Seconds read below which rates per minute carry a caution."""
_EYES_CLOSED = [unit.code for unit in ACTION_UNITS].index("AU43")


def behaviour_of(readings: Readings) -> Behaviour | None:
    """Summarise the facial behaviour of a recording; None if no frame is usable."""
    n = len(readings.times)
    if not n:
        return None
    read = seconds_read(readings.times, readings.rate)
    eyes_open = readings.action_units[:, _EYES_CLOSED] < END
    angles, speed = readings.angles, head_speed(readings)
    return Behaviour(
        n_frames=n,
        frames_per_second=round(readings.rate, 3),
        seconds_read=round(read, 2),
        events=[summarise_events(readings, kind) for kind in EVENT_KINDS],
        head_gaze=[] if angles is None else summarise_angles(angles, eyes_open),
        share_looking_down=None if angles is None else share_looking_down(angles, eyes_open),
        share_looking_away=None if angles is None else share_looking_away(angles, eyes_open),
        head_movement=None if speed is None else round(speed, 2),
        caution=f"rates per minute rest on {read:.0f} s" if read < SHORT_RECORDING else "",
    )
