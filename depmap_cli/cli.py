"""The command line: each command parses, calls the library once, renders. Torch loads inside."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from depmap_cli import __version__
from depmap_cli.config import Config, SemanticsTrainConfig, SubjectRule
from depmap_cli.errors import EXIT_RUN, DepmapError, UsageProblem

if TYPE_CHECKING:
    from depmap_cli.score import ScoreOptions

app = typer.Typer(
    name="depmap",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
    help="Estimate the BDI-II depression score (0 to 63) from a video of a face. "
    "Research software, not a diagnosis.",
    epilog="Exit codes: 0 all scored, 1 run error, 2 usage, 3 some files failed, "
    "4 nothing could be scored.",
)


class FileFormat(StrEnum):
    """What ``--format`` takes."""

    json = "json"
    csv = "csv"
    html = "html"
    all = "all"


class PictureStyle(StrEnum):
    """How key frames are drawn; only ``raw`` shows the person."""

    drawing = "drawing"
    blur = "blur"
    raw = "raw"


DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.", envvar="DEPMAP_DEVICE")]
DataOption = Annotated[
    Path, typer.Option(help="Corpus folder in AVEC's layout, or a manifest CSV.")
]
CacheOption = Annotated[
    Path | None, typer.Option(help="Where aligned faces are kept.", envvar="DEPMAP_CACHE")
]
JobsOption = Annotated[int, typer.Option(min=1, help="Processes that prepare faces.")]
SimulatedOption = Annotated[
    bool, typer.Option("--simulated", help="The faces are rendered; reports will say so.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")]
ClipOption = Annotated[str | None, typer.Option("--clip", help="open_clip model name.")]
ClipWeightsOption = Annotated[
    str | None, typer.Option("--clip-weights", help="Its safetensors file, or a pretrained tag.")
]
NetworkOption = Annotated[
    bool, typer.Option("--allow-network", help="Let a pretrained tag be downloaded.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="A setting, e.g. train.epochs=10. Repeatable.")
]


def main() -> None:
    """The ``depmap`` command: library errors become one line and their exit code."""
    try:
        app()
    except DepmapError as error:
        _fail(error)
    except KeyboardInterrupt:
        Console(stderr=True).print("interrupted")
        sys.exit(130)


def _fail(error: DepmapError) -> NoReturn:
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(f"[bold red]error:[/] {escape(error.message)}")
    if error.hint:
        console.print(f"[bold]hint:[/] {escape(error.hint)}")
    sys.exit(error.exit_code)


def _version(asked: bool | None) -> None:
    if asked:
        typer.echo(f"depmap {__version__}")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool | None,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = None,
) -> None:
    """Only ``--version`` stands before the commands."""


@app.command()
def score(
    paths: Annotated[
        list[str], typer.Argument(help="Videos, folders or glob patterns.", metavar="PATH...")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for result files.")
    ] = None,
    formats: Annotated[
        list[FileFormat] | None, typer.Option("--format", "-f", help="Files to write; default all.")
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Folders below folders, too.")
    ] = False,
    weights: Annotated[
        Path | None, typer.Option(help="Dep-MAP weights; default: those shipped.")
    ] = None,
    device: DeviceOption = "auto",
    frames: Annotated[
        int | None, typer.Option(min=1, help="Frames spread evenly over the video.")
    ] = None,
    fps: Annotated[float | None, typer.Option(help="Frames a second, instead.")] = None,
    start: Annotated[float, typer.Option(min=0, help="First second used.")] = 0.0,
    end: Annotated[float | None, typer.Option(help="Second at which use stops.")] = None,
    subject: Annotated[
        SubjectRule, typer.Option(help="Which face, if there are several.")
    ] = SubjectRule.largest,
    keyframes: Annotated[int, typer.Option(min=0, max=100, help="Key frames to show.")] = 6,
    pictures: Annotated[
        PictureStyle, typer.Option(help="Key-frame pictures; only raw shows the person's face.")
    ] = PictureStyle.drawing,
    coverage: Annotated[
        float, typer.Option(min=0.5, max=0.99, help="Of the prediction interval.")
    ] = 0.9,
    au_csv: Annotated[
        Path | None, typer.Option("--au-csv", help="OpenFace CSV, or a folder with one a video.")
    ] = None,
    clip: ClipOption = None,
    clip_weights: ClipWeightsOption = None,
    allow_network: NetworkOption = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON line a video on stdout, no more.")
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Score videos: an estimate of the BDI-II, its interval, key frames and action units.

    Examples:

      depmap score interview.mp4

      depmap score recordings/ --recursive -o results/

      depmap score *.mp4 --json | jq .estimate.score
    """
    from depmap_cli.batch import exit_code, find_videos

    if fps is not None and fps <= 0:
        raise typer.BadParameter("--fps must be above 0")
    if end is not None and end <= start:
        raise typer.BadParameter(f"--end {end:g} must lie after --start {start:g}")
    if formats and output is None:
        raise typer.BadParameter("--format needs --output")
    items = find_videos(paths, recursive)
    options = _options(frames, fps, start, end, subject, keyframes, coverage, au_csv)
    from depmap_cli.report.outputs import Outputs
    from depmap_cli.score import Scorer

    outputs = Outputs(
        output, frozenset(f.value for f in formats or [FileFormat.all]), pictures.value
    )
    with _bar(quiet) as bar:
        loading = bar.add_task("loading weights", total=None)
        scorer = Scorer.load(weights, device, clip, clip_weights, allow_network)
        bar.remove_task(loading)
        reports = []
        for item in items:
            task = bar.add_task(item.name, total=1.0)
            told = partial(_update, bar, task)
            result = scorer.score(item.path, options, item.name, told)
            reports.append(outputs.write(result))
            bar.remove_task(task)
            outputs.show(reports[-1], as_json, quiet, several=len(items) > 1)
    outputs.finish(reports, as_json, quiet)
    raise typer.Exit(code=exit_code(reports))


