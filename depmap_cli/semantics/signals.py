"""What the semantic model reads in the frames of a video, as the signals that Dep-MAP scores."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.semantics.clip_model import SemanticFeatures
from depmap_cli.semantics.head_and_gaze import ANGLE_UNIT
from depmap_cli.semantics.neutral_face import subtract_baseline

MOVEMENT_SECONDS = 0.5
"""Time over which movement is measured."""
_LONGEST_GAP = 1.001
"""Seconds between two frames above which the readings between them are unknown."""
_SAME_TIME = 1e-3
"""Seconds within which two times count as the same."""


def signals_of(
    features: SemanticFeatures,
    times: Float[np.ndarray, " n"] | None,
    typical_neutral: Float[np.ndarray, " units"] | None,
    unread: frozenset[str] = frozenset(),
) -> Float[Tensor, "n signals"]:
    """Return the signals of all n frames of one video: its readings, then their movement.

    The arguments are those of ``readings_of`` and ``movement_of``.
    """
    readings = readings_of(features, typical_neutral, unread)
    return torch.cat([readings, movement_of(readings, times)], 1)


def readings_of(
    features: SemanticFeatures,
    typical_neutral: Float[np.ndarray, " units"] | None,
    unread: frozenset[str] = frozenset(),
) -> Float[Tensor, "n readings"]:
    """Return what is read of all n frames of one video, relative to the person's neutral face.

    These are the intensities of the action units, 0 to 1, in the order of ``ACTION_UNITS``, then
    the angles of the head relative to the camera and of the gaze, in units of ``ANGLE_UNIT``, in
    the order of ``ANGLES``; NaN if unknown.

    Args:
        features: of the frames.
        typical_neutral: logits of the typical neutral face, which ``subtract_baseline`` uses; None
            if the units are relative to the person's neutral face already, or it is not known.
        unread: codes of the units that nobody has read, for example because a table lacks them.
    """
    units = features.au_probabilities.numpy()
    if typical_neutral is not None and len(units):
        units = subtract_baseline(units, typical_neutral)
    return frame_readings(torch.from_numpy(units).float(), features.angles, unread)


def frame_readings(
    au_probabilities: Float[Tensor, "n units"],
    angles: Float[Tensor, "n angles"],
    unread: frozenset[str] = frozenset(),
) -> Float[Tensor, "n readings"]:
    """Return what is read of each frame, in the order and units of ``readings_of``.

    The action units are as the semantic model gives them. Those of a table of OpenFace are relative
    to the person's neutral face, which tokens made of readings do not account for.

    Args:
        au_probabilities: of the action units, 0 to 1.
        angles: of head and gaze, degrees.
        unread: codes of the units that nobody has read; they become NaN.
    """
    is_unread = torch.tensor([unit.code in unread for unit in ACTION_UNITS])
    units = au_probabilities.masked_fill(is_unread.to(au_probabilities.device), torch.nan)
    return torch.cat([units, angles / ANGLE_UNIT], 1)


def movement_of(
    readings: Float[Tensor, "n readings"], times: Float[np.ndarray, " n"] | None
) -> Float[Tensor, "n readings"]:
    """Return by how much each reading has changed in the last ``MOVEMENT_SECONDS``, 0 or more.

    The earlier reading is interpolated between the two frames around that time. It is unknown (NaN)
    at the start of the video, and if these frames are more than a second apart, unless one of them
    lies exactly there. So a video that is sampled every few seconds has no movement.

    Args:
        times: of the frames, in seconds, ascending; None if they are not known.
    """
    if times is None or len(times) < 2:
        return torch.full_like(readings, torch.nan)
    earlier = np.asarray(times, float) - MOVEMENT_SECONDS
    after = np.clip(np.searchsorted(times, earlier, side="left"), 1, len(times) - 1)
    gap = times[after] - times[after - 1]
    share = (earlier - times[after - 1]) / np.maximum(gap, _SAME_TIME)
    is_read = np.minimum(abs(earlier - times[after - 1]), abs(earlier - times[after])) <= _SAME_TIME
    unknown = ((gap > _LONGEST_GAP) & ~is_read) | (earlier < times[0] - _SAME_TIME)
    past = torch.lerp(
        readings[after - 1], readings[after], torch.from_numpy(share).float().clamp(0, 1)[:, None]
    )
    return (readings - past).abs().masked_fill(torch.from_numpy(unknown)[:, None], torch.nan)
