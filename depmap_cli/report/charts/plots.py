"""Matplotlib figures in the colours of the page, as SVG and PNG files that are reproducible.

Matplotlib is imported inside functions: commands that draw nothing start without it.
"""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any
from xml.dom import minidom

from depmap_cli.io.clean_text import clean
from depmap_cli.report.charts.svg import INK, LINE, MUTED

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

DPI = 150
"""Resolution of PNG files."""
MARKERS = ("o", "s", "D", "^")
EQUALITY: dict[str, Any] = {"color": MUTED, "linestyle": "--", "linewidth": 1}
"""Style of the line on which an estimate equals the score."""
_MAX_LABEL = 24
_NAMESPACES = re.compile(r' xmlns(:\w+)?="[^"]*"')
_REFERENCE = re.compile(r'(?:url\(|href=")#([^)"]+)')
_STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    # Matplotlib ships the first, so layouts agree everywhere; browsers without it take another.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Segoe UI", "Arial"],
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,  # a $ in a name is a dollar sign
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.handletextpad": 0.4,
    "lines.markersize": 5.5,
    "lines.markeredgecolor": "white",
    "lines.markeredgewidth": 0.5,
    "svg.fonttype": "none",
}


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A chart or a sheet of pictures, for the page and the folder ``figures``."""

    name: str  # of its files, without suffix
    title: str
    caption: str
    png: bytes
    svg: str = ""  # a document with its namespaces; empty for pictures of faces
    is_wide: bool = False  # as wide as the page; others stand two in a row

    @property
    def inline_svg(self) -> str:
        """The SVG element for use within HTML, which declares no namespaces."""
        head, mark, body = self.svg.partition(">")
        return _NAMESPACES.sub("", head) + mark + body

    @property
    def files(self) -> dict[str, bytes]:
        """File name -> content."""
        files = {f"{self.name}.svg": f"{self.svg}\n".encode()} if self.svg else {}
        return files | {f"{self.name}.png": self.png}


@contextmanager
def plot_style(name: str) -> Iterator[None]:
    """Draw in the style of the page within the block, whatever the user's matplotlibrc says.

    Args:
        name: of the plot; identifiers in its SVG derive from it, so a page can hold several plots.
    """
    from matplotlib import style

    with style.context(["default", {**_STYLE, "svg.hashsalt": name}]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from")  # the SVG has the text anyway
        yield


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of a size in inches, whose parts are laid out without overlap."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def short(text: str) -> str:
    """A user's words as one short line, for legends."""
    line = clean(text)
    return line if len(line) <= _MAX_LABEL else f"{line[: _MAX_LABEL - 1]}…"


def svg_document(
    figure: "Figure", description: str, tooltips: Mapping["Line2D", Sequence[str]]
) -> str:
    """Return the figure as an SVG document without a date; call it within ``plot_style``.

    Args:
        description: what the figure shows, for readers who cannot see it.
        tooltips: for each line, the words shown at each of its markers, or at a line without any.
    """
    for number, line in enumerate(tooltips):
        line.set_gid(f"tooltips-{number}")
    buffer = BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    document = minidom.parseString(buffer.getvalue())
    root = document.documentElement
    assert root is not None
    groups = {group.getAttribute("id"): group for group in root.getElementsByTagName("g")}
    for line, words in tooltips.items():
        group = groups[str(line.get_gid())]
        for mark, text in zip(group.getElementsByTagName("use") or [group], words, strict=True):
            title = document.createElement("title")
            title.appendChild(document.createTextNode(clean(text)))
            mark.insertBefore(title, mark.firstChild)
    _tidy(root)
    root.setAttribute("role", "img")
    root.setAttribute("aria-label", clean(description))
    return root.toxml()


def _tidy(root: minidom.Element) -> None:
    """Remove what would clash in a page: metadata, style rules for all elements, unused ids."""
    for name in ("metadata", "style"):
        for element in root.getElementsByTagName(name):
            assert element.parentNode is not None
            element.parentNode.removeChild(element)
    root.setAttribute("stroke-linejoin", "round")  # what the style rules said
    referenced = set(_REFERENCE.findall(root.toxml()))
    for element in root.getElementsByTagName("*"):
        if element.getAttribute("id") not in referenced and element.hasAttribute("id"):
            element.removeAttribute("id")


def png_file(figure: "Figure") -> bytes:
    """Return the figure as a PNG file of ``DPI``, without the version that wrote it."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def finished(
    figure: "Figure",
    *,
    name: str,
    title: str,
    caption: str,
    tooltips: Mapping["Line2D", Sequence[str]],
    is_wide: bool = False,
) -> Plot:
    """Return a drawn figure as a plot; call it within ``plot_style``."""
    svg = svg_document(figure, title, tooltips)
    return Plot(
        name=name, title=title, caption=caption, png=png_file(figure), svg=svg, is_wide=is_wide
    )
