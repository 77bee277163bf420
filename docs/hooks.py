"""Builds the pages that come from other files: included documents, commands and settings."""

import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

ROOT = Path(__file__).resolve().parents[1]
INCLUDED = {
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "measurements.md": "benchmarks/LOG.md",
    "model-card.md": "weights/README.md",
}
"""Pages whose text is a file elsewhere in the repository."""

_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return the Markdown of a page, called by MkDocs for each of them."""
    name = page.file.src_uri
    if name in INCLUDED:
        source = INCLUDED[name]
        return site_links((ROOT / source).read_text(encoding="utf-8"), source)
    if name == "commands.md":
        return f"{markdown}\n{commands()}"
    if name == "settings.md":
        return f"{markdown}\n{settings()}"
    return markdown


def site_links(markdown: str, source: str) -> str:
    """Point links of a repository file to the site; links to files outside it become plain text.

    ``source`` is the path of the file relative to the repository.
    """
    pages = {path: page for page, path in INCLUDED.items()}

    def rewrite(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        if "://" in target:
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if path in pages:
            return f"[{text}]({pages[path]}{anchor})"
        if path.startswith("docs/"):
            return f"[{text}]({path.removeprefix('docs/')}{anchor})"
        return text

    return _LINK.sub(rewrite, markdown)


def commands() -> str:
    """Return every command with its options, as its ``--help`` describes them."""
    from typer import Context
    from typer.cli import get_docs_for_click
    from typer.main import get_command

    app = get_command(_package("depmap_cli.cli").app)
    text = get_docs_for_click(obj=app, ctx=Context(app, info_name="depmap"), name="depmap")
    text = text.split("## `depmap", 1)[1]  # the page has its own title
    text = re.sub(r"\n {2,}(depmap .*?)\n", r"\n`\1`\n", "## `depmap" + text)
    return re.sub(r"(?m)^(#+) ", r"\1 ", text)


def settings() -> str:
    """Return a table of the settings of each group, with defaults and bounds."""
    config = _package("depmap_cli.config").Config
    parts = []
    for group, field in config.model_fields.items():
        model = field.annotation
        parts.append(f"## `{group}`\n\n{(model.__doc__ or '').splitlines()[0]}\n")
        parts.append("| setting | default | meaning |\n|---|---|---|")
        parts += [
            f"| `{group}.{name}` | {_default(setting)} | {_meaning(setting)} |"
            for name, setting in model.model_fields.items()
        ]
        parts.append("")
    return "\n".join(parts)


def _default(setting: Any) -> str:
    return f"`{getattr(setting.default, 'value', setting.default)}`"


def _meaning(setting: Any) -> str:
    limits = ", ".join(_limits(setting))
    choices = [str(choice) for choice in get_args(setting.annotation) if isinstance(choice, str)]
    parts = [setting.description or "", " or ".join(choices), limits]
    return " ".join(f"{part.rstrip('.')}." for part in parts if part).replace("|", "\\|")


def _limits(setting: Any) -> Iterator[str]:
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    for limit in setting.metadata:
        for name, word in words.items():
            if hasattr(limit, name):
                yield f"{word} {getattr(limit, name):g}"


def _package(name: str) -> Any:
    """Import a module of this checkout."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return __import__(name, fromlist=["*"])
