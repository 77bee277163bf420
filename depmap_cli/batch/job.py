"""What a worker is told once, what it is told for each video, and what it gives back.

All of it can be sent to another process; nothing here needs torch until a worker loads it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from depmap_cli import __version__
from depmap_cli.errors import DepmapError
from depmap_cli.report.score.files import render_result
from depmap_cli.results import FrameRow, Report, ScoreResult, SourceVideo, Status
from depmap_cli.runtime.progress import FractionCallback
from depmap_cli.scoring.decoding import DecodeAhead
from depmap_cli.scoring.options import ScoreOptions
from depmap_cli.scoring.timing import ScoringStage


@dataclass(frozen=True, kw_only=True)
class ScoringTask:
    """One video."""

    number: int  # in the batch, from 0
    path: Path
    name: str
    upcoming: Path | None = None  # the video that will probably be next, where one is known


@dataclass(frozen=True)
class FrameCounts:
    """What became of a video's sampled frames."""

    read: int = 0
    used: int = 0
    bridged: int = 0  # of those used: the face was seen before and after, not in between


@dataclass(frozen=True, kw_only=True)
class RenderedResult:
    """A video's result, ready to be written."""

    report: Report
    files: dict[str, bytes] = field(default_factory=dict)  # as ``render_result`` names them
    seconds: dict[str, float] = field(default_factory=dict)  # wall time by stage
    frames: FrameCounts = FrameCounts()


ScoreFunction = Callable[[ScoringTask, FractionCallback], RenderedResult]


@dataclass(frozen=True, kw_only=True)
class Job:
    """How the videos of a command are scored; a worker loads it once."""

    options: ScoreOptions
    formats: frozenset[str]
    pictures: str
    weights: Path | None = None
    device: str = "auto"
    semantic_model: str | None = None
    semantic_weights: str | None = None
    allow_network: bool = False

    def load(self, first: ScoringTask | None) -> ScoreFunction:
        """Load the networks; what comes back scores one video and tells its progress.

        ``first``, if given, will be the first of them: it is decoded meanwhile, as others while the
        one before is scored.

        Raises:
            WeightsInvalid, UsageProblem, OutOfMemory: as ``Scorer.load``.
        """
        decodings = DecodeAhead(self.weights, self.options)
        if first is not None:
            decodings.begin(first.path)
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
            decodings.close()
            raise

        def perform(task: ScoringTask, told: FractionCallback) -> RenderedResult:
            with decodings.of(task.path, task.upcoming) as decoding:
                result = scorer.score(task.path, self.options, task.name, told, decoding)
            return self.rendered(task, result)

        return perform

    def rendered(self, task: ScoringTask, result: ScoreResult) -> RenderedResult:
        """As ``render``, timed; one result that cannot be rendered must never stop the others."""
        start = time.perf_counter()
        try:
            rendered = self.render(result)
        except Exception as error:
            reason = f"unexpected {type(error).__name__} while its report was made"
            return self.failed(task, DepmapError(reason, "please report this video"))
        report = result.seconds.get(ScoringStage.report, 0.0) + time.perf_counter() - start
        return replace(rendered, seconds={**result.seconds, ScoringStage.report.value: report})

    def render(self, result: ScoreResult) -> RenderedResult:
        """The files of one video's result."""
        report, files = render_result(result, self.formats, self.pictures)
        return RenderedResult(
            report=report,
            files=files,
            seconds=result.seconds,
            frames=counts_of(result.frames),
        )

    def failed(self, task: ScoringTask, error: DepmapError) -> RenderedResult:
        """What is written about a video that could not be worked on."""
        report = Report(
            depmap_version=__version__,
            source=SourceVideo(name=task.name),
            status=Status.failed,
            reason=error.message,
            hint=error.hint,
        )
        return self.render(ScoreResult(report=report))


def counts_of(rows: list[FrameRow]) -> FrameCounts:
    """How many sampled frames were read, used and bridged."""
    used = [row for row in rows if row.valid]
    return FrameCounts(len(rows), len(used), sum(row.origin == "bridged" for row in used))
