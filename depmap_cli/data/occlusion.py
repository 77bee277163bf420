"""Hands and objects drawn over aligned faces, and the share of the face that they hide.

Detectors still find faces that are half covered by a hand. For the semantic model to recognise them
(`COVERED_PHRASE`), it is trained on faces covered here, whose hidden share is known. Reproducible
from a seed.
"""

import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional as F

N_FINGERS = 4
_CENTRE, _AXES = (0.5, 0.51), (0.34, 0.36)
"""Ellipse from the brows to below the mouth of an aligned face: (x, y) as shares of the side."""


def cover_faces(
    pixels: Float[Tensor, "n 3 h w"], share: float, generator: Generator
) -> tuple[Float[Tensor, "n 3 h w"], Float[Tensor, " n"]]:
    """Draw a hand, a part of another picture or a plain shape over a ``share`` of the faces.

    Takes and returns normalised pixels. Also returns the share of the inner face (brows to mouth)
    that is hidden; 0 for the other faces.
    """
    chosen = torch.rand(len(pixels), generator=generator) < share
    hidden = torch.zeros(len(pixels))
    if not chosen.any():
        return pixels, hidden
    faces = pixels[chosen]
    n, size = len(faces), faces.shape[-1]
    is_hand = (torch.rand(n, generator=generator) < 0.6)[:, None, None, None]
    hand, hand_colour = _hand(faces, generator)
    shape, shape_colour = _object(faces, generator)
    opaque = torch.where(is_hand, hand, shape)
    colour = torch.where(is_hand, hand_colour, shape_colour)
    shadow = _blurred(opaque, size // 16)
    depth = torch.empty(n, 1, 1, 1).uniform_(0, 0.8, generator=generator)
    covered = pixels.clone()
    covered[chosen] = torch.lerp(faces - depth * shadow, colour, opaque)
    inner = _inner_face(size)
    hidden[chosen] = (opaque[:, 0] * inner).sum((1, 2)) / inner.sum()
    return covered, hidden


def _blurred(pixels: Float[Tensor, "n c h w"], reach: int) -> Float[Tensor, "n c h w"]:
    """Box blur with radius ``reach``."""
    for window, padding in (((2 * reach + 1, 1), (reach, 0)), ((1, 2 * reach + 1), (0, reach))):
        pixels = F.avg_pool2d(pixels, window, 1, padding, count_include_pad=False)
    return pixels


def _grid(size: int) -> Float[Tensor, "h w 2"]:
    """(x, y) of each pixel centre, as shares of the side."""
    ticks = (torch.arange(size) + 0.5) / size
    return torch.stack(torch.meshgrid(ticks, ticks, indexing="xy"), -1)


def _inner_face(size: int) -> Float[Tensor, "h w"]:
    from_centre = (_grid(size) - torch.tensor(_CENTRE)) / torch.tensor(_AXES)
    inside: Tensor = from_centre.square().sum(-1) < 1
    return inside.float()


def _hand(faces: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Opacity (n, 1, h, w) and colour (n, 3, h, w) of four fingers and the back of a hand."""
    n, size = len(faces), faces.shape[-1]

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return torch.empty(n, *shape).uniform_(low, high, generator=generator)

    grid = _grid(size)
    angle = draw(-2.3, 2.3)  # of the fingers from upright, radians
    along = torch.stack([angle.sin(), -angle.cos()], 1)
    across = torch.stack([angle.cos(), angle.sin()], 1)
    tips = torch.stack([draw(0.12, 0.88), draw(0.14, 0.95)], 1)
    radius, length = draw(0.044, 0.088), draw(0.25, 0.56)
    gap = 2 * radius * draw(0.85, 1.3)
    opaque = torch.zeros(n, 1, size, size)
    shade = torch.zeros(n, 1, size, size)
    knuckles = tips - along * length[:, None]
    back = (knuckles, knuckles - along * 0.75, gap * N_FINGERS / 2)
    fingers = []
    for i in range(N_FINGERS):
        side = across * ((i - (N_FINGERS - 1) / 2) * gap)[:, None]
        reach = along * draw(-0.11, 0.04)[:, None]
        fan = across * ((i - (N_FINGERS - 1) / 2) * draw(-0.019, 0.038))[:, None]
        fingers.append((tips + side + reach + fan, knuckles + side, radius * draw(0.85, 1.1)))
    for start, end, width in [back, *fingers]:
        distance = _to_segment(grid, start, end) / width[:, None, None]
        part = torch.sigmoid((1 - distance) * width[:, None, None] * size * 1.5)[:, None]
        shade = torch.lerp(shade, distance.clamp(max=1).square()[:, None], part)
        opaque = torch.maximum(opaque, part)
    colour = _skin(faces) + draw(-0.45, 0.35, 1) + draw(-0.12, 0.12, 3)
    light = (grid - 0.5) @ torch.stack([draw(-0.6, 0.6), draw(-0.6, 0.6)], -1)[:, None, :, None]
    texture = F.interpolate(
        torch.randn(n, 1, 16, 16, generator=generator), (size, size), mode="bilinear"
    )
    surface = colour[:, :, None, None] - draw(0.2, 1.2, 1, 1, 1) * shade
    return opaque, surface + light.view(n, 1, size, size) + 0.06 * texture


def _to_segment(grid: Tensor, start: Tensor, end: Tensor) -> Float[Tensor, "n h w"]:
    """Distance of each pixel from the segment between two points, each (n, 2)."""
    line = (end - start)[:, None, None]
    offset = grid - start[:, None, None]
    along = ((offset * line).sum(-1) / line.square().sum(-1).clamp(min=1e-8)).clamp(0, 1)
    distance: Tensor = torch.linalg.vector_norm(offset - along[..., None] * line, dim=-1)
    return distance


def _skin(faces: Tensor) -> Float[Tensor, "n 3"]:
    """Mean colour of the cheeks of each face."""
    size = faces.shape[-1]
    rows = slice(round(0.49 * size), round(0.64 * size))
    left, right = (
        faces[:, :, rows, round(a * size) : round(b * size)].mean((2, 3))
        for a, b in ((0.23, 0.35), (0.65, 0.77))
    )
    return (left + right) / 2


def _object(faces: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Opacity and colour of rotated rectangles and ellipses, plain or cut from another picture."""
    n, size = len(faces), faces.shape[-1]

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return torch.empty(n, *shape).uniform_(low, high, generator=generator)

    angle = draw(0, math.pi)[:, None, None]
    offset = _grid(size) - torch.stack([draw(0.0, 1.0), draw(0.08, 1.0)], 1)[:, None, None]
    x = offset[..., 0] * angle.cos() + offset[..., 1] * angle.sin()
    y = offset[..., 1] * angle.cos() - offset[..., 0] * angle.sin()
    x, y = x.abs() / draw(0.1, 0.44, 1, 1), y.abs() / draw(0.1, 0.44, 1, 1)
    round_ = draw(0, 1, 1, 1) < 0.5
    inside = torch.where(round_, x.square() + y.square() < 1, torch.maximum(x, y) < 1)
    plain = draw(-1.8, 1.8, 3, 1, 1).expand_as(faces)
    other = faces.roll(1, 0).flip(2) + draw(-0.5, 0.5, 3, 1, 1)
    colour = torch.where(draw(0, 1, 1, 1, 1) < 0.5, plain, other)
    return inside[:, None].float(), colour
