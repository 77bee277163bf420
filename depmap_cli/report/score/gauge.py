"""The score on the BDI-II scale, drawn in characters; one column is about one point."""

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from depmap_cli.domain.bdi import BANDS, MAX_SCORE
from depmap_cli.results import Estimate

_FILLS = "░▒▓█"
_INDENT = (0, 0, 0, 4)


def gauge_rows(estimate: Estimate, width: int) -> list[RenderableType]:
    """Four lines, ``width`` columns wide: score and interval, scale, band names, band edges."""
    width = max(width, 16)
    rows = [_pointer_row(estimate, width), _scale_row(width), *_label_rows(width)]
    return [Padding(row, _INDENT) for row in rows]


def _column(score: int | float, width: int) -> int:
    return min(int(score / (MAX_SCORE + 1) * width), width - 1)


def _pointer_row(estimate: Estimate, width: int) -> Text:
    """``├────●──────┤``, from one end of the interval to the other."""
    low, high = (_column(s, width) for s in (estimate.interval.low, estimate.interval.high))
    cells = [" "] * width
    cells[low : high + 1] = "─" * (high + 1 - low)
    cells[low], cells[high] = "├", "┤"
    cells[_column(estimate.score, width)] = "●"
    return Text("".join(cells), style="bold")


def _spans(width: int) -> list[int]:
    """The number of columns of each band."""
    starts = [_column(band.low, width) for band in BANDS] + [width]
    return [end - start for start, end in zip(starts, starts[1:], strict=False)]


def _scale_row(width: int) -> Text:
    bars = (fill * span for fill, span in zip(_FILLS, _spans(width), strict=True))
    return Text("".join(bars), style="blue", no_wrap=True)


def _label_rows(width: int) -> list[Text]:
    names = [band.name for band in BANDS]
    edges = [f"{band.low}–{band.high}" for band in BANDS]
    return [_labels(names, width, "bold"), _labels(edges, width, "dim")]


def _labels(labels: list[str], width: int, style: str) -> Text:
    """Each label at the start of its band, truncated to the width of the band."""
    cells = (
        label[: max(span - 1, 0)].ljust(span)
        for label, span in zip(labels, _spans(width), strict=True)
    )
    return Text("".join(cells), style=style, no_wrap=True)
