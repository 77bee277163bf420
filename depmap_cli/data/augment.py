"""Augmentation of aligned faces: changes by camera and alignment that keep the label.

Vectorised, and reproducible from a seed.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Generator, Tensor
from torch.nn import functional as F

from depmap_cli.model.backbone import normalise_pixels
from depmap_cli.runtime.opencv import load_opencv


@dataclass(frozen=True, kw_only=True)
class AugmentationRanges:
    """How far geometry and appearance of a face may change."""

    turn: float  # rotation in radians, either way
    zoom: float  # scale, around 1
    shift: float  # translation, in half sides of the picture
    bend: float  # largest shift of a control point of a smooth warp, in half sides
    contrast: float  # around 1
    light: float  # brightness, in standard deviations of ImageNet's pixels; tint likewise
    tint: float


AU_RANGES = AugmentationRanges(
    turn=0.07, zoom=0.06, shift=0.04, bend=0.0, contrast=0.4, light=0.5, tint=0.2
)
"""For training on action units. Warping would hide movements of brows and mouth corners (measured:
LOG L51), and the geometry stays close to that of alignment."""

SCORE_RANGES = AugmentationRanges(
    turn=0.17, zoom=0.12, shift=0.1, bend=0.06, contrast=0.5, light=0.7, tint=0.35
)
"""For training on scores: stronger, so that memorising how a few people look does not help."""


QUALITY = (8.0, 50.0)
"""Range of JPEG quality; its blocks resemble those of a video with a low bit rate."""


@dataclass(frozen=True, kw_only=True)
class AugmentedFaces:
    """Augmented faces, and how their pictures were turned."""

    pixels: Float[Tensor, "n 3 h w"]  # normalised
    mirrored: Bool[Tensor, " n"]  # after turning
    clockwise: Float[Tensor, " n"]  # degrees
    affine: Float[Tensor, "n 2 3"]  # maps a place in the new picture to one in the old, -1 to 1

    def moved(self, points: Float[Tensor, "n p 2"]) -> Float[Tensor, "n p 2"]:
        """Where points of the old pictures are in the new ones, without ``bend``.

        Args:
            points: column and row as fractions of the side, 0 to 1.
        """
        old = 2 * points - 1 - self.affine[:, None, :, 2].to(points)
        new: Tensor = torch.linalg.solve(self.affine[:, :, :2].to(points), old.mT).mT
        return (new + 1) / 2


def augment_faces(
    faces: UInt8[Tensor, "n h w 3"],
    group: Int[Tensor, " n"],
    generator: Generator,
    ranges: AugmentationRanges,
) -> AugmentedFaces:
    """Augment faces at random; frames of one ``group`` change alike.

    Changes: compression, mirroring, rotation, scale and translation (with some jitter for each
    frame, as alignment has), proportions, brightness, contrast and tint (within ``ranges``), loss
    of colour, loss of resolution, and noise. Mirroring keeps the labels of action units, which have
    no sides here. ``occlusion.py`` draws covered faces.
    """
    n_groups = int(group.max()) + 1

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return torch.empty(n_groups, *shape).uniform_(low, high, generator=generator)[group]

    def chance(share: float) -> Tensor:
        return draw(0, 1) < share

    faces = _compressed(faces, draw(*QUALITY).round().int(), chance(0.2))
    bend = draw(-ranges.bend, ranges.bend, 2, 4, 4)
    affine = _affine(draw, ranges, len(faces), generator)
    pixels = _warp(normalise_pixels(faces), affine, bend)
    grey = pixels.mean(1, keepdim=True)
    pixels = torch.where(chance(0.15)[:, None, None, None], grey.expand_as(pixels), pixels)
    contrast, light, tint = (
        draw(1 - ranges.contrast, 1 + ranges.contrast, 1, 1, 1),
        draw(-ranges.light, ranges.light, 1, 1, 1),
        draw(-ranges.tint, ranges.tint, 3, 1, 1),
    )
    centre = pixels.mean((2, 3), keepdim=True)
    pixels = (pixels - centre) * contrast + centre + light + tint
    pixels = _lower_resolution(pixels, chance(0.2), generator)
    noise = torch.randn(pixels.shape, generator=generator) * draw(0, 0.12, 1, 1, 1)
    # The affine maps a place in the new picture to one in the old.
    clockwise = -torch.rad2deg(torch.atan2(-affine[:, 0, 1], affine[:, 1, 1]))
    mirrored = torch.det(affine[:, :, :2]) < 0
    return AugmentedFaces(
        pixels=pixels + noise, mirrored=mirrored, clockwise=clockwise, affine=affine
    )


def _compressed(faces: Tensor, quality: Tensor, chosen: Tensor) -> Tensor:
    """The ``chosen`` faces after JPEG compression with the given quality."""
    cv2 = load_opencv()
    faces = faces.clone()
    for row in chosen.nonzero().flatten().tolist():
        bgr = np.ascontiguousarray(faces[row].numpy()[..., ::-1])
        _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, int(quality[row])])
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
        faces[row] = torch.from_numpy(np.ascontiguousarray(decoded))
    return faces


def _affine(draw, ranges: AugmentationRanges, n: int, generator: Generator) -> Tensor:  # type: ignore[no-untyped-def]
    jitter = torch.randn(n, 4, generator=generator) * torch.tensor([0.02, 0.015, 0.015, 0.015])
    angle = draw(-ranges.turn, ranges.turn) + jitter[:, 0]
    scale = draw(1 - ranges.zoom, 1 + ranges.zoom) + jitter[:, 1]
    mirror = torch.where(draw(0, 1) < 0.5, -1.0, 1.0)
    shift = draw(-ranges.shift, ranges.shift, 2) + jitter[:, 2:]
    cos, sin = angle.cos() * scale, angle.sin() * scale
    rows = [
        torch.stack([cos * mirror, -sin, shift[:, 0]], 1),
        torch.stack([sin * mirror, cos, shift[:, 1]], 1),
    ]
    return torch.stack(rows, 1)


def _warp(pixels: Tensor, affine: Tensor, bend: Tensor) -> Tensor:
    """Resample along an affine grid displaced by ``bend``, (n, 2, 4, 4) control points."""
    grid = F.affine_grid(affine, list(pixels.shape), align_corners=False)
    if bend.any():
        smooth = F.interpolate(bend, pixels.shape[-2:], mode="bicubic", align_corners=True)
        grid = grid + smooth.permute(0, 2, 3, 1)
    return F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)


def _lower_resolution(pixels: Tensor, chosen: Tensor, generator: Generator) -> Tensor:
    """The ``chosen`` faces shrunk to 25-70 % and enlarged again, as if seen from farther away."""
    if not chosen.any():
        return pixels
    size = pixels.shape[-1]
    small = int(size * float(torch.empty(1).uniform_(0.25, 0.7, generator=generator)))
    reduced = F.interpolate(pixels[chosen], (small, small), mode="bilinear", antialias=True)
    pixels = pixels.clone()
    pixels[chosen] = F.interpolate(reduced, (size, size), mode="bilinear", align_corners=False)
    return pixels
