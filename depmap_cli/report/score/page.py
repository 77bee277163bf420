"""The report as one self-contained HTML page: nothing is fetched, nothing runs."""

from base64 import b64encode
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from depmap_cli.io.clean_text import clean
from depmap_cli.report import text
from depmap_cli.report.charts.svg import LEVEL_COLOURS
from depmap_cli.report.score import charts
from depmap_cli.report.score.timeline import bins_of
from depmap_cli.results import Report, Verdict

_VERDICTS = {Verdict.passed: "pass", Verdict.warn: "warning", Verdict.refuse: "refused"}


def render_page(report: Report, images: dict[str, bytes]) -> str:
    """The page for ``report``; ``images`` maps ``KeyFrame.image`` to the bytes of its PNG.

    A key frame whose picture is not among ``images`` is described in words only.
    """
    bins = bins_of(report.timeline) if report.timeline else []
    return rendered(
        "page.html",
        r=report,
        verdicts=_VERDICTS,
        gauge=Markup(charts.gauge(report.estimate)) if report.estimate else None,
        timeline=Markup(charts.timeline(bins, report.estimate)),
        gap_reasons=sorted({b.reason for b in bins if b.reason}),
        trends=[(unit, Markup(charts.trend(unit))) for unit in report.action_units],
        level_colours=LEVEL_COLOURS,
        pictures=[(f, data_uri(images.get(f.image or "", b""))) for f in report.keyframes],
        style=report.settings.get("pictures", "drawing"),
    )


def rendered(template: str, **content: Any) -> str:
    """One of our pages, filled; all text in ``content`` is escaped unless it is ``Markup``."""
    css = Markup(_packaged("page.css"))
    return _environment().get_template(template).render(words=text, css=css, **content)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_packaged),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clean"] = clean
    return environment


def _packaged(name: str) -> str:
    return files("depmap_cli.report").joinpath(name).read_text(encoding="utf-8")


def data_uri(data: bytes) -> str:
    """A PNG or SVG picture for ``src``; scripts in it, if any, do not run there."""
    kind = {"png": "png", "svg": "svg+xml"}[picture_kind(data)]
    return f"data:image/{kind};base64,{b64encode(data).decode()}" if data else ""


def picture_kind(data: bytes) -> str:
    """``png`` or ``svg``, by the first bytes."""
    return "png" if data.startswith(b"\x89PNG") else "svg"
