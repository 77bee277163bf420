"""What the semantic model says about the frames of a video, as the signals that Dep-MAP reads."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.semantics.clip_model import SemanticFeatures
from depmap_cli.semantics.head_and_gaze import ANGLE_UNIT
from depmap_cli.semantics.neutral_face import subtract_baseline


def signals_of(
    features: SemanticFeatures,
    typical_neutral: Float[np.ndarray, " units"] | None,
    unread: frozenset[str] = frozenset(),
) -> Float[Tensor, "n signals"]:
    """Return the signals of all n frames of one video: its readings, then the image embeddings.

    The arguments are those of ``readings_of``.
    """
    return with_embedding(readings_of(features, typical_neutral, unread), features.image)


def with_embedding(
    readings: Float[Tensor, "n readings"], image: Float[Tensor, "n d"]
) -> Float[Tensor, "n signals"]:
    """Return the signals of frames from the output of ``readings_of`` and image embeddings."""
    return torch.cat([readings, image.float()], 1)


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
    read = np.where([unit.code in unread for unit in ACTION_UNITS], np.nan, units)
    return torch.cat([torch.from_numpy(read).float(), features.angles / ANGLE_UNIT], 1)
