"""Direction of the gaze in the picture, and movement of the head.

Where the camera stands relative to the partner of a conversation is not known, so the angle to the
camera says little by itself. The resting direction of a person is therefore the median over the
recording, as in studies that calibrate gaze by its most frequent direction, and looking down or
away is a distance from it. A person who looks down for more than half of the recording has that as
the resting direction; ``HeadGazeSummary`` gives the plain means, relative to the camera.
"""

import numpy as np
from jaxtyping import Bool, Float

from depmap_cli.behaviour.readings import Readings, stretches
from depmap_cli.domain.head_and_gaze import ANGLES, GAZE_X, GAZE_Y, HEAD, PITCH, YAW, head_rotation
from depmap_cli.results import HeadGazeSummary

LOOKING_DOWN = LOOKING_AWAY = 10.0
"""Degrees from the resting direction from which a person looks down, or aside. A partner feels
looked at within about 2.6 degrees (Horstmann and Linke 2021: a cone of 5.2 degrees); the rest
allows for errors of the readings of head and eyes, which add up."""
MOVEMENT_WINDOW = 1.0
"""Seconds over which the head's angles are smoothed, by their median, before its speed is taken."""
MOVEMENT_MIN_RATE = 2.0
"""Frames per second below which the head's speed is not given."""
_PLAIN = {
    "pitch": "head bowed",
    "yaw": "head turned to the left of the picture",
    "roll": "head tilted clockwise in the picture",
    "gaze_x": "eyes to the right of the picture, relative to the head",
    "gaze_y": "eyes down, relative to the head",
}
"""The positive side of each angle."""


def summarise_angles(
    angles: Float[np.ndarray, "n 5"], eyes_open: Bool[np.ndarray, " n"]
) -> list[HeadGazeSummary]:
    """Summarise each angle that was read in any frame; closed eyes have no gaze.

    Args:
        angles: degrees, in the order of ``ANGLES``; NaN if not read.
        eyes_open: whether the eyes are open in each frame.
    """
    summaries = []
    for i, name in enumerate(ANGLES):
        column = angles[eyes_open, i] if i in (GAZE_X, GAZE_Y) else angles[:, i]
        read = column[~np.isnan(column)].astype(float)
        if not len(read):
            continue
        low, high = np.quantile(read, [0.05, 0.95])
        summaries.append(
            HeadGazeSummary(
                name=name,
                plain=_PLAIN[name],
                mean=round(float(read.mean()), 2),
                sd=round(float(read.std()), 2),
                low=round(float(low), 2),
                high=round(float(high), 2),
            )
        )
    return summaries


def share_looking_down(
    angles: Float[np.ndarray, "n 5"], eyes_open: Bool[np.ndarray, " n"]
) -> float | None:
    """Return the share of frames in which head and eyes together point below the resting direction.

    Frames with closed eyes or without the angles are left out; None if no frame remains.
    """
    downwards = _read(angles[eyes_open, PITCH] + angles[eyes_open, GAZE_Y])
    return _share(downwards - np.median(downwards) >= LOOKING_DOWN) if len(downwards) else None


def share_looking_away(
    angles: Float[np.ndarray, "n 5"], eyes_open: Bool[np.ndarray, " n"]
) -> float | None:
    """Return the share of frames in which head and eyes together point aside, to either side.

    Frames with closed eyes or without the angles are left out; None if no frame remains.
    """
    # A positive yaw turns the face to the left of the picture, a positive gaze_x to the right.
    rightwards = _read(angles[eyes_open, GAZE_X] - angles[eyes_open, YAW])
    if not len(rightwards):
        return None
    return _share(np.abs(rightwards - np.median(rightwards)) >= LOOKING_AWAY)


def head_speed(readings: Readings) -> float | None:
    """Return the mean speed of the head's rotation in degrees per second.

    The angles are replaced by their medians in windows of ``MOVEMENT_WINDOW``, so jitter of the
    readings adds little and the speed depends little on the sampling. It is the rotation from each
    window to the next, over the time between them; movements that go and return within a window,
    such as fast nods, do not count.

    Returns:
        None if the angles were not read, at less than ``MOVEMENT_MIN_RATE``, or if no stretch
        without a gap holds two windows.
    """
    if readings.angles is None or not readings.is_read_at(MOVEMENT_MIN_RATE):
        return None
    is_read = ~np.isnan(readings.angles[:, HEAD]).any(axis=1)
    times, head = readings.times[is_read], readings.angles[is_read, HEAD].astype(float)
    rotated, seconds = 0.0, 0.0
    for run in stretches(times, readings.rate):
        centres, medians = _windows(times[run], head[run], readings.rate)
        rotations = head_rotation(medians)
        rotated += float(_angles_between(rotations[:-1], rotations[1:]).sum())
        seconds += float(centres[-1] - centres[0]) if len(centres) else 0.0
    return rotated / seconds if seconds > 0 else None


def _windows(
    times: np.ndarray, head: np.ndarray, rate: float
) -> tuple[Float[np.ndarray, " windows"], Float[np.ndarray, "windows 3"]]:
    """Return mean time and median angles of each window that is at least half full."""
    # Half a step earlier, so that rounding does not move the frames at a border.
    numbers = np.floor((times - times[0] + 0.5 / rate) / MOVEMENT_WINDOW).astype(int)
    centres, medians = [], []
    for number in np.unique(numbers):
        rows = numbers == number
        if rows.sum() >= MOVEMENT_WINDOW * rate / 2:
            centres.append(times[rows].mean())
            medians.append(np.median(head[rows], axis=0))
    return np.array(centres), np.array(medians).reshape(-1, 3)


def _angles_between(first: np.ndarray, second: np.ndarray) -> Float[np.ndarray, " n"]:
    """Return the angle of the rotation from each of ``first`` to that of ``second``, degrees."""
    trace = np.einsum("nij,nij->n", first, second)
    angles: np.ndarray = np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))
    return angles


def _read(values: np.ndarray) -> np.ndarray:
    known: np.ndarray = values[~np.isnan(values)].astype(float)
    return known


def _share(flags: np.ndarray) -> float:
    return round(float(flags.mean()), 4)
