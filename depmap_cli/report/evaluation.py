"""The table of `depmap evaluate`."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from depmap_cli.workflows import EvaluationResult


def render_evaluation(console: Console, result: "EvaluationResult", split: str) -> None:
    """Figures per clip, per recording and per task, each beside the constant-mean baseline."""
    found = result.evaluation
    table = Table(title=f"{escape(result.weights)} on {escape(result.data)}, {split}")
    table.add_column("")
    for name in ("RMSE", "MAE", "PCC", "CCC"):
        table.add_column(name, justify="right")
    rows = [
        (f"clips (n={found.n_clips})", found.clips),
        ("  constant mean", found.baseline_clips),
        (f"recordings (n={found.n_recordings})", found.recordings),
        ("  constant mean", found.baseline_recordings),
        *((f"task {task or 'unnamed'}", figures) for task, figures in found.tasks.items()),
    ]
    for label, figures in rows:
        table.add_row(label, *(f"{figures[k]:.2f}" for k in ("rmse", "mae", "pcc", "ccc")))
    console.print(table)
    console.print(f"{found.n_people} people, {found.n_unseen} of them not in the training data")
    if found.coverage is not None:
        console.print(f"90 % intervals cover {found.coverage:.0%} of the clips")
