"""Protects the shape of the package: who imports whom, and where each equation lives."""

import ast
import io
import re
import subprocess
import sys
import tokenize
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "depmap_cli"
SOURCES = sorted(PACKAGE.rglob("*.py"))
MODEL = [path for path in sorted((PACKAGE / "model").glob("*.py")) if path.name != "__init__.py"]
CITED = re.compile(r"Eq\. (\(\d+\)(?:(?:, | and |-| to )\(\d+\))*)")
CROSS_REFERENCE = re.compile(r"\b(?:after|before|query of|from) Eq\. \(\d+\)")

ROOMS = (
    "errors",
    "config",
    "domain",
    "results",
    "runtime",
    "io",
    "stats",
    "video",
    "faces",
    "model",
    "semantics",
    "weights",
    "behaviour",
    "scoring",
    "data",
    "evaluation",
    "training",
    "semantics_training",
    "report",
    "batch",
    "simulation",
    "workflows",
    "cli",
    "__main__",
)
"""The rooms of the package in import order: each imports only from itself and from those above it.

A new module belongs to one of them; a new room gets a place in this list."""


def room(path):
    """``depmap_cli/faces/align.py`` is in ``faces``; ``depmap_cli/config.py`` is ``config``."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms_imported(path):
    """The rooms that a file imports from, its own and the package's ``__init__`` left out."""
    found = {name.split(".")[1] for name in imports(path) if name.startswith("depmap_cli.")}
    return {name for name in found if name in ROOMS} - {room(path)}


@cache
def nodes(path):
    """All nodes of a file's syntax tree, read once."""
    return tuple(ast.walk(ast.parse(path.read_text())))


def imports(path):
    """Every dotted name that a file imports, wherever in the file."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield base
            if base == "depmap_cli":
                yield from (f"depmap_cli.{alias.name}" for alias in node.names)


def comments(source):
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return "\n".join(token.string for token in tokens if token.type == tokenize.COMMENT)


def docstrings(source):
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [ast.get_docstring(n) for n in ast.walk(ast.parse(source)) if isinstance(n, kinds)]
    return "\n".join(text for text in found if text)


def equations(text):
    """Numbers cited as ``Eq. (n)``, lists and ranges in full, cross references left out."""
    numbers = set()
    for match in CITED.finditer(CROSS_REFERENCE.sub("", " ".join(text.split()))):
        cited = [int(n) for n in re.findall(r"\d+", match[1])]
        spans = re.search(r"\)(?:-| to )\(", match[1])
        numbers |= set(range(cited[0], cited[-1] + 1)) if spans else set(cited)
    return numbers


@pytest.mark.parametrize("number", range(1, 15))
def test_each_equation_lives_in_exactly_one_file(number):
    homes = [
        path.name
        for path in MODEL
        if number in equations(comments(path.read_text()))
        or number in equations(docstrings(path.read_text()))
    ]
    assert len(homes) == 1, homes


@pytest.mark.parametrize("number", sorted({*range(1, 15)} - {7}))  # (7) is what (8)-(10) solve
def test_each_equation_stands_on_its_statement(number):
    homes = [path.name for path in MODEL if number in equations(comments(path.read_text()))]
    assert len(homes) == 1, homes


@pytest.mark.parametrize("number", range(1, 15))
def test_notation_table_lists_each_equation(number):
    table = ast.get_docstring(ast.parse((PACKAGE / "model" / "__init__.py").read_text()))
    listed = {int(n) for n in re.findall(r"\((\d+)\)", table)}
    for first, last in re.findall(r"\((\d+)\)-\((\d+)\)", table):
        listed |= set(range(int(first), int(last) + 1))
    assert number in listed


def test_every_room_has_a_place_in_the_order():
    assert {room(path) for path in SOURCES} - {"__init__"} == set(ROOMS)


def test_the_root_holds_a_handful_of_modules():
    assert {path.stem for path in PACKAGE.glob("*.py")} == {
        "__init__",
        "__main__",
        "config",
        "errors",
    }


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    if path.stem == "__init__" and path.parent == PACKAGE:
        return  # the public names come from the rooms, on request
    above = set(ROOMS[: ROOMS.index(room(path))])
    assert rooms_imported(path) <= above


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_forbidden_imports(path):
    others = {name.split(".")[0] for name in imports(path)}
    assert "click" not in others  # Typer vendors its own
    assert "pickle" not in others
    assert not any(name.startswith(".") for name in imports(path)), "relative import"
    if room(path) in {"domain", "config", "results", "errors", "report"}:
        assert not others & {"torch", "torchvision"}


def test_the_model_does_not_know_files():
    allowed = {"config", "domain", "runtime"}
    for path in MODEL:
        assert rooms_imported(path) <= allowed, path.name


@pytest.mark.parametrize(
    "module", ["config", "results", "errors", "domain.bdi", "domain.action_units"]
)
def test_light_modules_do_not_load_torch(module):
    program = f"import sys, depmap_cli.{module}; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=PACKAGE.parent, check=False)
    assert done.returncode == 0


def test_no_drawers_for_odds_and_ends():
    drawers = {"utils", "util", "helpers", "common", "misc"}
    assert [path for path in SOURCES if path.stem in drawers or path.parent.name in drawers] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_pickles_are_read(path):
    for node in nodes(path):
        if isinstance(node, ast.Attribute):
            assert ast.unparse(node) not in ("torch.load", "joblib.load")
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert ast.unparse(node.value) == "False"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_postponed_annotations(path):
    """jaxtyping cannot check the fields of dataclasses behind ``from __future__``."""
    assert "from __future__ import annotations" not in path.read_text()


MOST_POSITIONAL = 3


def positional_arguments(node):
    """Names that a constructor takes by position: those of a dataclass, or of ``__init__``."""
    decorators = [ast.unparse(d) for d in node.decorator_list]
    if any(d.startswith("dataclass") for d in decorators):
        if any("kw_only=True" in d for d in decorators):
            return []
        fields = [n for n in node.body if isinstance(n, ast.AnnAssign)]
        options = ("init=False", "kw_only=True")
        own = [n for n in fields if not any(o in ast.unparse(n.value or n) for o in options)]
        return [ast.unparse(n.target) for n in own if "ClassVar" not in ast.unparse(n.annotation)]
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__":
            return [a.arg for a in method.args.posonlyargs + method.args.args][1:]
    return []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_long_constructors_are_keyword_only(path):
    for node in nodes(path):
        if isinstance(node, ast.ClassDef):
            assert len(positional_arguments(node)) <= MOST_POSITIONAL, node.name
