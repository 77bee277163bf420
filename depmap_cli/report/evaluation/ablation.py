"""Tables 2 and 3 in the paper's layout: the paper's metrics, and ours in columns of their own."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from depmap_cli.domain.paper_tables import METRICS, Variant
from depmap_cli.io.clean_text import clean
from depmap_cli.io.csv_writer import Cell, csv_table
from depmap_cli.io.json_writer import json_file
from depmap_cli.io.output_files import write_file
from depmap_cli.report.terminal import emit
from depmap_cli.weights.document import STARTED_RANDOM

if TYPE_CHECKING:
    from depmap_cli.evaluation.ablation import AblationRow

_PAPER = "paper"


def render_ablation(console: Console, rows: "Sequence[AblationRow]", data: str) -> None:
    """Print a table of all clips, then one for each task.

    Our metrics are means over seeds, with the standard deviation of RMSE.

    Args:
        data: our data and split, in words.
    """
    for task in _tasks(rows):
        title = (
            f"{task or 'All clips'}\npaper: published values, on AVEC2014\n"
            f"ours: measured with this code, on {clean(data)}"
        )
        table = Table(title=title, title_justify="left")
        table.add_column("variant", no_wrap=True)
        for source in ("paper", "ours"):
            for name in METRICS:
                table.add_column(f"{source}\n{name.upper()}", justify="right")
        for row in rows:
            paper, ours = row.variant.paper.get(task), row.metrics.get(task)
            mark = " *" if row.started_from == STARTED_RANDOM else ""
            table.add_row(row.variant.name + mark, *_cells(paper), *_ours(ours))
        emit(console, table)
    if any(row.started_from == STARTED_RANDOM for row in rows):
        emit(
            console,
            "* the backbone was initialised at random, not from the semantic model's image encoder",
        )


def _tasks(rows: "Sequence[AblationRow]") -> list[str]:
    """All clips (""), then the paper's tasks."""
    return list(dict.fromkeys(["", *(task for row in rows for task in row.variant.paper)]))


def _ours(runs: np.ndarray | None) -> list[str]:
    if runs is None:
        return _cells(None)
    cells = _cells(runs.mean(0).tolist())
    if len(runs) > 1:
        cells[0] += f"\n±{runs[:, 0].std(ddof=1):.2f}"
    return cells


def _cells(metrics: Sequence[float] | None) -> list[str]:
    if metrics is None:
        return ["-"] * len(METRICS)
    return [f"{v:.2f}" if np.isfinite(v) else "-" for v in metrics]


def write_ablation(
    rows: "Sequence[AblationRow]", folder: Path, table: int, data: str, split: str
) -> None:
    """Write ``table-N-SPLIT.csv`` and ``.json``: the paper, each seed, mean and sd.

    Raises:
        OutputUnwritable: the folder or a file in it cannot be written.
    """
    name, records = f"table-{table}-{split}", list(_records(rows))
    content = {"table": table, "data": data, "split": split, "figures": records}
    write_file(folder, f"{name}.csv", csv_table(list(records[0]), ([*r.values()] for r in records)))
    write_file(folder, f"{name}.json", json_file(content).encode())


def _records(rows: "Sequence[AblationRow]") -> Iterator[dict[str, Cell]]:
    for row in rows:
        for task in dict.fromkeys([*_tasks([row]), *row.metrics]):
            for of, metrics in _metrics(row, task):
                start = None if of == _PAPER else row.started_from
                head: dict[str, Cell] = {"row": row.number, "variant": _in_table(row.variant)}
                values = [round(float(v), 4) if np.isfinite(v) else None for v in metrics]
                head |= {"started_from": start, "task": task, "of": of}
                yield head | dict(zip(METRICS, values, strict=True))


def _in_table(variant: Variant) -> str:
    """The variant's name without the leading sign that spreadsheets read as a formula."""
    return variant.name.replace("+ ", "with ")


def _metrics(row: "AblationRow", task: str) -> Iterator[tuple[str, Sequence[float]]]:
    if paper := row.variant.paper.get(task):
        yield _PAPER, paper
    runs = row.metrics.get(task)
    if runs is None:
        return
    yield from ((f"seed {seed}", run) for seed, run in zip(row.seeds, runs.tolist(), strict=True))
    if len(runs) > 1:
        yield "mean", runs.mean(0).tolist()
        yield "sd", runs.std(0, ddof=1).tolist()
