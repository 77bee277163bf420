"""A sheet of pictures in rows, with words beside and below them, as one image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from depmap_cli.io.clean_text import clean
from depmap_cli.report.charts.svg import INK, MUTED

_LABEL_WIDTH, _GAP, _LINE, _FONT = 92, 10, 16, 13


@dataclass(frozen=True)
class Tile:
    """One picture, (height, width, 3) RGB uint8, and the lines of words below it."""

    image: np.ndarray
    words: str


@dataclass(frozen=True)
class PictureRow:
    """Pictures side by side, and the lines of words on their left."""

    label: str
    tiles: Sequence[Tile]


def sheet(rows: Sequence[PictureRow]) -> np.ndarray:
    """All rows, one below the other, on white, (height, width, 3) RGB uint8."""
    heights = [_height(row) for row in rows]
    width = _LABEL_WIDTH + max(sum(t.image.shape[1] + _GAP for t in row.tiles) for row in rows)
    image = Image.new("RGB", (width, sum(heights)), "white")
    top = 0
    for row, height in zip(rows, heights, strict=True):
        _draw(image, row, top)
        top += height
    return np.asarray(image)


def _height(row: PictureRow) -> int:
    lines = max(len(tile.words.split("\n")) for tile in row.tiles)
    return max(len(tile.image) for tile in row.tiles) + _LINE * lines + 2 * _GAP


def _draw(image: Image.Image, row: PictureRow, top: int) -> None:
    _write(image, (2, top + _GAP), row.label, INK)
    left = _LABEL_WIDTH
    for tile in row.tiles:
        high, wide = tile.image.shape[:2]
        image.paste(Image.fromarray(tile.image), (left, top))
        _write(image, (left, top + high + 3), tile.words, MUTED)
        left += wide + _GAP


def _write(image: Image.Image, place: tuple[int, int], words: str, colour: str) -> None:
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(_FONT)
    x, y = place
    for number, line in enumerate(words.split("\n")):
        draw.text((x, y + number * _LINE), clean(line), colour, font)
