"""`depmap score`: parses, calls the library once, renders."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

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
from depmap_cli.cli.terminal import one_line, progress_bar
from depmap_cli.config import MAX_FRAMES, MAX_RATE, MIN_FRAMES, SubjectRule


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
        int | None,
        typer.Option(min=MIN_FRAMES, max=MAX_FRAMES, help="Frames spread evenly over the video."),
    ] = None,
    fps: Annotated[
        float | None, typer.Option(max=MAX_RATE, help="Frames a second, instead.")
    ] = None,
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
    from depmap_cli.report.outputs import Outputs
    from depmap_cli.score import ScoreOptions, Scorer

    options = ScoreOptions(frames, fps, start, end, subject, keyframes, coverage, au_csv)
    kinds = frozenset(f.value for f in formats or [FileFormat.all])
    outputs = Outputs(output, kinds, pictures.value, as_json, quiet, several=len(items) > 1)
    outputs.check()
    reports = []
    with progress_bar(quiet) as bar:
        with one_line(bar, "loading weights", total=None):
            scorer = Scorer.load(weights, device, clip, clip_weights, allow_network)
        for item in items:
            with one_line(bar, item.name) as told:
                reports.append(outputs.write(scorer.score(item.path, options, item.name, told)))
            outputs.keep(reports)
            outputs.show(reports[-1])
    outputs.finish(reports)
    raise typer.Exit(code=exit_code(reports))
