"""Matplotlib figures in the colours of the page, as SVG and PNG files that are reproducible.

Matplotlib is imported inside functions: commands that draw nothing start without it.
"""

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any
from xml.dom import minidom

from depmap_cli.io.clean_text import clean
from depmap_cli.report.charts.colours import INK, LINE, MUTED

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

Tooltips = dict["Line2D", list[str]]
"""For each drawn line, the words shown at each of its markers, or at a line without markers."""
DPI = 150
"""Resolution of PNG files."""
MARKERS = ("o", "s", "D", "^")
_MAX_LABEL = 24
_NAMESPACES = re.compile(r' xmlns(:\w+)?="[^"]*"')
_REFERENCE = re.compile(r'(?:url\(|href=")#([^)"]+)')
_STYLE: dict[str, Any] = {
    # Matplotlib ships the first, so layouts agree everywhere; browsers without it take another.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Segoe UI", "Arial"],
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,  # a $ in a name is a dollar sign
    **{f"axes.{name}": False for name in ("spines.top", "spines.right")},
    **{f"axes.{name}": True for name in ("grid", "axisbelow")},
    **{f"{axis}tick.{name}": INK for axis in "xy" for name in ("color", "labelcolor")},
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "grid.color": LINE,
    "legend.fontsize": 9,
    "legend.frameon": False,
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


def plot(
    draw: Callable[["Figure"], Tooltips],
    *,
    name: str,
    title: str,
    caption: str,
    size: tuple[float, float],
    is_wide: bool = False,
) -> Plot:
    """Return what ``draw`` puts on an empty figure of ``size`` inches, with a legend below."""
    from matplotlib.figure import Figure

    with plot_style(name):
        figure = Figure(figsize=size, layout="constrained")
        tooltips = draw(figure)
        labels = [label for axes in figure.axes for label in axes.get_legend_handles_labels()[1]]
        if labels:
            room = size[0] * 72 // (38 + 5.2 * max(map(len, labels)))  # points
            figure.legend(loc="outside lower center", ncols=int(min(max(room, 1), len(labels))))
        svg, png = _svg_document(figure, title, tooltips), png_file(figure)
    return Plot(name=name, title=title, caption=caption, png=png, svg=svg, is_wide=is_wide)


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


def legend_label(text: str) -> str:
    """A user's words as one short line; matplotlib would hide a label that begins with ``_``."""
    line = clean(text)
    short = line if len(line) <= _MAX_LABEL else f"{line[: _MAX_LABEL - 1]}…"
    return f" {short}" if short.startswith("_") else short


def _svg_document(figure: "Figure", description: str, tooltips: Tooltips) -> str:
    """Return the figure as SVG without a date, with tooltips and a text for screen readers."""
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
    _remove_clashes(root)
    root.setAttribute("role", "img")
    root.setAttribute("aria-label", clean(description))
    return root.toxml()


def _remove_clashes(root: minidom.Element) -> None:
    """Remove what would clash in a page: metadata, style rules for all elements, unused ids."""
    for element in [e for name in ("metadata", "style") for e in root.getElementsByTagName(name)]:
        assert element.parentNode is not None
        element.parentNode.removeChild(element)
    root.setAttribute("stroke-linejoin", "round")  # what the style rules said
    referenced = set(_REFERENCE.findall(root.toxml()))
    for element in root.getElementsByTagName("*"):
        if element.hasAttribute("id") and element.getAttribute("id") not in referenced:
            element.removeAttribute("id")


def png_file(figure: "Figure") -> bytes:
    """Return the figure as a PNG file of ``DPI``, without the version that wrote it."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()
