"""The report of one video as a self-contained HTML page."""

from markupsafe import Markup

from depmap_cli.report.charts.colours import LEVEL_COLOURS
from depmap_cli.report.score import behaviour, charts
from depmap_cli.report.score.timeline import bins_of
from depmap_cli.report.score.trends import angle_trends, unit_trend
from depmap_cli.report.template import png_uri, render_template
from depmap_cli.results import Report, Verdict

_VERDICTS = {Verdict.passed: "pass", Verdict.warn: "warning", Verdict.refuse: "refused"}


def render_page(report: Report, images: dict[str, bytes], shows_differences: bool = True) -> str:
    """The page for ``report``.

    Args:
        report: the report.
        images: maps ``KeyFrame.image`` to the bytes of its PNG; a key frame without one is
            described in words only.
        shows_differences: whether the pictures show where the face differs from the usual face.
    """
    bins = bins_of(report.timeline) if report.timeline else []
    return render_template(
        "score/page.html",
        r=report,
        verdicts=_VERDICTS,
        gauge=Markup(charts.gauge(report.estimate)) if report.estimate else None,
        timeline=Markup(charts.timeline(bins, report.estimate)),
        gap_reasons=sorted({b.reason for b in bins if b.reason}),
        trends=[(unit, Markup(unit_trend(unit, report.timeline))) for unit in report.action_units],
        angles=[
            (name, words, Markup(chart)) for name, words, chart in angle_trends(report.timeline)
        ],
        behaviour=behaviour,
        level_colours=LEVEL_COLOURS,
        pictures=[(f, png_uri(images.get(f.image or "", b""))) for f in report.keyframes],
        shows_differences=shows_differences,
        style=report.settings.get("pictures", "drawing"),
    )
