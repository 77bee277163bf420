"""The terminal summary of a corpus, before anything is trained on it."""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from depmap_cli.domain.bdi import BANDS
from depmap_cli.io.clean_text import clean
from depmap_cli.report.terminal import emit
from depmap_cli.report.text import joined
from depmap_cli.results import (
    SCORE_BIN,
    Check,
    CorpusSummary,
    Quality,
    SharedPeople,
    SplitSummary,
    Verdict,
)

_BLOCKS = "▁▂▃▄▅▆▇█"
_BIN_COLUMNS = 3


def render_corpus(console: Console, summary: CorpusSummary) -> None:
    """Print counts and scores of each split, the distribution of scores, and notes."""
    parts: list[RenderableType] = [_counts(summary.splits), Text(), _histograms(summary.splits)]
    notes = [Text(clean(note), style="dim") for note in summary.notes]
    if summary.shared:
        notes.append(Text(f"WARN {_shared(summary.shared)}", style="yellow"))
    emit(console, Group(*parts, *([Text()] if notes else []), *notes))


QUALITY_COLUMNS = {
    "usable_share": "usable",
    "longest_gap": "gap, s",
    "face_size": "eyes, px",
    "sharpness": "sharp",
    "dark": "light",
    "turned_share": "turned",
}
"""Checks of the quality gate in the table of `depmap prepare`, and their column titles."""


def render_quality(console: Console, qualities: Sequence[tuple[str, Quality]]) -> None:
    """Print a row for each video: verdict and values of the quality gate, warnings in yellow."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("video", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    for title in QUALITY_COLUMNS.values():
        table.add_column(title, justify="right", no_wrap=True)
    for name, quality in qualities:
        checks = {check.name: check for check in quality.checks}
        cells = (_quality_cell(checks.get(column)) for column in QUALITY_COLUMNS)
        table.add_row(Text(clean(name)), quality.verdict.value, *cells)
    emit(console, table)


def _quality_cell(check: Check | None) -> Text:
    if check is None:
        return Text("-")
    return Text(f"{check.value:.3g}", style="" if check.verdict == Verdict.passed else "yellow")


def _counts(splits: list[SplitSummary]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("split", no_wrap=True)
    for name in ("sessions", "clips", "people", "mean", "std", "range"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("tasks", overflow="fold")
    for part in splits:
        table.add_row(
            part.split,
            *(str(n) for n in (part.n_sessions, part.n_clips, part.n_people)),
            *(f"{value:.1f}" for value in (part.mean, part.std)),
            f"{part.minimum}-{part.maximum}",
            Text(", ".join(clean(task) or "none" for task in part.tasks)),
        )
    return table


def _histograms(splits: list[SplitSummary]) -> Table:
    """Sessions by score, as a bar for each bin, and by severity band."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("scores", no_wrap=True)
    n_bins = max((len(part.histogram) for part in splits), default=0)
    lows = (f"{i * SCORE_BIN:<{_BIN_COLUMNS}}" for i in range(n_bins))
    table.add_column("".join(lows), no_wrap=True)
    for band in BANDS:
        table.add_column(band.name, justify="right", no_wrap=True)
    for part in splits:
        counts = (str(part.bands[band.name]) for band in BANDS)
        table.add_row(part.split, Text(_bars(part.histogram), style="cyan"), *counts)
    return table


def _bars(histogram: list[int]) -> str:
    """A bar for each bin, scaled to the highest; a dot if the bin is empty."""
    most = max(histogram)
    heights = [-(-count * len(_BLOCKS) // most) for count in histogram]
    bars = (_BLOCKS[height - 1] * 2 if height else "·" for height in heights)
    return "".join(f"{bar:<{_BIN_COLUMNS}}" for bar in bars)


def _shared(pairs: list[SharedPeople]) -> str:
    shared = [f"{len(pair.people)} in {joined(pair.splits)}" for pair in pairs]
    text = f"shared people: {'; '.join(shared)}. Evaluation separates seen from unseen people."
    n_sessions = sum(pair.n_sessions for pair in pairs)
    if n_sessions:
        text += f" They also share {n_sessions} sessions: check that no corpus is included twice."
    return text
