"""A sheet of pictures in rows, with words beside and below them, as one PNG file."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from depmap_cli.io.clean_text import clean
from depmap_cli.report.charts.colours import INK, MUTED
from depmap_cli.report.charts.plots import DPI, plot_style, png_file

_LABEL_WIDTH, _GAP, _LINE_HEIGHT, _FONT = 92, 10, 17, 13
"""Pixels."""


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


def sheet(rows: Sequence[PictureRow]) -> bytes:
    """Draw the rows one below the other on white, each picture pixel by pixel; return a PNG."""
    from matplotlib.figure import Figure
    from matplotlib.transforms import IdentityTransform

    heights = [_height(row) for row in rows]
    width = _LABEL_WIDTH + max(sum(t.image.shape[1] + _GAP for t in row.tiles) for row in rows)
    top = sum(heights)  # in matplotlib's pixels, which count upwards
    with plot_style("sheet"):
        figure = Figure(figsize=(width / DPI, top / DPI), dpi=DPI)

        def write(x: float, y: float, words: str, colour: str) -> None:
            lines = "\n".join(clean(line) for line in words.split("\n"))
            text = figure.text(x, y, lines, va="top", transform=IdentityTransform())
            text.set(fontsize=_FONT * 72 / DPI, linespacing=1.1, color=colour)

        for row, height in zip(rows, heights, strict=True):
            write(2, top - _GAP, row.label, INK)
            x = _LABEL_WIDTH
            for tile in row.tiles:
                bottom = top - tile.image.shape[0]
                figure.figimage(tile.image, x, bottom, origin="upper")
                write(x, bottom - 4, tile.words, MUTED)
                x += tile.image.shape[1] + _GAP
            top -= height
        return png_file(figure)


def _height(row: PictureRow) -> int:
    lines = max(len(tile.words.split("\n")) for tile in row.tiles)
    return max(len(tile.image) for tile in row.tiles) + _LINE_HEIGHT * lines + 2 * _GAP
