"""Fills the HTML templates of this package: ``base.html``, and the pages that extend it.

A page is one self-contained file: it loads nothing and runs no script.
"""

from base64 import b64encode
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from depmap_cli.io.clean_text import clean
from depmap_cli.report import text


def render_template(name: str, **content: Any) -> str:
    """Fill the template ``name``, a path relative to this package, e.g. ``score/page.html``.

    All text in ``content`` is escaped unless it is ``Markup``.
    """
    css = Markup(_read("page.css"))
    return _environment().get_template(name).render(words=text, css=css, **content)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clean"] = clean
    return environment


def _read(name: str) -> str:
    return files("depmap_cli.report").joinpath(name).read_text(encoding="utf-8")


def png_uri(data: bytes) -> str:
    """A PNG picture for the ``src`` of an ``img``; empty if there is no picture."""
    return f"data:image/png;base64,{b64encode(data).decode()}" if data else ""
