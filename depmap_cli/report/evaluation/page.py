"""An evaluation as one self-contained HTML page, in the style of the report of a video."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from depmap_cli.domain.bdi import BANDS
from depmap_cli.evaluation.results import OUT_OF_FOLD, Comparison, EvaluationReport
from depmap_cli.report.evaluation.charts import evaluation_charts
from depmap_cli.report.template import data_uri, render_template


@dataclass(frozen=True, kw_only=True)
class ExtraFigure:
    """A chart or picture that others made, for the page and the ``figures`` folder."""

    title: str
    data: bytes  # SVG with its namespace, or PNG
    caption: str
    whole: bool = False  # as wide as the page; others stand two in a row


def render_evaluation_page(report: EvaluationReport, extras: Sequence[ExtraFigure] = ()) -> str:
    """The page for ``report``, with ``extras`` after its own charts."""
    charts = {name: Markup(chart) for name, chart in evaluation_charts(report).items()}
    return render_template(
        "evaluation.html",
        r=report,
        parts=comparisons(report),
        by_folds=report.split == OUT_OF_FOLD,
        titles={baseline.name: baseline.title for baseline in report.baselines},
        informed={baseline.name for baseline in report.baselines if baseline.informed},
        charts={"coverage_by_band": "", **charts},
        extras=[(extra, data_uri(extra.data)) for extra in extras],
        bands=list(zip(report.bands, BANDS, strict=True)),
        confidence=f"{report.bootstrap.confidence * 100:g}",
        nominal=f"{report.intervals.level * 100:g}" if report.intervals else "",
    )


def comparisons(report: EvaluationReport) -> list[tuple[str, Comparison]]:
    """Every comparison of a report with its title, in the order of reading."""
    found = report.agreement
    parts = [("Clips", found.clips), ("Recordings", found.sessions)]
    if len(found.tasks) > 1:
        parts += [(f"Task {task.name or 'unnamed'}", task) for task in found.tasks]
    people = ("People seen", found.seen), ("People not seen", found.unseen)
    return parts + [(title, part) for title, part in people if part is not None]
