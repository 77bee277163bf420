"""What a worker receives once (the job), for each video (a task), and what it returns (a result).

All three can be sent to another process. Nothing here imports torch until a worker loads the job.
"""

import secrets
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from depmap_cli import __version__
from depmap_cli.errors import DepmapError, OutputUnwritable, UnexpectedError
from depmap_cli.io.atomic_files import TEMP_PATTERN
from depmap_cli.report.score.files import render_result
from depmap_cli.results import FrameRow, Report, ScoreResult, SourceVideo, Status
from depmap_cli.runtime.debug_log import debug_enabled
from depmap_cli.runtime.progress import FractionCallback
from depmap_cli.scoring.decoding import DecodeAhead
from depmap_cli.scoring.options import ScoreOptions
from depmap_cli.scoring.timing import ScoringStage
from depmap_cli.video.reader import Frame, sample_frames

if TYPE_CHECKING:
    from depmap_cli.scoring.scorer import Scorer

TRACEBACK = "traceback.txt"
"""File in a video's results folder that holds the traceback of an unexpected error."""
OVERLAY_STAGE = "overlay"
"""Name of the time that overlays take, beside those of ``ScoringStage``."""
_SCORING_SHARE = 0.8
"""Share of the progress of a video that scoring is, if an overlay is written afterwards."""


@dataclass(frozen=True, kw_only=True)
class ScoringTask:
    """One video to score."""

    number: int  # in the batch, from 0
    path: Path
    name: str
    folder: str | None = None  # of its results, relative to OUT; None if no files are written
    scratch: Path | None = None  # folder for large files until they are stored; None like folder
    upcoming: Path | None = None  # the video that will probably be next, if one is known


@dataclass(frozen=True)
class FrameCounts:
    """Numbers of sampled frames of a video."""

    read: int = 0
    used: int = 0
    bridged: int = 0  # of those used: the face was found before and after, not in between


@dataclass(frozen=True, kw_only=True)
class RenderedResult:
    """A video's result, ready to be written."""

    report: Report
    files: Mapping[str, bytes | Path] = field(default_factory=dict)
    """Contents by name in the video's folder; a path is that of a complete file, moved there."""
    seconds: dict[str, float] = field(default_factory=dict)  # wall time by stage
    frames: FrameCounts = FrameCounts()
    traceback: str = ""  # of an unexpected error


@dataclass(frozen=True, kw_only=True)
class Job:
    """How the videos of a command are scored; a worker loads it once."""

    options: ScoreOptions
    formats: frozenset[str]
    pictures: str
    overlay: bool = False
    weights: Path | None = None
    device: str = "auto"
    semantic_model: str | None = None
    semantic_weights: str | None = None
    allow_network: bool = False

    @property
    def outputs(self) -> frozenset[str]:
        """The kinds of files that a video needs to count as done."""
        return self.formats | {"overlay"} if self.overlay else self.formats

    def load(self, first: ScoringTask | None) -> "VideoScorer":
        """Load the networks.

        The video of ``first``, if given, is decoded while they load.

        Raises:
            WeightsInvalid, UsageProblem, OutOfMemory: as ``Scorer.load``.
        """
        decoding = DecodeAhead(self.weights, self.options)
        if first is not None:
            decoding.start(first.path)
        from depmap_cli.scoring.scorer import Scorer

        try:
            scorer = Scorer.load(
                self.weights,
                self.device,
                self.semantic_model,
                self.semantic_weights,
                self.allow_network,
            )
        except BaseException:
            decoding.close()
            raise
        return VideoScorer(self, scorer, decoding)

    def render(self, task: ScoringTask, result: ScoreResult) -> RenderedResult:
        """Render the files of one video's result.

        Never raises, so that one result cannot stop the others: if rendering fails, the video
        failed.
        """
        start = time.perf_counter()
        try:
            rendered = self._render(task, result)
        except Exception as error:
            return self.failed(task, UnexpectedError.of(error, "while rendering the report"))
        elapsed = result.seconds.get(ScoringStage.report, 0.0) + time.perf_counter() - start
        return replace(rendered, seconds={**result.seconds, ScoringStage.report.value: elapsed})

    def failed(self, task: ScoringTask, error: DepmapError) -> RenderedResult:
        """Make the result of a video that could not be scored."""
        report = Report(
            depmap_version=__version__,
            source=SourceVideo(name=task.name),
            status=Status.failed,
            reason=error.message,
            hint=error.hint,
        )
        traceback = error.traceback if isinstance(error, UnexpectedError) else ""
        result = ScoreResult(report=report, traceback=traceback)
        try:
            return self._render(task, result)
        except Exception:  # the renderer itself is broken: keep the traceback, without a report
            report = _point_to_traceback(task, result)
            return RenderedResult(
                report=report, files=_traceback_file(task, traceback), traceback=traceback
            )

    def _render(self, task: ScoringTask, result: ScoreResult) -> RenderedResult:
        if result.traceback:
            result = replace(result, report=_point_to_traceback(task, result))
        report, files = render_result(result, self.formats, self.pictures)
        return RenderedResult(
            report=report,
            files={**_traceback_file(task, result.traceback), **files},
            seconds=result.seconds,
            frames=count_frames(result.frame_rows),
            traceback=result.traceback,
        )


