"""An evaluation as one self-contained HTML page, in the style of the report of a video."""

from collections.abc import Sequence

from markupsafe import Markup

from depmap_cli.domain.bdi import BANDS
from depmap_cli.evaluation.results import OUT_OF_FOLD, Comparison, EvaluationReport
from depmap_cli.report.charts.plots import Plot
from depmap_cli.report.template import png_uri, render_template


def render_evaluation_page(report: EvaluationReport, plots: Sequence[Plot] = ()) -> str:
    """Return the page for ``report``, with these charts and pictures."""
    return render_template(
        "evaluation/page.html",
        r=report,
        parts=comparisons(report),
        by_folds=report.split == OUT_OF_FOLD,
        titles={baseline.name: baseline.title for baseline in report.baselines},
        informed={baseline.name for baseline in report.baselines if baseline.informed},
        plots=[(p, Markup(p.inline_svg), "" if p.svg else png_uri(p.png)) for p in plots],
        bands=list(zip(report.bands, BANDS, strict=True)),
        confidence=f"{report.bootstrap.confidence * 100:g}",
        nominal=f"{report.intervals.level * 100:g}" if report.intervals else "",
    )


def comparisons(report: EvaluationReport) -> list[tuple[str, Comparison]]:
    """Return every comparison of a report with its title, in the order of the page."""
    agreement = report.agreement
    parts = [("Clips", agreement.clips), ("Sessions", agreement.sessions)]
    if len(agreement.tasks) > 1:
        parts += [(f"Task {task.name or 'unnamed'}", task) for task in agreement.tasks]
    people = ("People seen", agreement.seen), ("People not seen", agreement.unseen)
    return parts + [(title, part) for title, part in people if part is not None]
