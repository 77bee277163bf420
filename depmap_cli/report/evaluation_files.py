"""The files of an evaluation: JSON, a table of clips, a page and its charts."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from depmap_cli.evaluation.results import SCHEMA_VERSION, ClipRow, EvaluationReport
from depmap_cli.report import svg
from depmap_cli.report.evaluation_charts import CHART_WORDS, evaluation_charts
from depmap_cli.report.evaluation_page import ExtraFigure, render_evaluation_page
from depmap_cli.report.files import Cell, csv_table, write_file
from depmap_cli.report.page import picture_kind
from depmap_cli.report.tripod import render_tripod
from depmap_cli.report.tripod_answers import plain
from depmap_cli.severity import BANDS

_COLUMNS = (
    "video", "subject", "session", "task", "score", "estimate", "low", "high", "band",
    "seen_in_training", "duration", *(f"share_{band.name}" for band in BANDS),
)  # fmt: skip


def write_evaluation(
    report: EvaluationReport, folder: Path, extras: Sequence[ExtraFigure] = ()
) -> list[str]:
    """Write the JSON, a table of clips, the page, the checklist and ``figures/`` to ``folder``.

    Returns the names written; the JSON, which lists the others, comes last, so where it is, they
    are.

    Raises:
        OutputUnwritable: the folder or a file in it cannot be written.
    """
    contents = _figures(report, extras)
    contents["clips.csv"] = clips_csv(report)
    contents["tripod.md"] = render_tripod(report).encode()
    contents["evaluation.html"] = render_evaluation_page(report, extras).encode()
    words = {**_FILES, **_figure_words(report, extras)}
    listed = report.model_copy(update={"files": words})
    contents["README.md"] = _readme(listed).encode()
    contents["evaluation.json"] = (listed.model_dump_json(indent=2) + "\n").encode()
    for name, data in contents.items():
        write_file(folder, name, data)
    return list(contents)


_FILES = {
    "evaluation.html": "the whole evaluation as one page, figures included",
    "clips.csv": "a row a clip: score, estimate, interval, every baseline",
    "tripod.md": "TRIPOD+AI checklist, filled in as far as the software knows",
    "README.md": "this list",
}


def _figures(report: EvaluationReport, extras: Sequence[ExtraFigure]) -> dict[str, bytes]:
    charts = evaluation_charts(report)
    contents = {f"figures/{name}.svg": svg.standalone(chart) for name, chart in charts.items()}
    return contents | {_file_name(extra): extra.data for extra in extras}


def _figure_words(report: EvaluationReport, extras: Sequence[ExtraFigure]) -> dict[str, str]:
    words = {f"figures/{name}.svg": CHART_WORDS[name] for name in evaluation_charts(report)}
    return words | {_file_name(e): f"{e.title}. {e.caption}" for e in extras}


def _readme(report: EvaluationReport) -> str:
    """The files with what they hold, for whoever is handed the folder."""
    head = f"# {plain(report.weights.file)} on {plain(report.data)}, {report.split}"
    lines = [head, "", report.disclaimer, "", f"Written by depmap {report.depmap_version}.", ""]
    files = {"evaluation.json": "every figure and clip, for programs", **report.files}
    lines += [f"- `{name}`: {plain(words)}" for name, words in files.items()]
    return "\n".join(lines) + "\n"


def evaluation_schema() -> dict[str, Any]:
    """The JSON schema of ``evaluation.json``."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:depmap:evaluation:{SCHEMA_VERSION}",
    }
    schema = EvaluationReport.model_json_schema()
    return {**head, **schema, "title": "depmap evaluation (evaluation.json)"}


def clips_csv(report: EvaluationReport) -> bytes:
    """A row a clip, with every baseline's guess in a column of its own."""
    baselines = [baseline.name for baseline in report.baselines]
    columns = [*_COLUMNS, *(f"baseline_{name}" for name in baselines)]
    return csv_table(columns, (_row(row, baselines) for row in report.table))


def _row(row: ClipRow, baselines: Sequence[str]) -> list[Cell]:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 4)

    return [
        row.video,
        row.subject,
        row.session,
        row.task,
        row.score,
        rounded(row.estimate),
        rounded(row.low),
        rounded(row.high),
        row.band,
        int(row.seen),
        rounded(row.duration),
        *(map(rounded, row.levels) if row.levels else [None] * len(BANDS)),
        *(rounded(row.baselines[name]) for name in baselines),
    ]


def _file_name(extra: ExtraFigure) -> str:
    """The title in plain letters, with the ending of what it is."""
    stem = re.sub(r"[^a-z0-9]+", "_", extra.title.lower()).strip("_") or "figure"
    return f"figures/{stem}.{picture_kind(extra.data)}"
