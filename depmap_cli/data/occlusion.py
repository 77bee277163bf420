"""Hands, objects, bars and masks drawn over aligned faces, and the share of the face they hide.

Detectors still find faces that are half covered by a hand. For the semantic model to recognise them
(`COVERED_PHRASE`), it is trained on faces covered here, whose hidden share is known. Reproducible
from a seed.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor
from torch.nn import functional as F

N_FINGERS = 4
_KIND_SHARES = (0.5, 0.2, 0.16, 0.14)
"""Shares of hands, objects, bars and masks."""
_CENTRE, _AXES = (0.5, 0.51), (0.34, 0.36)
"""Ellipse from the brows to below the mouth of an aligned face: (x, y) as shares of the side."""


def cover_faces(
    pixels: Float[Tensor, "n 3 h w"], share: float, generator: Generator
) -> tuple[Float[Tensor, "n 3 h w"], Float[Tensor, " n"]]:
    """Draw something over a ``share`` of the faces.

    It is a hand, a shape that is plain or cut from another picture, a bar across the picture such
    as a caption or a censor bar, or a mask over mouth and nose.

    Takes and returns normalised pixels. Also returns the share of the inner face (brows to mouth)
    that is hidden; 0 for the other faces.
    """
    chosen = torch.rand(len(pixels), generator=generator) < share
    hidden = torch.zeros(len(pixels))
    if not chosen.any():
        return pixels, hidden
    faces = pixels[chosen]
    n, size = len(faces), faces.shape[-1]
    kind = torch.multinomial(torch.tensor(_KIND_SHARES), n, True, generator=generator)
    drawn = [draw(faces, generator) for draw in (_hand, _object, _bar, _mask)]
    opaque = _of_kind([opacity for opacity, _ in drawn], kind)
    colour = _of_kind([colour for _, colour in drawn], kind)
    shadow = _blurred(opaque, size // 16)
    depth = torch.empty(n, 1, 1, 1).uniform_(0, 0.8, generator=generator)
    covered = pixels.clone()
    covered[chosen] = torch.lerp(faces - depth * shadow, colour, opaque)
    inner = _inner_face(size)
    hidden[chosen] = (opaque[:, 0] * inner).sum((1, 2)) / inner.sum()
    return covered, hidden


def _of_kind(pictures: list[Tensor], kind: Int[Tensor, " n"]) -> Float[Tensor, "n c h w"]:
    """For each face the picture of its ``kind``, an index into ``pictures``."""
    return torch.stack([pictures[k][i] for i, k in enumerate(kind.tolist())])


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


def _bar(faces: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Opacity and colour of bars across the whole width, half of them with a line of blocks.

    The blocks stand for the letters of a caption.
    """
    n, size = len(faces), faces.shape[-1]

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return torch.empty(n, *shape).uniform_(low, high, generator=generator)

    down = _grid(size)[None, ..., 1]
    offset = (down - draw(0.22, 1.0, 1, 1)).abs() / draw(0.06, 0.2, 1, 1)
    inside = (offset < 1).float()[:, None] * draw(0.75, 1.0, 1, 1, 1)
    blocks = F.interpolate(draw(0, 1, 1, 1, 24), (size, size), mode="nearest") < 0.6
    is_text = blocks & (offset[:, None] < 0.5) & (draw(0, 1, 1, 1, 1) < 0.5)
    bar, text = (draw(-2, 2.2, 1, 1, 1) + draw(-0.5, 0.5, 3, 1, 1) for _ in range(2))
    return inside, torch.where(is_text, text, bar).expand_as(faces)


def _mask(faces: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Opacity and colour of face masks: an ellipse over mouth and nose with soft folds."""
    n, size = len(faces), faces.shape[-1]

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return torch.empty(n, *shape).uniform_(low, high, generator=generator)

    grid = _grid(size)[None]
    x = (grid[..., 0] - draw(0.45, 0.55, 1, 1)) / draw(0.3, 0.48, 1, 1)
    top = draw(0.44, 0.66, 1, 1) + draw(0.0, 0.12, 1, 1) * x.square()
    bottom = draw(0.9, 1.15, 1, 1) - 0.2 * x.square()
    inside = (x.abs() < 1) & (grid[..., 1] > top) & (grid[..., 1] < bottom)
    plain = draw(-1.6, 2.2, 1, 1, 1) + draw(-0.3, 0.3, 3, 1, 1)
    folds = torch.sin(grid[..., 1] * draw(10, 45, 1, 1) + draw(0, 6, 1, 1))[:, None]
    shade = draw(0.0, 0.5, 1, 1, 1) * x.square()[:, None] + draw(0.0, 0.2, 1, 1, 1) * folds
    return inside.float()[:, None], plain - shade
