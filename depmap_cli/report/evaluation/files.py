"""The files of an evaluation: JSON, tables of metrics and clips, a page, a checklist, charts."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from depmap_cli.domain.bdi import BANDS
from depmap_cli.evaluation.results import (
    SCHEMA_VERSION,
    Agreement,
    ClipRow,
    Errors,
    EvaluationReport,
    Metric,
)
from depmap_cli.evaluation.score_table import OURS
from depmap_cli.io.csv_writer import Cell, csv_table
from depmap_cli.io.json_writer import json_file
from depmap_cli.io.output_files import remove_stale, write_file
from depmap_cli.report.charts.plots import Plot
from depmap_cli.report.evaluation.charts import evaluation_charts
from depmap_cli.report.evaluation.page import comparisons, render_evaluation_page
from depmap_cli.report.evaluation.tripod import plain, render_tripod

_PLOTS = "figures"
_PLOT_FILE = re.compile(r"[a-z0-9_]+\.(svg|png)")
_METRICS = tuple(
    dict.fromkeys(
        name
        for row in (Agreement, Errors)
        for name, field in row.model_fields.items()
        if field.annotation is Metric
    )
)
"""Columns of ``figures.csv``, each followed by its interval."""


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


_CLIP_COLUMNS: dict[str, Callable[[ClipRow], Cell]] = {
    "video": lambda row: row.video,
    "subject": lambda row: row.subject,
    "session": lambda row: row.session,
    "task": lambda row: row.task,
    "score": lambda row: row.score,
    "estimate": lambda row: _rounded(row.estimate),
    "low": lambda row: _rounded(row.low),
    "high": lambda row: _rounded(row.high),
    "band": lambda row: row.band,
    "seen_in_training": lambda row: int(row.seen),
    "duration": lambda row: _rounded(row.duration),
}
"""Columns of ``clips.csv``; those of levels and baselines follow."""


def write_evaluation(
    report: EvaluationReport, folder: Path, plots: Sequence[Plot] = ()
) -> list[str]:
    """Write the JSON, the tables, the page, the checklist and ``figures/`` to ``folder``.

    Args:
        plots: further ones, besides the charts of every evaluation.

    Returns:
        The names written. The JSON lists the others and comes last: if it exists, they do.

    Raises:
        OutputUnwritable: the folder or a file in it cannot be written.
    """
    plots = [*evaluation_charts(report), *plots]
    contents = {f"{_PLOTS}/{name}": data for plot in plots for name, data in plot.files.items()}
    contents["figures.csv"] = metrics_csv(report)
    contents["clips.csv"] = clips_csv(report)
    contents["tripod.md"] = render_tripod(report).encode()
    contents["evaluation.html"] = render_evaluation_page(report, plots).encode()
    listed = report.model_copy(update={"files": {**_FILES, **_plot_files(plots)}})
    contents["README.md"] = _readme(listed).encode()
    contents["evaluation.json"] = json_file(listed).encode()
    for name, data in contents.items():
        write_file(folder, name, data)
    remove_stale(folder / _PLOTS, _PLOT_FILE, {Path(name).name for name in contents})
    return list(contents)


_FILES = {
    "evaluation.html": "the whole evaluation as one page, with its charts",
    "figures.csv": "every metric with its confidence interval, one row for each group and method",
    "clips.csv": "one row for each clip: score, estimate, interval, every baseline",
    "tripod.md": "TRIPOD+AI checklist, filled in as far as the software knows the answers",
    "README.md": "this list",
}


def _plot_files(plots: Sequence[Plot]) -> dict[str, str]:
    return {
        f"{_PLOTS}/{name}": f"{plot.title}. {plot.caption}" for plot in plots for name in plot.files
    }


def _readme(report: EvaluationReport) -> str:
    """List the files and their content, for a reader who receives the folder."""
    head = f"# {plain(report.weights.file)} on {plain(report.data)}, {report.split}"
    lines = [head, "", report.disclaimer, "", f"Written by depmap {report.depmap_version}.", ""]
    files = {"evaluation.json": "every metric and clip, for programs", **report.files}
    lines += [f"- `{name}`: {plain(words)}" for name, words in files.items()]
    return "\n".join(lines) + "\n"


def evaluation_schema() -> dict[str, Any]:
    """Return the JSON schema of ``evaluation.json``."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:depmap:evaluation:{SCHEMA_VERSION}",
    }
    schema = EvaluationReport.model_json_schema()
    return {**head, **schema, "title": "depmap evaluation (evaluation.json)"}


def clips_csv(report: EvaluationReport) -> bytes:
    """Return one row for each clip, with a column for each baseline."""
    baselines = [baseline.name for baseline in report.baselines]
    shares = [f"share_{band.name}" for band in BANDS]
    columns = [*_CLIP_COLUMNS, *shares, *(f"baseline_{name}" for name in baselines)]
    return csv_table(columns, (_clip_cells(row, baselines) for row in report.table))


def _clip_cells(row: ClipRow, baselines: Sequence[str]) -> list[Cell]:
    return [
        *(cell(row) for cell in _CLIP_COLUMNS.values()),
        *(map(_rounded, row.levels) if row.levels else [None] * len(BANDS)),
        *(_rounded(row.baselines[name]) for name in baselines),
    ]


def metrics_csv(report: EvaluationReport) -> bytes:
    """Return one row for each group of clips or sessions and each method, with interval ends.

    Unknown metrics are empty: baselines have no coverage, comparisons have no bias.
    """
    ends = [(name, f"{name}_low", f"{name}_high") for name in _METRICS]
    columns = ("group", "method", "n", "people", *(c for three in ends for c in three))
    return csv_table(columns, (_metrics_row(*row) for row in _grouped(report)))


def _grouped(report: EvaluationReport) -> Iterator[tuple[str, str, Agreement | Errors]]:
    """Yield group, method and metrics: comparisons, then the errors by band and by subgroup."""
    for title, part in comparisons(report):
        yield title, OURS, part.estimates
        for comparison in part.baselines:
            yield title, comparison.baseline, comparison.agreement
    yield "All clips", OURS, report.errors
    for band in report.bands:
        yield f"Band {band.name}", OURS, band.errors
    for subgroups in report.subgroups:
        for group in subgroups.groups:
            yield f"{subgroups.attribute}: {group.name}", OURS, group.errors


def _metrics_row(group: str, method: str, row: Agreement | Errors) -> list[Cell]:
    metrics = [getattr(row, name, Metric()) for name in _METRICS]
    values = [_rounded(v) for m in metrics for v in (m.value, m.low, m.high)]
    return [group, method, row.n, row.people, *values]
