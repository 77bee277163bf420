"""The elements of hand-drawn charts, as strings of SVG.

All text is escaped here, so a file name cannot close a tag. Lengths are in pixels.
"""

from collections.abc import Iterable
from html import escape

from depmap_cli.io.clean_text import clean

Number = int | float


def drawing(width: Number, height: Number, label: str, parts: Iterable[str]) -> str:
    """A chart for use within a page; ``label`` describes it for screen readers."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(clean(label))}" '
        f'style="max-width:{width:g}px">{"".join(parts)}</svg>'
    )


def title(words: str) -> str:
    """The tooltip of an element."""
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
    """One line of text; ``anchor`` is the part that lies at ``x``: start, middle or end."""
    position = f'x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}"'
    return f'<text {position} style="{style}">{escape(clean(words))}</text>'
