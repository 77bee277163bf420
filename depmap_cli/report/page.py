"""The report as one self-contained HTML page: nothing is fetched, nothing runs."""

from base64 import b64encode
from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from depmap_cli.report import charts, text
from depmap_cli.report.timeline import bins_of
from depmap_cli.results import KeyFrame, Report, Verdict

_VERDICTS = {Verdict.passed: "pass", Verdict.warn: "warning", Verdict.refuse: "refused"}


def render_page(report: Report, images: dict[str, bytes]) -> str:
    """The page for ``report``; ``images`` maps ``KeyFrame.image`` to the bytes of its PNG.

    A key frame whose picture is not among ``images`` is described in words only.
    """
    bins = bins_of(report.timeline) if report.timeline else []
    return _template().render(
        r=report,
        words=text,
        verdicts=_VERDICTS,
        css=Markup(_packaged("page.css")),
        gauge=Markup(charts.gauge(report.estimate)) if report.estimate else None,
        timeline=Markup(charts.timeline(bins, report.estimate)),
        gap_reasons=sorted({b.reason for b in bins if b.reason}),
        trends=[(unit, Markup(charts.trend(unit))) for unit in report.action_units],
        level_colours=charts.LEVEL_COLOURS,
        pictures=[(frame, _data_uri(frame, images)) for frame in report.keyframes],
        style=report.settings.get("pictures", "drawing"),
    )


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["clean"] = text.clean
    return environment.from_string(_packaged("page.html"))


def _packaged(name: str) -> str:
    return files("depmap_cli.report").joinpath(name).read_text(encoding="utf-8")


def _data_uri(frame: KeyFrame, images: dict[str, bytes]) -> str:
    data = images.get(frame.image or "")
    return f"data:image/png;base64,{b64encode(data).decode()}" if data else ""
