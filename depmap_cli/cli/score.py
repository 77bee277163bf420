"""`depmap score`: parses, calls the library once, renders."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress, TaskID

from depmap_cli.cli.options import (
    ClipOption,
    ClipWeightsOption,
    DeviceOption,
    NetworkOption,
    PicturesOption,
    PictureStyle,
    QuietOption,
    WeightsOption,
)
from depmap_cli.cli.terminal import progress_bar
from depmap_cli.config import SubjectRule

if TYPE_CHECKING:
    from depmap_cli.score import ScoreOptions


class FileFormat(StrEnum):
    """What ``--format`` takes."""

    json = "json"
    csv = "csv"
    html = "html"
    all = "all"


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
    weights: WeightsOption = None,
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
    pictures: PicturesOption = PictureStyle.drawing,
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
    with progress_bar(quiet) as bar:
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


def _update(bar: Progress, task: TaskID, share: float) -> None:
    bar.update(task, completed=share)
