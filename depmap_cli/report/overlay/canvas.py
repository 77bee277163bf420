"""Drawing on a picture: lines and areas by OpenCV, text by Pillow in its own font."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from depmap_cli.report.charts.colours import ACCENT, INK, LINE, MUTED
from depmap_cli.runtime.opencv import load_opencv

Colour = tuple[int, int, int]
Point = tuple[float, float]
_SHIFT = 4
"""OpenCV draws with positions in units of 1 / 2**_SHIFT pixel."""


def rgb(colour: str) -> Colour:
    """``#b4470f`` as (180, 71, 15)."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


INK_RGB, MUTED_RGB, LINE_RGB, ACCENT_RGB = map(rgb, (INK, MUTED, LINE, ACCENT))
PAPER_RGB: Colour = (255, 255, 255)


@dataclass(frozen=True, kw_only=True)
class _Words:
    at: Point
    text: str
    colour: Colour
    size: int
    anchor: str


class Canvas:
    """A picture to draw on, (height, width, 3) RGB uint8. Text is drawn last, over all else."""

    def __init__(self, image: np.ndarray) -> None:
        self.image = image
        self._words: list[_Words] = []

    def fill(self, start: Point, end: Point, colour: Colour) -> None:
        """Fill the rectangle between two corners, the second one excluded."""
        (x0, y0), (x1, y1) = start, end
        self.image[max(0, round(y0)) : round(y1), max(0, round(x0)) : round(x1)] = colour

    def outline(self, start: Point, end: Point, colour: Colour) -> None:
        """Draw a rectangle."""
        (x0, y0), (x1, y1) = start, end
        corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)], float)
        self.line(corners, colour, 2)

    def line(self, points: np.ndarray, colour: Colour, thickness: int = 1) -> None:
        """Draw a line through ``points``, (n, 2) x and y; a single point becomes a dot."""
        if len(points) == 1:
            self.dot((float(points[0, 0]), float(points[0, 1])), colour, 1.5)
            return
        load_opencv().polylines(
            self.image, [_fixed(points)], False, colour, thickness, _antialiased(), _SHIFT
        )

    def arrow(self, start: Point, end: Point, colour: Colour) -> None:
        """Draw an arrow of constant head size."""
        tail, tip = np.array(start, float), np.array(end, float)
        self.line(np.stack([tail, tip]), colour, 2)
        length = float(np.linalg.norm(tip - tail))
        if length < 1:
            return
        along = (tip - tail) / length
        across = np.array([-along[1], along[0]])
        head = min(8.0, 0.6 * length)
        barbs = [tip - head * along + side * 0.5 * head * across for side in (-1, 1)]
        self.line(np.stack([barbs[0], tip, barbs[1]]), colour, 2)

    def dot(self, at: Point, colour: Colour, radius: float) -> None:
        """Draw a filled circle."""
        centre, unit = _fixed(np.array([at])), 1 << _SHIFT
        load_opencv().circle(
            self.image, centre[0].tolist(), round(radius * unit), colour, -1, _antialiased(), _SHIFT
        )

    def text(
        self, at: Point, text: str, colour: Colour = INK_RGB, size: int = 12, anchor: str = "lm"
    ) -> None:
        """Write one line; ``anchor`` says which of its points is at ``at``, as in Pillow."""
        self._words.append(_Words(at=at, text=text, colour=colour, size=size, anchor=anchor))

    def finish(self) -> np.ndarray:
        """Write the text, and return the picture."""
        if not self._words:
            return self.image
        from PIL import Image, ImageDraw

        image = Image.fromarray(self.image)
        draw = ImageDraw.Draw(image)
        for words in self._words:
            draw.text(
                words.at, words.text, words.colour, font=_font(words.size), anchor=words.anchor
            )
        self._words = []
        return np.array(image)


def text_width(text: str, size: int = 12) -> float:
    """Width of one line of text in pixels."""
    return float(_font(size).getlength(text))


def wrapped(text: str, width: float, size: int = 12) -> list[str]:
    """Break ``text`` at spaces into lines of at most ``width`` pixels."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


@cache
def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _fixed(points: np.ndarray) -> np.ndarray:
    fixed: np.ndarray = np.round(points * (1 << _SHIFT)).astype(np.int32)
    return fixed


def _antialiased() -> int:
    return int(load_opencv().LINE_AA)
