"""`depmap score`: parses options, scores a batch of one or more videos and shows the results."""

from collections.abc import Sequence
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from depmap_cli.cli.command import is_explicit
from depmap_cli.cli.shared_options import (
    AllowNetworkOption,
    DeviceOption,
    PictureStyle,
    QuietOption,
    SemanticModelOption,
    SemanticWeightsOption,
    WeightsOption,
)
from depmap_cli.cli.terminal import BatchBars, note
from depmap_cli.config import (
    DEFAULT_RATE,
    MAX_FRAMES,
    MAX_RATE,
    MIN_FRAMES,
    STEADY_FRAMES,
    SubjectRule,
)
from depmap_cli.errors import EXIT_OK, EXIT_PARTIAL

if TYPE_CHECKING:
    from depmap_cli.batch.job import Job, ScoringTask
    from depmap_cli.batch.run import ScoringBatch
    from depmap_cli.batch.workers import Worker
    from depmap_cli.report.score.terminal_output import TerminalOutput
    from depmap_cli.results import Report

_BATCHES = "Batches"


class FileFormat(StrEnum):
    """Values of ``--format``."""

    json = "json"
    csv = "csv"
    html = "html"
    all = "all"


class Engine(StrEnum):
    """Values of ``--engine``."""

    local = "local"
    ray = "ray"


def score(
    paths: Annotated[
        list[str], typer.Argument(help="Videos, folders or glob patterns.", metavar="PATH...")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Results folder. The files of video NAME go to OUTPUT/NAME/, or to "
            "OUTPUT/NAME.results/ if OUTPUT/NAME is a file, as in the folder of the videos. "
            "Default: no files are written.",
        ),
    ] = None,
    formats: Annotated[
        list[FileFormat] | None,
        typer.Option(
            "--format",
            "-f",
            help="Format of the result files; needs --output. May be repeated. Default: all.",
        ),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Search subfolders for videos.")
    ] = False,
    weights: WeightsOption = None,
    device: DeviceOption = "auto",
    frames: Annotated[
        int | None,
        typer.Option(
            min=MIN_FRAMES,
            max=MAX_FRAMES,
            help="Number of frames, sampled evenly from the video, in place of --fps.",
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(
            max=MAX_RATE,
            help=f"Frames per second to sample. Default: {DEFAULT_RATE:g}; more if the video is so "
            f"short that it would have fewer than {STEADY_FRAMES} frames.",
        ),
    ] = None,
    every_frame: Annotated[
        bool, typer.Option("--every-frame", help="Use every frame, in place of --fps.")
    ] = False,
    start: Annotated[float, typer.Option(min=0, help="Start of the part used, in seconds.")] = 0.0,
    end: Annotated[
        float | None,
        typer.Option(help="End of the part used, in seconds. Default: the end of the video."),
    ] = None,
    subject: Annotated[
        SubjectRule, typer.Option(help="Which face to score if a video shows several.")
    ] = SubjectRule.largest,
    keyframes: Annotated[
        int, typer.Option(min=0, max=100, help="Number of key frames in the report.")
    ] = 6,
    pictures: Annotated[
        PictureStyle,
        typer.Option(
            help="Style of the key-frame pictures and of the overlay; needs --output. Only raw "
            "shows the face."
        ),
    ] = PictureStyle.drawing,
    overlay: Annotated[
        bool,
        typer.Option(
            "--overlay",
            help="Write overlay.mp4, a video with face, action units and traces drawn in; needs "
            "--output. It shows the recording itself only with --pictures raw.",
        ),
    ] = False,
    coverage: Annotated[
        float, typer.Option(min=0.5, max=0.99, help="Coverage of the prediction interval.")
    ] = 0.9,
    au_csv: Annotated[
        Path | None,
        typer.Option(
            "--au-csv",
            help="CSV of OpenFace, or aus.csv of depmap, with the action units of the video, or a "
            "folder with one CSV per video. Default: the semantic model reads them.",
        ),
    ] = None,
    semantic_model: SemanticModelOption = None,
    semantic_weights: SemanticWeightsOption = None,
    allow_network: AllowNetworkOption = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one line of JSON per video to stdout, nothing else."),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            help="Number of videos scored at the same time, each in a process of its own. "
            "Default: 1; with Ray, as many as the cluster has room for.",
            rich_help_panel=_BATCHES,
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            help="i/n: score every n-th video from the i-th, for array jobs. Default: all videos.",
            rich_help_panel=_BATCHES,
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite/--resume",
            help="Score all videos again, or (--resume, the default) skip those that are done "
            "with the same settings and weights. Needs --output.",
            rich_help_panel=_BATCHES,
        ),
    ] = False,
    timeout: Annotated[
        float,
        typer.Option(
            min=1,
            help="Seconds without progress after which a video fails. A single video has no limit "
            "unless this option is given.",
            rich_help_panel=_BATCHES,
        ),
    ] = 600.0,
    engine: Annotated[
        Engine,
        typer.Option(help="Score on this machine or on a Ray cluster.", rich_help_panel=_BATCHES),
    ] = Engine.local,
    gpus_per_worker: Annotated[
        float,
        typer.Option(
            min=0,
            help="Fraction of a GPU for each worker; needs --engine ray.",
            rich_help_panel=_BATCHES,
        ),
    ] = 0.0,
    quiet: QuietOption = False,
) -> None:
    """Score videos: estimate the BDI-II score, its interval, key frames and action units.

    Examples:

      depmap score interview.mp4

      depmap score recordings/ --recursive -o results/ --jobs 4

      depmap score *.mp4 --json | jq .estimate.score
    """
    _check_times(start, end, fps)
    _check_dependent_options(output, overwrite, engine)
    from depmap_cli.batch.inputs import find_videos, select_part
    from depmap_cli.batch.job import Job
    from depmap_cli.batch.run import ScoringBatch
    from depmap_cli.io.output_files import check_folder
    from depmap_cli.report.score.terminal_output import TerminalOutput
    from depmap_cli.scoring.options import ScoreOptions

    videos = find_videos(paths, recursive, lambda text: note(text, quiet))
    items = select_part(videos, part)
    if not items:
        note(f"--part {part}: this part holds none of the {len(videos)} videos", quiet)
        return
    if output is not None:
        check_folder(output)
    job = Job(
        options=ScoreOptions(
            frames=frames,
            fps=fps,
            every_frame=every_frame,
            start=start,
            end=end,
            subject=subject,
            keyframes=keyframes,
            coverage=coverage,
            au_csv=au_csv,
        ),
        formats=_file_formats(formats) if output is not None else frozenset(),
        pictures=pictures.value,
        overlay=overlay,
        weights=weights,
        device=device,
        semantic_model=semantic_model,
        semantic_weights=semantic_weights,
        allow_network=allow_network,
    )
    batch = ScoringBatch(
        items=items,
        job=job,
        folder=output,
        overwrite=overwrite,
        extra_settings={"part": part, "jobs": jobs, "engine": engine.value},
    )
    in_process = len(videos) == 1 and not (is_explicit("jobs") or is_explicit("timeout"))
    if engine is Engine.ray:
        workers = _ray_workers(job, len(items), jobs, gpus_per_worker, timeout)
    else:
        workers = _local_workers(job, len(items), jobs or 1, None if in_process else timeout)
    outputs = TerminalOutput(folder=output, as_json=as_json, quiet=quiet, several=len(videos) > 1)
    raise typer.Exit(code=_score_and_show(batch, workers, outputs))


