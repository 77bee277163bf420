"""Evaluations of weights that differ only in their seed: metrics of each, mean and sd."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from depmap_cli.domain.paper_tables import METRICS
from depmap_cli.evaluation.results import Comparison, EvaluationReport
from depmap_cli.io.csv_writer import csv_table
from depmap_cli.report.terminal import emit
from depmap_cli.stats.metrics import mean_and_sd

SeedRow = tuple[str, str, list[float | None]]
"""Clips or sessions; a seed, "mean" or "sd"; the four metrics."""


def seed_rows(reports: Sequence[EvaluationReport]) -> list[SeedRow]:
    """Return the metrics of two or more reports, then their mean and standard deviation.

    Per clip, then per session. A metric that one report lacks has no mean and no deviation.
    """
    seeds = [str(report.settings["seed"]) for report in reports]
    return [
        *_rows("clips", seeds, [report.agreement.clips for report in reports]),
        *_rows("sessions", seeds, [report.agreement.sessions for report in reports]),
    ]


def _rows(part: str, seeds: list[str], comparisons: list[Comparison]) -> list[SeedRow]:
    values = [[getattr(c.estimates, name).value for name in METRICS] for c in comparisons]
    columns = [_over_seeds(column) for column in zip(*values, strict=True)]
    means, deviations = ([column[i] for column in columns] for i in (0, 1))
    rows = zip([*seeds, "mean", "sd"], [*values, means, deviations], strict=True)
    return [(part, name, metrics) for name, metrics in rows]


def _over_seeds(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    known = [value for value in values if value is not None]
    return mean_and_sd(known) if len(known) == len(values) else (None, None)


def render_seeds(console: Console, reports: Sequence[EvaluationReport]) -> None:
    """Print the table."""
    table = Table(title=f"{len(reports)} seeds, each evaluated separately", title_justify="left")
    for name in ("", "seed", *(name.upper() for name in METRICS)):
        table.add_column(name, justify="right")
    for part, name, metrics in seed_rows(reports):
        digits = 3 if name in ("mean", "sd") else 2
        cells = ["–" if value is None else f"{value:.{digits}f}" for value in metrics]
        table.add_row(part, name, *cells, end_section=name == "sd")
    emit(console, table)


def seeds_csv(reports: Sequence[EvaluationReport]) -> bytes:
    """Return the same table as CSV; ``mean`` and ``sd`` stand in the column of seeds."""
    rows = [
        [part, name, *(None if value is None else round(value, 4) for value in metrics)]
        for part, name, metrics in seed_rows(reports)
    ]
    return csv_table(("of", "seed", *METRICS), rows)
