"""A plot area with two scales: where values lie in pixels, its frame, ticks and names."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from depmap_cli.report.charts import svg
from depmap_cli.report.charts.svg import Number

WIDTH = 364
"""Of a chart, in pixels: two stand side by side on the page."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 8, 26, 40
_KEY_HEIGHT = 18


@dataclass(frozen=True, kw_only=True)
class Axes:
    """Ranges of the data along both axes; height of the plot area and width of all, in pixels."""

    x: tuple[float, float]
    y: tuple[float, float]
    height: float = WIDTH - _LEFT - _RIGHT
    width: float = WIDTH  # of the whole chart

    def across(self, value: Number) -> float:
        """Pixels from the left; values outside the range lie on its edge."""
        return _LEFT + _share(value, self.x) * (self.width - _LEFT - _RIGHT)

    def down(self, value: Number) -> float:
        """Pixels from the top; values outside the range lie on its edge."""
        return _TOP + (1 - _share(value, self.y)) * self.height

    def ruled(self, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> list[str]:
        """Gridlines with their numbers on both axes."""
        left, right = self.across(self.x[0]), self.across(self.x[1])
        top, bottom = self.down(self.y[1]), self.down(self.y[0])
        parts = []
        for value in x_ticks:
            x = self.across(value)
            parts.append(svg.line(x, top, x, bottom, svg.LINE, 1))
            parts.append(svg.text(x, bottom + 15, f"{value:g}", svg.MUTED, "middle"))
        for value in y_ticks:
            y = self.down(value)
            parts.append(svg.line(left, y, right, y, svg.LINE, 1))
            parts.append(svg.text(left - 5, y + 4, f"{value:g}", svg.MUTED, "end"))
        return parts

    def named(self, x_name: str, y_name: str) -> list[str]:
        """What the axes measure: below on the right, above on the left."""
        return [
            svg.text(self.width - _RIGHT, _TOP + self.height + 32, x_name, svg.MUTED, "end"),
            svg.text(2, 12, y_name, svg.MUTED, "start"),
        ]

    def line(
        self, start: tuple[float, float], end: tuple[float, float], colour: str, dashes: str = ""
    ) -> str:
        """A line between two points of the data."""
        ends = (*self._place(start), *self._place(end))
        return svg.line(*ends, colour, 1.5, dashes)

    def mark(
        self, shape: str, point: tuple[float, float], radius: float, fill: str, tip: str
    ) -> str:
        """A mark at a point of the data."""
        return svg.mark(shape, *self._place(point), radius, fill, tip)

    def whisker(self, x: float, low: float, high: float, colour: str) -> str:
        """A vertical confidence interval with feet."""
        at, top, bottom = self.across(x), self.down(high), self.down(low)
        feet = (svg.line(at - 3, y, at + 3, y, colour, 1.25) for y in (top, bottom))
        return "".join([svg.line(at, top, at, bottom, colour, 1.25), *feet])

    def drawn(self, label: str, parts: Sequence[str], key: Sequence[tuple[str, str, str]]) -> str:
        """The whole chart; ``key`` explains marks as (shape, colour, words)."""
        foot = _TOP + self.height + _BOTTOM
        rows = [_key_row(i, foot, *entry) for i, entry in enumerate(key)]
        height = foot + _KEY_HEIGHT * math.ceil(len(key) / 3)
        return svg.drawing(self.width, height, label, [*parts, *rows])

    def _place(self, point: tuple[float, float]) -> tuple[float, float]:
        return self.across(point[0]), self.down(point[1])


def _share(value: Number, ends: tuple[float, float]) -> float:
    return min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)


def _key_row(number: int, foot: float, shape: str, colour: str, words: str) -> str:
    """Three entries a row."""
    x = _LEFT + number % 3 * (WIDTH - _LEFT) / 3
    y = foot + number // 3 * _KEY_HEIGHT + 8
    shown = words if len(words) <= 15 else f"{words[:14]}…"
    return svg.mark(shape, x + 4, y, 4, colour) + svg.text(x + 13, y + 4, shown, svg.INK, "start")


def ticks(low: float, high: float, most: int = 9) -> list[float]:
    """Round numbers within a range, ``most`` at most."""
    rough = (high - low) / most
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]