def _options(
    frames: int | None,
    fps: float | None,
    start: float,
    end: float | None,
    subject: SubjectRule,
    keyframes: int,
    coverage: float,
    au_csv: Path | None,
) -> "ScoreOptions":
    from depmap_cli.score import ScoreOptions

    return ScoreOptions(frames, fps, start, end, subject, keyframes, coverage, au_csv)


@app.command()
def train(
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Run folder: logs, state, weights.")] = Path(
        "depmap-run"
    ),
    device: DeviceOption = "auto",
    clip: ClipOption = None,
    clip_weights: ClipWeightsOption = None,
    allow_network: NetworkOption = False,
    settings: SetOption = None,
    statement: Annotated[
        str | None, typer.Option(help="What the data is; stored with the weights and shown.")
    ] = None,
    simulated: SimulatedOption = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the run folder stopped.")
    ] = False,
    cache: CacheOption = None,
    jobs: JobsOption = 2,
    quiet: QuietOption = False,
) -> None:
    """Train on the Training split, select on Development. Testing is never read.

    Example: depmap train --data avec2014/ --out run/
    """
    from depmap_cli.workflows import train_run

    with _bar(quiet) as bar:
        lines = train_run(
            data,
            out,
            read_settings(settings or []),
            device,
            (clip, clip_weights, allow_network),
            (statement, simulated),
            resume,
            cache,
            jobs,
            _stage_progress(bar),
            partial(_note, quiet=quiet),
        )
    _note("\n".join(lines), quiet)


@app.command("train-semantics")
def train_semantics_command(
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Weights file to write.")] = Path(
        "depmap-au-resnet18.safetensors"
    ),
    statement: Annotated[
        str | None, typer.Option(help="What the data is; stored with the weights.")
    ] = None,
    simulated: SimulatedOption = False,
    epochs: Annotated[int, typer.Option(min=1)] = 12,
    batch_size: Annotated[int, typer.Option(min=2)] = 96,
    seed: Annotated[int, typer.Option(min=0)] = 3407,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on at the last finished epoch.")
    ] = False,
    cache: CacheOption = None,
    jobs: JobsOption = 2,
    quiet: QuietOption = False,
) -> None:
    """Train the small open_clip model on a corpus with known action units (ground_truth/)."""
    from depmap_cli.workflows import train_semantics_run

    with _bar(quiet) as bar:
        lines = train_semantics_run(
            data,
            out,
            SemanticsTrainConfig(epochs=epochs, batch_size=batch_size, seed=seed),
            (statement, simulated),
            resume,
            cache,
            jobs,
            _stage_progress(bar),
            partial(_note, quiet=quiet),
        )
    _note("\n".join(lines), quiet)


