"""Reads the pitch of the head from the landmarks of an aligned face.

When the head bows, the tip of the nose moves away from the eyes, and the ends of the jaw line
towards them. The first shows nods of real people best; the second depends less on whose face it is
(measured: LOG L81). The pitch is the weighted mean of both and of what a network reads from the
pixels.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from depmap_cli.domain.head_and_gaze import PITCH, YAW
from depmap_cli.domain.landmarks import NOSE_TIP
from depmap_cli.semantics.landmark_regression import least_squares, with_errors
from depmap_cli.semantics.landmark_shape import shape_of

NOSE_SHARE, JAW_SHARE = 0.4, 0.2
"""Shares of nose tip and jaw in the pitch; the rest is the network's (measured: LOG L81)."""
_MEASURES = ((NOSE_TIP,), (0, 16), (2, 14))
"""Landmarks whose mean depth below the eyes is measured: nose tip, and ends of the jaw line."""
_READINGS = ((0,), (1, 2))
"""The measures of each reading of the pitch: nose and jaw."""
_YAW_UNIT = 10.0  # degrees


class LandmarkPitch(nn.Module):
    """Maps the places of nose tip and jaw to the pitch of the head.

    Each reading is a linear function of its measures, of the square of the yaw, and of their
    products: in a turned face the outer corners of the eyes, whose distance is the unit, are closer
    together.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(len(_READINGS), 2 * len(_MEASURES) + 1))
        self.register_buffer("bias", torch.zeros(len(_READINGS)))

    @torch.no_grad()
    def fit(
        self,
        landmarks: Float[Tensor, "n 68 2"],
        head: Float[Tensor, "n 3"],
        generator: torch.Generator,
    ) -> None:
        """Fit the regressions by least squares, on landmarks with errors as those of the network.

        Args:
            landmarks: true ones, fractions of the side of the aligned face.
            head: true pitch, yaw and roll relative to the aligned face, degrees.
            generator: draws the errors.
        """
        inputs = _inputs(with_errors(landmarks, generator), head.double())
        self.weight.zero_()
        for row, measures in enumerate(_READINGS):
            chosen = [*measures, *(len(_MEASURES) + m for m in measures), 2 * len(_MEASURES)]
            weight, bias = least_squares(inputs[:, chosen], head[:, PITCH].double())
            self.weight[row, chosen], self.bias[row] = weight.to(self.weight), bias

    def forward(
        self, landmarks: Float[Tensor, "n 68 2"], head: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """The head pose with the pitch that landmarks and network tell together.

        Args:
            landmarks: fractions of the side of the aligned face.
            head: pitch, yaw and roll that the network reads, relative to the aligned face, degrees;
                an angle that is NaN (unknown) stays so, and an unknown yaw counts as 0.
        """
        nose, jaw = (_inputs(landmarks, head.nan_to_num()) @ self.weight.T + self.bias).T
        network_share = 1 - NOSE_SHARE - JAW_SHARE
        pitch = network_share * head[:, PITCH] + NOSE_SHARE * nose + JAW_SHARE * jaw
        return torch.cat([pitch[:, None], head[:, YAW:]], 1)


def _inputs(
    landmarks: Float[Tensor, "n 68 2"], head: Float[Tensor, "n 3"]
) -> Float[Tensor, "n inputs"]:
    """Measures in distances between the outer corners of the eyes, products, and squared yaw."""
    shape = shape_of(landmarks)
    measures = torch.stack([shape[:, list(points), 1].mean(1) for points in _MEASURES], 1)
    turned = (head[:, [YAW]] / _YAW_UNIT).square()
    return torch.cat([measures, measures * turned, turned], 1)
