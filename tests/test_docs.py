"""Checks that README and docs are true: paths, links, commands, settings, examples, rooms."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from depmap_cli.cli import app
from depmap_cli.io.settings import check_settings, read_settings
from depmap_cli.report.score.columns import SCORES
from depmap_cli.results import SCHEMA_VERSION, Report, Timeline, Trace
from depmap_cli.results.columns import names_of
from depmap_cli.results.frame_table import FRAMES, OPENFACE
from tests.test_architecture import MODEL, ROOMS, comments, equations

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
CURRENT = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "weights/README.md",
    *sorted(ROOT.glob("examples/**/README.md")),
    *PAGES,
]
"""Documents that describe the present. The changelog and the measurements also name the past."""
ARCHITECTURE = ROOT / "docs/architecture.md"
LOG = ROOT / "benchmarks/LOG.md"
MOST_FILES = 12

COMMANDS, PYTHON, SETTINGS, OUTPUT = {"sh", "powershell"}, {"python"}, {"yaml"}, {"console", "text"}
LANGUAGES = COMMANDS | PYTHON | SETTINGS | OUTPUT

README_SCORE = "depmap score examples/interview.mp4"
README_FOLDER = "depmap score examples/avec2014-mini/Development -r -o results --jobs 2"
EXECUTED = (
    README_SCORE,
    README_FOLDER,
    "depmap doctor",
    "depmap info",
    "depmap weights list",
    "depmap weights verify",
    "depmap score examples/interview.mp4 -o results",
    "depmap train --data examples/avec2014-mini --dry-run",
    "depmap train --data examples/avec2014-mini --simulated --out run --set train.epochs=2",
    "depmap evaluate --data examples/avec2014-mini --weights run/weights.safetensors -o evaluation",
    "depmap score examples/interview.mp4 --weights run/weights.safetensors",
)
"""Command lines of the documents that are run, in this order, beside a copy of ``examples/``."""

FENCE = re.compile(r"^( *)```([\w-]*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
CODE_PATH = re.compile(r"(?<![\w./-])((?:depmap_cli|tests|benchmarks|docs|weights)/[\w./-]*\w/?)")
SETTING = re.compile(r"^(faces|model|train)\.(?!csv)(\w+)$")
SEPARATORS = {"&&", "||", "|", ";", "&"}


@dataclass(frozen=True)
class Block:
    """A fenced code block of a document."""

    path: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def blocks(path):
    text = path.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield Block(path, line, match[2], match[3])


def prose(path):
    return FENCE.sub("", path.read_text(encoding="utf-8"))


ALL_BLOCKS = [block for path in CURRENT for block in blocks(path)]


def of_language(languages):
    return [block for block in ALL_BLOCKS if block.language in languages]


def depmap_lines(block):
    """The arguments of each ``depmap`` command in a block, without the name of the program."""
    text = re.sub(r"\\\n\s*", " ", block.text)
    text = re.sub(r"<<'(\w+)'\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    if block.language == "powershell":
        text = text.replace("\\", "/")
    for line in text.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;()<>")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word in SEPARATORS:
                yield from arguments_of(words)
                words = []
            else:
                words.append(word)


def arguments_of(words):
    for i, word in enumerate(words):
        if word.endswith("/bin/depmap") or word == "depmap" or words[i - 1 : i + 1] == MODULE:
            arguments = words[i + 1 :]
            redirected = [n for n, w in enumerate(arguments) if set(w) <= set("<>") and w]
            yield arguments[: redirected[0]] if redirected else arguments
            return


MODULE = ["-m", "depmap_cli"]


def resolve(arguments):
    """The command that arguments name, its full name, and what is left for it."""
    command, name = get_command(app), "depmap"
    arguments = list(arguments)
    while hasattr(command, "commands"):
        while arguments and arguments[0].startswith("-"):
            assert arguments[0] in option_names(command), f"{name} {arguments[0]}"
            arguments.pop(0)
        if not arguments:
            break
        name = f"{name} {arguments[0]}"
        assert arguments[0] in command.commands, name
        command = command.commands[arguments.pop(0)]
    return command, name, arguments


def option_names(command):
    options = {"--help"}
    for parameter in command.params:
        options |= {*parameter.opts, *parameter.secondary_opts}
    return options


COMMAND_LINES = [
    pytest.param(arguments, id=f"{block}: {' '.join(arguments[:2])}")
    for block in of_language(COMMANDS)
    for arguments in depmap_lines(block)
]


def test_commands_are_found():
    assert len(COMMAND_LINES) >= 40


@pytest.mark.parametrize("block", ALL_BLOCKS, ids=str)
def test_every_block_says_what_it_is(block):
    assert block.language in LANGUAGES, f"{block}: {block.language!r}"


@pytest.mark.parametrize("arguments", COMMAND_LINES)
def test_command_lines_parse(arguments):
    command, name, rest = resolve(arguments)
    if not hasattr(command, "commands"):
        command.make_context(name, rest)  # raises a usage error


@pytest.mark.parametrize("arguments", COMMAND_LINES)
def test_settings_on_command_lines_exist(arguments):
    pairs = [
        value for flag, value in zip(arguments, arguments[1:], strict=False) if flag == "--set"
    ]
    if not any(value.isupper() for value in pairs):
        read_settings(pairs)


@pytest.mark.parametrize("path", CURRENT, ids=lambda path: str(path.relative_to(ROOT)))
def test_inline_commands_have_the_options_they_show(path):
    for code in INLINE.findall(prose(path)):
        words = code.split()
        if words[0] == "depmap" and len(words) > 1 and not words[1].isupper():
            command, name, rest = resolve(words[1:])
            for word in rest:
                if re.fullmatch(r"--?[a-z][a-z-]*", word):
                    assert word in option_names(command), f"{name} {word}"


@pytest.mark.parametrize("path", CURRENT, ids=lambda path: str(path.relative_to(ROOT)))
def test_inline_settings_exist(path):
    for code in INLINE.findall(prose(path)):
        if match := SETTING.match(code.split("=")[0]):
            section = getattr(check_settings({}), match[1])
            assert hasattr(section, match[2]), code


@pytest.mark.parametrize("block", of_language(SETTINGS), ids=str)
def test_settings_blocks_are_valid(block):
    check_settings(yaml.safe_load(block.text))


@pytest.mark.parametrize("path", CURRENT, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_exist(path):
    for name in CODE_PATH.findall(path.read_text(encoding="utf-8")):
        if Path(name).suffix in {".py", ".md", ".csv"} or name.endswith("/"):
            assert (ROOT / name).exists(), name


@pytest.mark.parametrize(
    "path",
    [*CURRENT, ROOT / "CHANGELOG.md", *sorted((ROOT / "benchmarks").glob("*.md"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_links_lead_somewhere(path):
    for target in LINK.findall(prose(path)):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def table_rows(text, heading):
    """The cells of the first table under a heading, without its two head rows."""
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0] if heading else text
    table = re.search(r"(?:^\|.*\|\n)+", section, re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()]
    return rows[2:]


def test_architecture_lists_the_rooms_in_order():
    rows = table_rows(ARCHITECTURE.read_text(encoding="utf-8"), None)
    listed = [row[0].strip("`").removeprefix("depmap_cli/").strip("/") for row in rows]
    assert [name.removesuffix(".py") for name in listed] == list(ROOMS)
    assert all(row[1] for row in rows)


@pytest.mark.parametrize(
    "heading",
    [
        "A video from `depmap score` to `report.html`",
        "A labelled folder from `depmap train` to weights",
    ],
)
def test_the_way_through_the_code_is_short_and_true(heading):
    rows = table_rows(ARCHITECTURE.read_text(encoding="utf-8"), heading)
    assert 0 < len(rows) <= MOST_FILES
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    for _, path, what in rows:
        source = (ROOT / path.strip("`")).read_text(encoding="utf-8")
        name = INLINE.findall(what)[0]
        assert re.search(rf"^(?:def|class) {name}\b", source, re.MULTILINE), (path, name)


def test_architecture_names_the_file_of_each_equation():
    rows = table_rows(ARCHITECTURE.read_text(encoding="utf-8"), "The paper's equations")
    listed = {}
    for numbers, path, _ in rows:
        cited = [int(n) for n in re.findall(r"\d+", numbers)]
        span = range(cited[0], cited[-1] + 1) if " to " in numbers else cited
        listed |= dict.fromkeys(span, path.strip("`"))
    marked = {
        number: str(path.relative_to(ROOT))
        for path in MODEL
        for number in equations(comments(path.read_text(encoding="utf-8")))
    }
    assert listed == marked


def documented(name, page):
    """Whether a page names a column; of numbered columns, it names the first and the last."""
    if re.fullmatch(r"AU\d\d(_[rc])?|[xy]_\d", name):
        return True
    return f"`{name}`" in page


@pytest.mark.parametrize("columns", [FRAMES, OPENFACE, SCORES], ids=["frames", "aus", "scores"])
def test_the_page_on_result_files_names_every_column(columns):
    page = (ROOT / "docs/outputs.md").read_text(encoding="utf-8")
    names = names_of(columns)
    assert [name for name in names if not documented(name, page)] == []
    for suffix in ("", "_r", "_c"):
        family = sorted(n for n in names if re.fullmatch(rf"AU\d\d{suffix}", n))
        assert not family or f"`{family[0]}` ... `{family[-1]}`" in page
    if "x_0" in names:
        assert "`x_0` ... `x_4`, `y_0` ... `y_4`" in page


@pytest.mark.parametrize("part", [Report, Timeline, Trace])
def test_the_page_on_result_files_names_every_key(part):
    page = (ROOT / "docs/outputs.md").read_text(encoding="utf-8")
    assert [name for name in part.model_fields if f"`{name}`" not in page] == []
    assert f"version {SCHEMA_VERSION}" in page


def test_measurements_are_numbered_in_order():
    numbers = re.findall(r"^## L(\d\d)$", LOG.read_text(encoding="utf-8"), re.MULTILINE)
    assert numbers == [f"{n:02d}" for n in range(1, len(numbers) + 1)]


def test_measurements_that_the_code_refers_to_exist():
    known = set(re.findall(r"^## (L\d\d)$", LOG.read_text(encoding="utf-8"), re.MULTILINE))
    for path in [*(ROOT / "depmap_cli").rglob("*.py"), *CURRENT]:
        cited = set(re.findall(r"\bL\d\d\b", path.read_text(encoding="utf-8")))
        assert cited <= known, path


def test_commands_to_run_are_in_the_documents():
    shown = {" ".join(a) for param in COMMAND_LINES for a in param.values}
    assert {line.removeprefix("depmap ") for line in EXECUTED} <= shown


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder like the repository for what documents show, and the environment of commands."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(ROOT / "examples", folder / "examples")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    environment["DEPMAP_CACHE"] = str(folder / "cache")
    return folder, environment


def run_program(workplace, *arguments):
    folder, environment = workplace
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("block", of_language(PYTHON), ids=str)
def test_python_blocks_run(block, workplace):
    done = run_program(workplace, "-W", "ignore", "-c", block.text)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def outputs(workplace):
    """What the documents' commands print, by command line; each must succeed."""
    printed = {}
    for line in EXECUTED:
        done = run_program(workplace, *MODULE, *shlex.split(line)[1:])
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        printed[line] = done.stdout
    return printed


@pytest.mark.slow
def test_commands_of_the_documents_run(outputs, workplace):
    for name in ("results/scores.csv", "run/weights.safetensors", "evaluation/evaluation.json"):
        assert (workplace[0] / name).exists(), name


@pytest.mark.slow
@pytest.mark.parametrize("line", [README_SCORE, README_FOLDER])
def test_readme_shows_real_output(outputs, line):
    readme = list(blocks(ROOT / "README.md"))
    at = next(i for i, block in enumerate(readme) if block.text.strip() == line)
    assert readme[at + 1].language == "console"
    printed = {text.rstrip() for text in outputs[line].splitlines()}
    shown = [text.rstrip() for text in readme[at + 1].text.splitlines() if text.strip() != "..."]
    assert [text for text in shown if text not in printed] == []


@pytest.mark.slow
def test_the_site_builds_without_warnings(tmp_path):
    pytest.importorskip("mkdocs", reason="needs the extra docs")
    arguments = [
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "--site-dir",
        str(tmp_path / "site"),
    ]
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site/index.html").exists()
    page = (tmp_path / "site/index.html").read_text(encoding="utf-8")
    assert "fonts.googleapis.com" not in page
