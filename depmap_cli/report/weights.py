"""The table of `depmap weights list`."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from depmap_cli.io.clean_text import clean
from depmap_cli.report.terminal import RIGHT, Column, folded, terminal_table
from depmap_cli.results import WeightsEntry


def weights_table(entries: Sequence[WeightsEntry]) -> Table:
    """The files of a weights folder, with what they were trained on or what is wrong with them."""
    return terminal_table(_WEIGHTS_COLUMNS, entries, header_style="bold")


def _about_cell(entry: WeightsEntry) -> Text:
    if entry.problem:
        return Text(clean(entry.problem), "bold red")
    return Text(("simulated faces: " if entry.simulated else "") + clean(entry.about))


_WEIGHTS_COLUMNS: tuple[Column[WeightsEntry], ...] = (
    Column("file", lambda entry: Text(clean(entry.file)), folded(3)),
    Column("kind", lambda entry: entry.kind or "-"),
    Column("MB", lambda entry: f"{entry.size / 1e6:.1f}", RIGHT),
    Column("sha256", lambda entry: entry.sha256[:12]),
    Column("trained on, or problem", _about_cell, folded(4)),
)