@app.command()
def prepare(
    data: DataOption, cache: CacheOption = None, jobs: JobsOption = 2, quiet: QuietOption = False
) -> None:
    """Align and keep the faces of a whole corpus, so that training starts at once."""
    from depmap_cli.workflows import prepare_run

    with _bar(quiet) as bar:
        lines = prepare_run(data, cache, jobs, _stage_progress(bar))
    _note("\n".join(lines), quiet)


class Split(StrEnum):
    """What ``--split`` takes."""

    Development = "Development"
    Testing = "Testing"


@app.command()
def evaluate(
    data: DataOption,
    weights: Annotated[
        Path | None, typer.Option(help="Dep-MAP weights; default: those shipped.")
    ] = None,
    split: Annotated[Split, typer.Option(help="Which split is scored.")] = Split.Testing,
    frames: Annotated[int | None, typer.Option(min=1, help="Frames a video.")] = None,
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON on stdout.")] = False,
    cache: CacheOption = None,
    jobs: JobsOption = 2,
    quiet: QuietOption = False,
) -> None:
    """RMSE, MAE, PCC and CCC on a labelled corpus, beside the constant-mean baseline.

    Example: depmap evaluate --data avec2014/ --weights run/weights.safetensors
    """
    from depmap_cli.report.evaluation import render_evaluation
    from depmap_cli.workflows import evaluate_run

    with _bar(quiet) as bar:
        result = evaluate_run(
            data, weights, split.value, frames, device, cache, jobs, _stage_progress(bar)
        )
    if as_json:
        typer.echo(json.dumps(result.as_dict()))
    else:
        render_evaluation(Console(), result, split.value)


@app.command()
def doctor(device: DeviceOption = "auto") -> None:
    """Check the installation, end to end, on the bundled interview."""
    from depmap_cli.diagnosis import examine

    console = Console()
    failed = False
    for check in examine(device):
        mark = "[green]ok[/]  " if check.ok else "[red]FAIL[/]"
        console.print(f"{mark} {escape(check.name)}: {escape(check.detail)}")
        failed = failed or not check.ok
    if failed:
        raise typer.Exit(code=EXIT_RUN)


@app.command()
def info(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="The JSON schema of score.json.")
    ] = False,
) -> None:
    """List weights, versions and devices."""
    from depmap_cli.diagnosis import describe

    if schema:
        from depmap_cli.report.files import report_schema

        typer.echo(json.dumps(report_schema(), indent=2))
        return
    found = describe()
    if as_json:
        typer.echo(json.dumps(found))
        return
    console = Console()
    for section, content in found.items():
        console.print(f"[bold]{escape(section)}[/]")
        console.print_json(json.dumps(content))


def read_settings(pairs: list[str]) -> Config:
    """The configuration with ``section.name=value`` pairs put over its defaults.

    Raises:
        UsageProblem: a pair without "=", an unknown setting or a value out of bounds; names them.
    """
    from pydantic import ValidationError

    tree: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or "." not in key:
            raise UsageProblem(f"--set {pair}: expected section.name=value", "e.g. train.epochs=10")
        section, name = key.split(".", 1)
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        tree.setdefault(section, {})[name] = value
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageProblem(f"--set {where}: {first['msg']}", "see depmap_cli/config.py") from error


@contextmanager
def _bar(quiet: bool) -> Iterator[Progress]:
    """A transient progress display on stderr; silent when asked, or when not a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=quiet or not console.is_terminal
    ) as bar:
        yield bar


def _update(bar: Progress, task: TaskID, share: float) -> None:
    bar.update(task, completed=share)


def _stage_progress(bar: Progress) -> Callable[[str, int, int], None]:
    """A callback (stage, done, total) that keeps one line a stage."""
    tasks: dict[str, Any] = {}

    def told(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = bar.add_task(stage, total=total)
        bar.update(tasks[stage], completed=done, total=total)

    return told


def _note(text: str, quiet: bool) -> None:
    if not quiet:
        Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False)
