"""The marks that charts are made of, as strings of SVG, and the colours of the page.

Whatever words are put in are escaped here, so no file name can end a tag. Lengths are pixels.
"""

from collections.abc import Iterable
from html import escape

from depmap_cli.io.clean_text import clean

Number = int | float
LEVEL_COLOURS = ("#d7e6ef", "#a3c6dc", "#5c97bd", "#1f567f")
LEVEL_LINES = ("#d99a1c", "#5d9e4a", "#22768a", "#41307a")
"""For lines and points on white, where the fills above would be too pale; light to dark as they."""
INK, MUTED, LINE, ACCENT = "#1c2733", "#5d6b78", "#d5dce2", "#b4470f"


def drawing(width: Number, height: Number, label: str, parts: Iterable[str]) -> str:
    """A chart for use within a page; ``label`` says what it shows to who cannot see it."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(clean(label))}" '
        f'style="max-width:{width:g}px">{"".join(parts)}</svg>'
    )


def title(words: str) -> str:
    """What a mark says when it is pointed at."""
    return f"<title>{escape(clean(words))}</title>"


def rect(x: Number, y: Number, width: Number, height: Number, fill: str, tip: str = "") -> str:
    """A filled box."""
    box = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {box} fill="{fill}">{title(tip) if tip else ""}</rect>'


def line(
    x0: Number, y0: Number, x1: Number, y1: Number, colour: str, width: Number, dashes: str = ""
) -> str:
    """A straight line."""
    ends = f'x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"'
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"{dashed}/>'


def text(x: Number, y: Number, words: str, colour: str, anchor: str, style: str = "") -> str:
    """Words on one line; ``anchor`` is the end that lies at ``x``: start, middle or end."""
    place = f'x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}"'
    return f'<text {place} style="{style}">{escape(clean(words))}</text>'
