"""Reads the head pose and the gaze of an aligned face.

The image encoder averages its features over the face. That loses where things lie in the face: its
features tell the sideways gaze hardly better than chance (measured: LOG L72). Alignment puts the
face, and both eyes, at known places. So two small networks, which keep the position of what they
see, read the head pose from the whole face and the gaze from the eyes.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from depmap_cli.domain.head_and_gaze import GAZE, HEAD
from depmap_cli.faces.align import TEMPLATE
from depmap_cli.semantics.pixels import resized, standardised

ANGLE_UNIT = 10.0
"""Degrees for an output of 1."""
FACE_SIDE = 128
"""Side of the aligned faces in pixels."""
_HEAD_SIDE = 64
"""Side to which faces are reduced for the head pose."""
_EYE_ROWS, _EYE_COLUMNS = 28, 40
"""Size of the part of the face around each eye, in pixels."""
_HEAD_CHANNELS, _EYE_CHANNELS = (24, 32, 48, 64), (24, 32, 48)
_HIDDEN = 96


class HeadAndGaze(nn.Module):
    """Reads the five angles of ``ANGLES``, those of the head relative to the aligned face."""

    def __init__(self) -> None:
        super().__init__()
        self.head = HeadPose()
        self.eyes = EyeGaze()

    def forward(self, pixels: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 5"]:
        """Return the angles of aligned, normalised faces in units of ``ANGLE_UNIT``."""
        pixels = resized(pixels.float(), FACE_SIDE)
        return torch.cat([self.head(pixels), self.eyes(pixels)], dim=1)

    def degrees(self, pixels: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 5"]:
        """Return the angles in degrees."""
        angles: Tensor = ANGLE_UNIT * self(pixels)
        return angles


class HeadPose(nn.Module):
    """Maps the pixels of a face to pitch, yaw and roll."""

    def __init__(self) -> None:
        super().__init__()
        self.face = _convolutions(_HEAD_CHANNELS)
        cells = (_HEAD_SIDE // 2 ** (len(_HEAD_CHANNELS) - 1)) ** 2
        self.pose = _regression(_HEAD_CHANNELS[-1] * cells, HEAD.stop - HEAD.start)

    def forward(self, pixels: Float[Tensor, "n 3 128 128"]) -> Float[Tensor, "n 3"]:
        """Return the angles in units of ``ANGLE_UNIT``."""
        pose: Tensor = self.pose(self.face(standardised(resized(pixels, _HEAD_SIDE))))
        return pose


class EyeGaze(nn.Module):
    """Maps the pixels of both eyes to gaze_x and gaze_y."""

    def __init__(self) -> None:
        super().__init__()
        self.eye = _convolutions(_EYE_CHANNELS)
        step = 2 ** (len(_EYE_CHANNELS) - 1)
        features = 2 * _EYE_CHANNELS[-1] * (_EYE_ROWS // step) * (_EYE_COLUMNS // step)
        self.gaze = _regression(features, GAZE.stop - GAZE.start)

    def forward(self, pixels: Float[Tensor, "n 3 128 128"]) -> Float[Tensor, "n 2"]:
        """Return the angles in units of ``ANGLE_UNIT``.

        Both eyes go through the same layers, the right one of the picture mirrored.
        """
        eyes = torch.cat([eye_region(pixels, 0), eye_region(pixels, 1).flip(3)])
        features = self.eye(standardised(eyes))
        gaze: Tensor = self.gaze(torch.cat(features.chunk(2), dim=1))
        return gaze


def eye_region(pixels: Float[Tensor, "n 3 128 128"], eye: int) -> Float[Tensor, "n 3 28 40"]:
    """Cut out the surroundings of the left (0) or right (1) eye of the picture."""
    column, row = (round(FACE_SIDE * float(v)) for v in TEMPLATE[eye])
    top, left = row - _EYE_ROWS // 2, column - _EYE_COLUMNS // 2
    return pixels[:, :, top : top + _EYE_ROWS, left : left + _EYE_COLUMNS]


def _convolutions(channels: tuple[int, ...]) -> nn.Sequential:
    """Convolutions that each halve the sides, but for the first."""
    layers: list[nn.Module] = []
    for i, (before, after) in enumerate(zip((3, *channels[:-1]), channels, strict=True)):
        convolution = nn.Conv2d(before, after, 3, 2 if i else 1, 1)
        layers += [convolution, nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)


def _regression(features: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(features, _HIDDEN),
        nn.ReLU(),
        nn.Linear(_HIDDEN, outputs),
    )
