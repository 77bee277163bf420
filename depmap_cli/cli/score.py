"""`depmap score`: parses, calls the library once, renders."""

from collections.abc import Sequence
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from depmap_cli.cli.options import (
    DeviceOption,
    NetworkOption,
    PicturesOption,
    PictureStyle,
    QuietOption,
    SemanticModelOption,
    SemanticWeightsOption,
    WeightsOption,
)
from depmap_cli.cli.terminal import BatchBars, note
from depmap_cli.config import MAX_FRAMES, MAX_RATE, MIN_FRAMES, SubjectRule
from depmap_cli.errors import EXIT_OK, EXIT_PARTIAL

if TYPE_CHECKING:
    from depmap_cli.batch.job import Job, ScoringTask
    from depmap_cli.batch.run import ScoringBatch
    from depmap_cli.batch.run_manifest import Setting
    from depmap_cli.batch.workers import Worker
    from depmap_cli.report.score.outputs import Outputs
    from depmap_cli.results import Report

_BATCHES = "Batches"


class FileFormat(StrEnum):
    """What ``--format`` takes."""

    json = "json"
    csv = "csv"
    html = "html"
    all = "all"


class Engine(StrEnum):
    """What ``--engine`` takes."""

    local = "local"
    ray = "ray"


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
    semantic_model: SemanticModelOption = None,
    semantic_weights: SemanticWeightsOption = None,
    allow_network: NetworkOption = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON line a video on stdout, no more.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            help="Videos at once; default 1, with Ray as many as fit.",
            rich_help_panel=_BATCHES,
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            help="i/n: every n-th video from the i-th, for array jobs.", rich_help_panel=_BATCHES
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite/--resume",
            help="Score all again; or leave videos that are done with these settings and weights.",
            rich_help_panel=_BATCHES,
        ),
    ] = False,
    timeout: Annotated[
        float,
        typer.Option(
            min=1,
            help="Seconds without progress after which a video is given up.",
            rich_help_panel=_BATCHES,
        ),
    ] = 600.0,
    engine: Annotated[
        Engine, typer.Option(help="This machine, or a Ray cluster.", rich_help_panel=_BATCHES)
    ] = Engine.local,
    gpus_per_worker: Annotated[
        float,
        typer.Option(min=0, help="Share of a GPU each, with Ray.", rich_help_panel=_BATCHES),
    ] = 0.0,
    quiet: QuietOption = False,
) -> None:
    """Score videos: an estimate of the BDI-II, its interval, key frames and action units.

    Examples:

      depmap score interview.mp4

      depmap score recordings/ --recursive -o results/ --jobs 4

      depmap score *.mp4 --json | jq .estimate.score
    """
    from depmap_cli.batch.inputs import find_videos, select_part

    if not all(map(isfinite, (start, end or 0.0))):
        raise typer.BadParameter("--start and --end must be seconds")
    if fps is not None and fps <= 0:
        raise typer.BadParameter("--fps must be above 0")
    if end is not None and end <= start:
        raise typer.BadParameter(f"--end {end:g} must lie after --start {start:g}")
    if formats and output is None:
        raise typer.BadParameter("--format needs --output")
    if gpus_per_worker and engine is not Engine.ray:
        raise typer.BadParameter("--gpus-per-worker needs --engine ray")
    found = find_videos(paths, recursive)
    items = select_part(found, part)
    if not items:
        note(f"--part {part}: none of the {len(found)} videos is in this part", quiet)
        raise typer.Exit(code=EXIT_OK)
    from depmap_cli.batch.job import Job
    from depmap_cli.batch.run import ScoringBatch
    from depmap_cli.io.output_files import check_folder
    from depmap_cli.report.score.files import FORMATS
    from depmap_cli.report.score.outputs import Outputs
    from depmap_cli.scoring.options import ScoreOptions

    options = ScoreOptions(
        frames=frames,
        fps=fps,
        start=start,
        end=end,
        subject=subject,
        keyframes=keyframes,
        coverage=coverage,
        au_csv=au_csv,
    )
    kinds = {f.value for f in formats or [FileFormat.all]} if output is not None else set()
    kinds = set(FORMATS) if FileFormat.all.value in kinds else kinds
    job = Job(
        options=options,
        formats=frozenset(kinds),
        pictures=pictures.value,
        weights=weights,
        device=device,
        semantic_model=semantic_model,
        semantic_weights=semantic_weights,
        allow_network=allow_network,
    )
    if output is not None:
        check_folder(output)
    asked: dict[str, Setting] = {"part": part, "jobs": jobs, "engine": engine.value}
    _score_and_leave(
        ScoringBatch(items=items, job=job, folder=output, overwrite=overwrite, asked=asked),
        _workers(engine, job, len(items), len(found) > 1, jobs, timeout, gpus_per_worker),
        Outputs(folder=output, as_json=as_json, quiet=quiet, several=len(found) > 1),
    )


def _workers(
    engine: Engine,
    job: "Job",
    videos: int,
    several: bool,
    jobs: int | None,
    timeout: float,
    gpus: float,
) -> Sequence["Worker"]:
    """What scores: this process for a single video, others for a batch."""
    from depmap_cli.batch import workers

    if engine is Engine.ray:
        from depmap_cli.batch.ray_workers import ray_workers

        return ray_workers(job, videos, jobs, gpus, timeout)
    return workers.local_workers(job, videos if several else 1, jobs or 1, timeout)


def _score_and_leave(
    batch: "ScoringBatch", workers: Sequence["Worker"], outputs: "Outputs"
) -> NoReturn:
    """Score, show, and leave with the exit code that tells how it went."""
    from depmap_cli.batch.inputs import exit_code
    from depmap_cli.batch.run import score_batch

    try:
        with BatchBars(len(batch.items), outputs.quiet) as bars:
            scored = score_batch(batch, workers, _Shown(bars, outputs))
    finally:
        outputs.flush()
    outputs.finish(scored.reports)
    code = exit_code(scored.reports)
    if scored.complaint is not None:
        note(f"error: {scored.complaint}", quiet=False)
        code = EXIT_PARTIAL if code == EXIT_OK else code
    raise typer.Exit(code=code)


class _Shown:
    """Tells progress and results to who waits."""

    def __init__(self, bars: BatchBars, outputs: "Outputs") -> None:
        self._bars, self._outputs = bars, outputs

    def working(self, task: "ScoringTask", share: float) -> None:
        self._bars.working(task.number, task.name, share)

    def done(self, number: int, report: "Report", before: bool) -> None:
        from depmap_cli.report.score.outputs import line_of

        self._bars.done(number, line_of(report, before), before)
        self._outputs.show(number, report)
        if before and not self._outputs.several:
            note(
                "done before with these settings; --overwrite scores it again", self._outputs.quiet
            )

    def said(self, text: str) -> None:
        note(text, self._outputs.quiet)
