"""The TRIPOD+AI checklist of an evaluation, from the template ``tripod.md.j2``."""

import re
from functools import cache
from html import escape
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template

from depmap_cli.evaluation.results import OUT_OF_FOLD, EvaluationReport
from depmap_cli.io.clean_text import clean
from depmap_cli.report import text

AUTHOR = "FOR THE AUTHOR"
"""Marks what only the author can answer."""
_CONTINUATION = re.compile(r"\s*\n +")


def render_tripod(report: EvaluationReport) -> str:
    """Return the checklist in Markdown, with what the report answers filled in."""
    settings = [f"{name} = {value}" for name, value in report.settings.items() if value is not None]
    document = _template().render(
        r=report,
        words=text,
        OUT_OF_FOLD=OUT_OF_FOLD,
        titles={baseline.name: baseline.title for baseline in report.baselines},
        informed={baseline.name: baseline.informed for baseline in report.baselines},
        bands=[f"{group.name} {group.errors.n}" for group in report.bands],
        missing_intervals=text.missing_intervals(report.intervals),
        settings=", ".join(settings),
    )
    return _CONTINUATION.sub(" ", document)


@cache
def _template() -> Template:
    environment = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = plain
    source = files("depmap_cli.report").joinpath("evaluation", "tripod.md.j2")
    return environment.from_string(source.read_text(encoding="utf-8"))


def plain(words: str) -> str:
    """A user's words on one line, with what Markdown or HTML would read as markup escaped."""
    return re.sub(r"([\\`*_{}\[\]()#|!~])", r"\\\1", escape(clean(words), quote=False))
