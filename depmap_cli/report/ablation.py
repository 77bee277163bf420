"""Tables 2 and 3 in the paper's layout: its figures in their own columns, ours beside them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from depmap_cli.workflows.ablate import AblationRow

HEADERS = ("RMSE", "MAE", "PCC", "CCC")


def render_ablation(console: Console, rows: "Sequence[AblationRow]", data: str) -> None:
    """One table a task; ours is the mean over seeds, with the standard deviation of RMSE."""
    tasks = list(dict.fromkeys(task for row in rows for task in row.variant.paper))
    for task in tasks:
        title = f"{task or 'All clips'}: paper on AVEC2014 | ours on {data}"
        table = Table(title=title, title_justify="left")
        table.add_column("variant", no_wrap=True)
        for source in ("paper", "ours"):
            for name in HEADERS:
                table.add_column(f"{source}\n{name}", justify="right")
        for row in rows:
            ours = row.found.get(task)
            cells = [f"{v:.2f}" for v in row.variant.paper[task]]
            table.add_row(row.variant.name, *cells, *_ours(ours))
        console.print(table)


def _ours(found: np.ndarray | None) -> list[str]:
    if found is None:
        return ["-"] * len(HEADERS)
    mean = found.mean(0)
    cells = [f"{v:.2f}" for v in mean]
    if len(found) > 1:
        cells[0] += f"\n±{found[:, 0].std(ddof=1):.2f}"
    return cells