class VideoScorer:
    """Scores the videos of a job with networks that are loaded.

    Each video is decoded while the networks load or while the previous video is scored.
    """

    def __init__(self, job: Job, scorer: "Scorer", decoding: DecodeAhead) -> None:
        self._job, self._scorer, self._decoding = job, scorer, decoding

    def score(self, task: ScoringTask, on_progress: FractionCallback) -> RenderedResult:
        """Score one video and render its files. Never raises: an error becomes a failed result."""
        share = _SCORING_SHARE if self._job.overlay else 1.0
        try:
            with self._decoding.decoding_of(task.path, task.upcoming) as frames:
                result = self._scorer.score(
                    task.path,
                    self._job.options,
                    task.name,
                    lambda fraction: on_progress(share * fraction),
                    frames,
                )
        except DepmapError as error:
            return self._job.failed(task, error)
        except Exception as error:
            return self._job.failed(task, UnexpectedError.of(error, "while scoring"))
        rendered = self._job.render(task, result)
        if not (self._job.overlay and rendered.report.status in (Status.scored, Status.refused)):
            return rendered
        return self._with_overlay(
            task, result, rendered, lambda fraction: on_progress(share + (1 - share) * fraction)
        )

    def _with_overlay(
        self,
        task: ScoringTask,
        result: ScoreResult,
        rendered: RenderedResult,
        on_progress: FractionCallback,
    ) -> RenderedResult:
        """Add the overlay to the files of a result; if that fails, the video failed."""
        from depmap_cli.report.overlay import OVERLAY, has_overlay, write_overlay

        if task.scratch is None or not has_overlay(result):
            return rendered
        start, options = time.perf_counter(), self._job.options
        path = task.scratch / TEMP_PATTERN.replace("*", f"{secrets.token_hex(4)}-{OVERLAY}")
        sampling = options.sampling(self._scorer.networks.sampling)
        try:
            if not task.scratch.is_dir():
                raise OutputUnwritable(
                    "the worker that scored the video cannot reach the results folder",
                    "put it on a drive that all machines share, or leave out --overlay",
                )
            source = cast(Generator[Frame, None, None], sample_frames(task.path, sampling))
            with closing(source) as frames:
                write_overlay(
                    path,
                    result,
                    frames,
                    self._job.pictures,
                    start=options.start,
                    progress=on_progress,
                )
        except DepmapError as error:
            return self._job.failed(task, error)
        except Exception as error:
            return self._job.failed(task, UnexpectedError.of(error, "while writing the overlay"))
        return replace(
            rendered,
            files={OVERLAY: path, **rendered.files},
            seconds={**rendered.seconds, OVERLAY_STAGE: time.perf_counter() - start},
        )


def count_frames(rows: list[FrameRow]) -> FrameCounts:
    """Count the sampled frames that were read, used and bridged."""
    used = [row for row in rows if row.valid]
    return FrameCounts(len(rows), len(used), sum(row.origin == "bridged" for row in used))


def _point_to_traceback(task: ScoringTask, result: ScoreResult) -> Report:
    """Return the report of an unexpected error, which says where its traceback is."""
    report = result.report
    if task.folder is not None:
        file = f"{task.folder}/{TRACEBACK}"
        reason, hint = f"{report.reason}; traceback: {file}", "report this error with that file"
    elif debug_enabled():
        reason, hint = report.reason, "report this error with the traceback printed above"
    else:
        reason, hint = report.reason, "run again with --debug to see the traceback"
    return report.model_copy(update={"reason": reason, "hint": hint})


def _traceback_file(task: ScoringTask, traceback: str) -> dict[str, bytes]:
    if not traceback or task.folder is None:
        return {}
    return {TRACEBACK: traceback.encode("utf-8", "replace")}
