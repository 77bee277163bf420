"""Reads the head pose and the gaze of an aligned face.

The head pose is read from the features of the image encoder. It averages them over the face, which
loses where the iris lies within the eye: they tell the sideways gaze hardly better than chance
(measured: LOG L72). Alignment puts both eyes at known places, so the gaze is read by a small
network that sees only them and keeps the position of what it sees.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from depmap_cli.domain.head_and_gaze import HEAD
from depmap_cli.faces.align import TEMPLATE

ANGLE_UNIT = 10.0
"""Degrees for an output of 1."""
FACE_SIDE = 128
"""Side of the aligned faces in pixels."""
_ROWS, _COLUMNS = 28, 40
"""Size of the part of the face around each eye, in pixels."""
_CHANNELS = (24, 32, 48)
_HIDDEN = 96


class EyeGaze(nn.Module):
    """Maps the pixels of both eyes to the gaze relative to the head, in units of ``ANGLE_UNIT``."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i, (before, after) in enumerate(zip((3, *_CHANNELS[:-1]), _CHANNELS, strict=True)):
            layers += [
                nn.Conv2d(before, after, 3, 2 if i else 1, 1),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        self.eye = nn.Sequential(*layers)
        features = 2 * _CHANNELS[-1] * (_ROWS // 4) * (_COLUMNS // 4)
        self.gaze = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(features, _HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, 2),
        )

    def forward(self, pixels: Float[Tensor, "n 3 128 128"]) -> Float[Tensor, "n 2"]:
        """Return gaze_x and gaze_y; ``pixels`` are aligned, normalised faces.

        Both eyes go through the same layers, the right one of the picture mirrored.
        """
        left, right = (eye_region(pixels, i) for i in range(2))
        eyes = torch.cat([left, right.flip(3)])
        mean, std = eyes.mean((1, 2, 3), keepdim=True), eyes.std((1, 2, 3), keepdim=True)
        features = self.eye((eyes - mean) / (std + 0.1))
        gaze: Tensor = self.gaze(torch.cat(features.chunk(2), dim=1))
        return gaze


def eye_region(pixels: Float[Tensor, "n 3 128 128"], eye: int) -> Float[Tensor, "n 3 28 40"]:
    """Cut out the surroundings of the left (0) or right (1) eye of the picture."""
    column, row = (round(FACE_SIDE * float(v)) for v in TEMPLATE[eye])
    top, left = row - _ROWS // 2, column - _COLUMNS // 2
    return pixels[:, :, top : top + _ROWS, left : left + _COLUMNS]


class HeadAndGaze(nn.Module):
    """Reads the five angles of ``ANGLES``, the head relative to the aligned face.

    Args:
        n_features: width of the pooled features of the image encoder.
    """

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.head = nn.Linear(n_features, HEAD.stop)
        self.eyes = EyeGaze()

    def forward(
        self, pooled: Float[Tensor, "n f"], pixels: Float[Tensor, "n 3 h w"]
    ) -> Float[Tensor, "n 5"]:
        """Return the angles in units of ``ANGLE_UNIT``.

        Args:
            pooled: features of the image encoder.
            pixels: the aligned, normalised faces.
        """
        if pixels.shape[-1] != FACE_SIDE:
            pixels = F.interpolate(pixels, (FACE_SIDE, FACE_SIDE), mode="bilinear", antialias=True)
        return torch.cat([self.head(pooled.float()), self.eyes(pixels.float())], dim=1)

    def degrees(
        self, pooled: Float[Tensor, "n f"], pixels: Float[Tensor, "n 3 h w"]
    ) -> Float[Tensor, "n 5"]:
        """Return the angles in degrees."""
        return ANGLE_UNIT * self(pooled, pixels)
