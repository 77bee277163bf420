"""Least squares on landmarks, as the regressions that read pitch and action units are fitted."""

import torch
from jaxtyping import Float
from torch import Tensor

LANDMARK_ERROR = 0.006
"""Standard deviation of the errors of landmarks, as a fraction of the face's side, that the
regressions allow for."""


def with_errors(
    landmarks: Float[Tensor, "n 68 2"], generator: torch.Generator
) -> Float[Tensor, "n 68 2"]:
    """True landmarks with errors as those of the network that finds them, in double precision.

    Args:
        landmarks: fractions of the side of the aligned face.
        generator: draws the errors.
    """
    errors = torch.randn(landmarks.shape, generator=generator) * LANDMARK_ERROR
    return (landmarks + errors).double()


def least_squares(
    inputs: Float[Tensor, "n inputs"], truth: Float[Tensor, " n"]
) -> tuple[Float[Tensor, " inputs"], Float[Tensor, ""]]:
    """Return weights and constant of the linear function of the inputs nearest to the truth."""
    predictors = torch.cat([inputs, torch.ones_like(inputs[:, :1])], 1)
    solution = torch.linalg.lstsq(predictors, truth[:, None]).solution[:, 0]
    return solution[:-1], solution[-1]
