"""What a camera and an aligner may do to a face and a label must not mind. Vectorised, seeded."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Generator, Tensor
from torch.nn import functional as F

from depmap_cli.model.backbone import normalise_pixels
from depmap_cli.runtime.opencv import load_opencv


@dataclass(frozen=True, kw_only=True)
class AugmentationRanges:
    """How far a face's place and its looks may change."""

    turn: float  # in radians, either way
    zoom: float  # around 1
    shift: float  # in half sides
    bend: float  # farthest that a control point of a smooth bend moves, in half sides
    contrast: float  # around 1
    light: float  # in standard deviations of ImageNet's pixels, like tint
    tint: float


SAME = AugmentationRanges(
    turn=0.07, zoom=0.06, shift=0.04, bend=0.0, contrast=0.4, light=0.5, tint=0.2
)
"""For action units: bending hides what brows and mouth corners do (measured: CHANGELOG); faces stay
near the place that alignment gives them."""
OTHER = AugmentationRanges(
    turn=0.17, zoom=0.12, shift=0.1, bend=0.06, contrast=0.5, light=0.7, tint=0.35
)
"""For severity: few people come to look like many, so looks are no use to learn by heart."""


QUALITY = (8.0, 50.0)
"""Of JPEG, whose blocks look like those of a video at a low bit rate."""


def augment_faces(
    faces: UInt8[Tensor, "n h w 3"],
    group: Int[Tensor, " n"],
    generator: Generator,
    looks: AugmentationRanges,
) -> Float[Tensor, "n 3 h w"]:
    """Randomly changed, normalised pixels; frames of one ``group`` (a recording) change alike.

    Compression, mirror, rotation, scale and shift (with a little of its own for each frame, as
    alignment jitters), proportions, light, contrast, tint (as far as ``looks`` says), loss of
    colour, loss of resolution and noise. Action units are symmetrical here: mirroring keeps labels.
    Covers: ``occlusion.py``.
    """
    n_groups = int(group.max()) + 1

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return torch.empty(n_groups, *shape).uniform_(low, high, generator=generator)[group]

    def chance(share: float) -> Tensor:
        return draw(0, 1) < share

    faces = _compressed(faces, draw(*QUALITY).round().int(), chance(0.2))
    bend = draw(-looks.bend, looks.bend, 2, 4, 4)
    pixels = _warp(normalise_pixels(faces), _affine(draw, looks, len(faces), generator), bend)
    grey = pixels.mean(1, keepdim=True)
    pixels = torch.where(chance(0.15)[:, None, None, None], grey.expand_as(pixels), pixels)
    contrast, light, tint = (
        draw(1 - looks.contrast, 1 + looks.contrast, 1, 1, 1),
        draw(-looks.light, looks.light, 1, 1, 1),
        draw(-looks.tint, looks.tint, 3, 1, 1),
    )
    centre = pixels.mean((2, 3), keepdim=True)
    pixels = (pixels - centre) * contrast + centre + light + tint
    pixels = _lower_resolution(pixels, chance(0.2), generator)
    noise = torch.randn(pixels.shape, generator=generator) * draw(0, 0.12, 1, 1, 1)
    return pixels + noise


def _compressed(faces: Tensor, quality: Tensor, chosen: Tensor) -> Tensor:
    """The faces chosen as they come back from a file of that quality."""
    cv2 = load_opencv()
    faces = faces.clone()
    for row in chosen.nonzero().flatten().tolist():
        bgr = np.ascontiguousarray(faces[row].numpy()[..., ::-1])
        _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, int(quality[row])])
        again = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
        faces[row] = torch.from_numpy(np.ascontiguousarray(again))
    return faces


def _affine(draw, looks: AugmentationRanges, n: int, generator: Generator) -> Tensor:  # type: ignore[no-untyped-def]
    jitter = torch.randn(n, 4, generator=generator) * torch.tensor([0.02, 0.015, 0.015, 0.015])
    angle = draw(-looks.turn, looks.turn) + jitter[:, 0]
    scale = draw(1 - looks.zoom, 1 + looks.zoom) + jitter[:, 1]
    mirror = torch.where(draw(0, 1) < 0.5, -1.0, 1.0)
    shift = draw(-looks.shift, looks.shift, 2) + jitter[:, 2:]
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
    """As seen from farther away: shrunk to 25-70 % and blown up again."""
    if not chosen.any():
        return pixels
    size = pixels.shape[-1]
    small = int(size * float(torch.empty(1).uniform_(0.25, 0.7, generator=generator)))
    reduced = F.interpolate(pixels[chosen], (small, small), mode="bilinear", antialias=True)
    pixels = pixels.clone()
    pixels[chosen] = F.interpolate(reduced, (size, size), mode="bilinear", align_corners=False)
    return pixels
