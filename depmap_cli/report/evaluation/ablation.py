"""Tables 2 and 3 in the paper's layout: its figures in their own columns, ours beside them."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from depmap_cli.domain.paper_tables import METRICS, Variant
from depmap_cli.io.csv_files import Cell, csv_table
from depmap_cli.io.output_files import write_file
from depmap_cli.report.terminal import emit
from depmap_cli.weights.document import STARTED_RANDOM

if TYPE_CHECKING:
    from depmap_cli.evaluation.ablation import AblationRow

_PAPER = "paper"


def render_ablation(console: Console, rows: "Sequence[AblationRow]", data: str) -> None:
    """All clips, then a table a task; ours is the mean over seeds, with the sd of RMSE."""
    for task in _tasks(rows):
        title = f"{task or 'All clips'}: paper on AVEC2014 | ours on {data}"
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
        emit(console, "* the backbone started at random, not at the semantic model's image tower")


def _tasks(rows: "Sequence[AblationRow]") -> list[str]:
    """All clips (""), then the paper's tasks."""
    return list(dict.fromkeys(["", *(task for row in rows for task in row.variant.paper)]))


def _ours(found: np.ndarray | None) -> list[str]:
    if found is None:
        return _cells(None)
    cells = _cells(found.mean(0).tolist())
    if len(found) > 1:
        cells[0] += f"\n±{found[:, 0].std(ddof=1):.2f}"
    return cells


def _cells(figures: Sequence[float] | None) -> list[str]:
    if figures is None:
        return ["-"] * len(METRICS)
    return [f"{v:.2f}" if np.isfinite(v) else "-" for v in figures]


def write_ablation(
    rows: "Sequence[AblationRow]", folder: Path, table: int, data: str, split: str
) -> None:
    """The table as ``table-N-SPLIT.csv`` and ``.json``: the paper, each seed, mean and sd.

    Raises:
        OutputUnwritable: the folder or a file in it cannot be written.
    """
    name, found = f"table-{table}-{split}", list(_records(rows))
    content = {"table": table, "data": data, "split": split, "figures": found}
    write_file(folder, f"{name}.csv", csv_table(list(found[0]), ([*r.values()] for r in found)))
    write_file(folder, f"{name}.json", (json.dumps(content, indent=2) + "\n").encode())


def _records(rows: "Sequence[AblationRow]") -> Iterator[dict[str, Cell]]:
    for row in rows:
        for task in dict.fromkeys([*_tasks([row]), *row.metrics]):
            for of, figures in _figures(row, task):
                start = None if of == _PAPER else row.started_from
                head: dict[str, Cell] = {"row": row.number, "variant": _in_table(row.variant)}
                values = [round(float(v), 4) if np.isfinite(v) else None for v in figures]
                head |= {"started_from": start, "task": task, "of": of}
                yield head | dict(zip(METRICS, values, strict=True))


def _in_table(variant: Variant) -> str:
    """Its name, not begun by a sign that spreadsheets take for a formula."""
    return variant.name.replace("+ ", "with ")


def _figures(row: "AblationRow", task: str) -> Iterator[tuple[str, Sequence[float]]]:
    if paper := row.variant.paper.get(task):
        yield _PAPER, paper
    found = row.metrics.get(task)
    if found is None:
        return
    yield from ((f"seed {seed}", run) for seed, run in zip(row.seeds, found.tolist(), strict=True))
    if len(found) > 1:
        yield "mean", found.mean(0).tolist()
        yield "sd", found.std(0, ddof=1).tolist()