def _check_times(start: float, end: float | None, fps: float | None) -> None:
    if not all(map(isfinite, (start, end or 0.0))):
        raise typer.BadParameter("--start and --end must be finite numbers of seconds")
    if fps is not None and fps <= 0:
        raise typer.BadParameter("--fps must be above 0")
    if end is not None and end <= start:
        raise typer.BadParameter(f"--end {end:g} must be after --start {start:g}")


def _check_dependent_options(output: Path | None, overwrite: bool, engine: Engine) -> None:
    """Refuse options that would have no effect without another one."""
    if output is None:
        for parameter, option in (
            ("formats", "--format"),
            ("pictures", "--pictures"),
            ("overlay", "--overlay"),
            ("overwrite", "--overwrite" if overwrite else "--resume"),
        ):
            if is_explicit(parameter):
                raise typer.BadParameter(f"{option} needs --output, the folder for result files")
    if is_explicit("gpus_per_worker") and engine is not Engine.ray:
        raise typer.BadParameter("--gpus-per-worker needs --engine ray")


def _file_formats(formats: list[FileFormat] | None) -> frozenset[str]:
    from depmap_cli.report.score.files import FORMATS

    names = frozenset(f.value for f in formats or [FileFormat.all])
    return frozenset(FORMATS) if FileFormat.all.value in names else names


def _local_workers(
    job: "Job", n_videos: int, jobs: int, timeout: float | None
) -> Sequence["Worker"]:
    """Make worker processes, or without a timeout one worker in this process."""
    from depmap_cli.batch import workers

    if timeout is None:
        return [workers.InProcessWorker(job)]
    return workers.local_workers(job, n_videos, jobs, timeout)


def _ray_workers(
    job: "Job", n_videos: int, jobs: int | None, gpus: float, timeout: float
) -> Sequence["Worker"]:
    from depmap_cli.batch.ray_workers import ray_workers

    return ray_workers(job, n_videos, jobs, gpus, timeout)


def _score_and_show(
    batch: "ScoringBatch", workers: Sequence["Worker"], outputs: "TerminalOutput"
) -> int:
    """Score a batch, show its results, and return the exit code."""
    from depmap_cli.batch.run import exit_code, score_batch

    try:
        with BatchBars(len(batch.items), outputs.quiet) as bars:
            outcome = score_batch(batch, workers, _TerminalListener(bars, outputs))
    finally:
        outputs.flush()
    outputs.finish(outcome.reports)
    code = exit_code(outcome.reports)
    if outcome.write_error is not None:
        note(f"error: {outcome.write_error}", quiet=False)
        code = EXIT_PARTIAL if code == EXIT_OK else code
    return code


class _TerminalListener:
    """Shows progress and results in the terminal; a ``BatchListener``."""

    def __init__(self, bars: BatchBars, outputs: "TerminalOutput") -> None:
        self._bars, self._outputs = bars, outputs

    def on_progress(self, task: "ScoringTask", fraction: float) -> None:
        self._bars.update(task.number, task.name, fraction)

    def on_result(self, number: int, report: "Report", already_done: bool) -> None:
        from depmap_cli.report.score.terminal_output import line_of

        self._bars.finish(number, line_of(report, already_done), already_done)
        self._outputs.show(number, report)
        if already_done and not self._outputs.several:
            note(
                "already scored with these settings; use --overwrite to score it again",
                self._outputs.quiet,
            )

    def on_message(self, text: str) -> None:
        note(text, self._outputs.quiet)
