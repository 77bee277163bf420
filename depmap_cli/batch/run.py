"""What `depmap score` does: videos to results, those that are done already left as they are."""

import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from depmap_cli import __version__
from depmap_cli.batch.inputs import InputVideo
from depmap_cli.batch.job import Job, RenderedResult, ScoringTask
from depmap_cli.batch.results_folder import ResultsFolder, VideoOrigin, result_key
from depmap_cli.batch.run_manifest import RunManifestWriter, Setting
from depmap_cli.batch.scheduler import TaskDone, run_tasks
from depmap_cli.batch.workers import Worker
from depmap_cli.errors import DepmapError, OutputUnwritable, VideoUnreadable
from depmap_cli.io.clean_text import clean
from depmap_cli.io.file_identity import file_state, sha256_of
from depmap_cli.io.locks import Claim
from depmap_cli.report.score.files import brief
from depmap_cli.results import Report
from depmap_cli.weights.locations import weights_file

_OFTEN = 5.0
"""Seconds between two writings of the files that all videos share."""
_SHARE_OF_TIME = 0.02
"""At most this much of the time goes into writing them."""


@dataclass(frozen=True, kw_only=True)
class ScoringBatch:
    """Videos, how they are scored, and where results go."""

    items: Sequence[InputVideo]
    job: Job
    folder: Path | None = None  # None: nothing is kept
    overwrite: bool = False  # score again what is done
    asked: dict[str, Setting] | None = None  # what else of the command line run.json tells


@runtime_checkable
class BatchListener(Protocol):
    """Who is told what happens."""

    def working(self, task: ScoringTask, share: float) -> None:
        """A share of a video, 0 to 1, is done; from any thread."""

    def done(self, number: int, report: Report, before: bool) -> None:
        """A video is done; ``before`` if it was already, or by another process."""

    def said(self, text: str) -> None:
        """Something that is no one video's."""


@dataclass(frozen=True)
class Scored:
    """How a batch ended."""

    reports: list[Report]  # in the order of the videos
    complaint: OutputUnwritable | None  # why what all videos share could not be written


def score_batch(batch: ScoringBatch, workers: Sequence[Worker], told: BatchListener) -> Scored:
    """Score the videos with the lanes, which start only if there is something to do.

    Raises:
        DepmapError: nothing can be scored or kept at all. A bad *video* raises nothing: its report
            tells.
    """
    return _Scoring(batch, told).run(workers)


class _Scoring:
    """A batch on its way. Tasks are given out in any thread, results kept in one."""

    def __init__(self, batch: ScoringBatch, told: BatchListener) -> None:
        self._batch, self._told, self._job = batch, told, batch.job
        self._weights = _hash_of(batch.job.weights)
        _check_places(batch)
        self._results = ResultsFolder(batch.folder) if batch.folder is not None else None
        self._recorder = self._new_recorder(batch.folder) if batch.folder is not None else None
        self._reports: dict[int, Report] = {}
        self._claims: dict[int, tuple[Claim, str]] = {}
        self._elsewhere: dict[int, object] = {}  # states of records when others had the videos
        self._one = threading.Lock()
        self._next_writing = 0.0
        self._alone = False  # one lane alone: what is next for it is known

    def run(self, workers: Sequence[Worker]) -> Scored:
        """Work through all of it; what is done by then is kept whatever happens."""
        self._alone = len(workers) == 1
        if complaint := self._write_shared():  # better now than after hours of work
            raise complaint
        try:
            for event in run_tasks(workers, self._tasks(), self._job, self._told.working):
                if isinstance(event, TaskDone):
                    self._keep(event.task, event.rendered)
                else:
                    self._told.said(f"one worker less: {event.error}")
        finally:
            for claim, _ in self._claims.values():
                claim.release()
            complaint = self._write_shared(ended=True)
        if len(self._reports) != len(self._batch.items):
            raise RuntimeError("a video was forgotten")
        return Scored([self._reports[number] for number in sorted(self._reports)], complaint)

    def _tasks(self) -> Iterator[ScoringTask | None]:
        """Videos that are not done and that no other process has; None while one has the rest."""
        given = (
            ScoringTask(number=n, path=item.path, name=item.name)
            for n, item in enumerate(self._batch.items)
        )
        waiting = deque(task for task in given if not self._done_before(task, self._key(task)))
        while waiting:
            for _ in range(len(waiting)):
                task = waiting.popleft()
                if self._claimed(task):
                    upcoming = waiting[0].path if waiting and self._alone else None
                    yield replace(task, upcoming=upcoming)
                elif task.number not in self._reports:
                    waiting.append(task)
            if waiting:
                yield None

    def _claimed(self, task: ScoringTask) -> bool:
        """Whether this process is to score it now. If not, it is done, or another is at it."""
        if self._results is None:
            return True
        key = self._key(task)
        if self._done_before(task, key):
            return False
        before = self._results.state(task.name)
        try:
            claim = self._results.claim(task.name)
        except OutputUnwritable as error:
            self._give_up(task, error, row=True)
            return False
        if claim is None:
            self._elsewhere.setdefault(task.number, before)
            return False
        if self._done_before(task, key):  # by another process, just now
            claim.release()
            return False
        if objection := self._objection(task, self._results.origin(task.name)):
            claim.release()
            self._give_up(task, objection, row=False)
            return False
        self._claims[task.number] = claim, key
        return True

    def _objection(self, task: ScoringTask, there: VideoOrigin | None) -> DepmapError | None:
        """Why what is there under a video's name must not be replaced, if it must not."""
        origin = VideoOrigin.of(task.path)
        if there is None:
            return None
        if origin.state is None:
            return VideoUnreadable("no such file any more", "what it had scored before is kept")
        if there.is_another(origin) and not self._batch.overwrite:
            return OutputUnwritable(
                "the results folder has another video of this name",
                "give each folder of videos its own, or --overwrite",
            )
        return None

    def _give_up(self, task: ScoringTask, error: DepmapError, row: bool) -> None:
        """A video that is not scored; without a ``row``, that of its name stays what it is."""
        assert self._results is not None
        assert self._recorder is not None
        failed = self._job.failed(task, error)
        if row:
            self._results.miss(task.name, failed.report)
        with self._one:
            self._recorder.add(failed, written=False)
        self._finish(task.number, failed.report, before=False)

    def _done_before(self, task: ScoringTask, key: str) -> bool:
        if self._results is None:
            return False
        elsewhere = task.number in self._elsewhere
        if elsewhere and self._elsewhere[task.number] == self._results.state(task.name):
            return False
        if self._batch.overwrite and not elsewhere:
            return False
        report = self._results.finished(task.name, key, self._job.formats, failed_too=elsewhere)
        if report is None:
            return False
        if len(self._batch.items) == 1:  # it is shown whole
            report = self._results.full_report(task.name) or report
        self._finish(task.number, report, before=True)
        return True

    def _keep(self, task: ScoringTask, rendered: RenderedResult) -> None:
        """Write a result; it is not taken for done if what it depends on changed meanwhile."""
        report = rendered.report
        if self._results is not None and self._recorder is not None:
            claim, key = self._claims.pop(task.number)
            used = rendered.report.weights
            same = used is None or used.sha256 == self._weights
            key = key if same and key == self._key(task) else ""
            report = self._results.keep(
                VideoOrigin.of(task.path), key, self._job.formats, rendered.report, rendered.files
            )
            claim.release()
            written = report is rendered.report
            with self._one:
                self._recorder.add(replace(rendered, report=report), written)
        self._finish(task.number, report, before=False)
        if time.monotonic() >= self._next_writing:
            self._write_shared()

    def _finish(self, number: int, report: Report, before: bool) -> None:
        with self._one:
            self._reports[number] = brief(report)  # whole ones would fill the memory
            if self._recorder is not None and before:
                self._recorder.run.already_done += 1
            self._told.done(number, report, before)

    def _write_shared(self, ended: bool = False) -> OutputUnwritable | None:
        """Bring ``scores.csv`` and ``run.json`` up to date; why that failed, if it did."""
        if self._results is None or self._recorder is None:
            return None
        began, complaint = time.monotonic(), None
        for write in (self._results.write_table, lambda: self._recorder.write(ended)):
            try:
                write()
            except OutputUnwritable as error:
                complaint = complaint or error
        took = time.monotonic() - began
        self._next_writing = time.monotonic() + max(_OFTEN, took / _SHARE_OF_TIME)
        return complaint

    def _new_recorder(self, folder: Path) -> RunManifestWriter:
        weights = {"file": _name_of(self._job.weights), "sha256": self._weights}
        options = {k: v for k, v in asdict(self._job.options).items() if k not in _NOT_TOLD}
        if self._job.options.au_csv is not None:
            options["au_csv"] = self._job.options.au_csv.name
        settings = {**options, "pictures": self._job.pictures, "device": self._job.device}
        settings["formats"] = ", ".join(sorted(self._job.formats))
        settings |= self._batch.asked or {}
        return RunManifestWriter(
            folder=folder, weights=weights, settings=settings, videos=len(self._batch.items)
        )

    def _key(self, task: ScoringTask) -> str:
        """Of all that a video's result depends on, the device and its rounding left out."""
        options = self._job.options
        table = options.au_table_of(task.path)
        chosen = {k: v for k, v in asdict(options).items() if k not in _NOT_TOLD}
        return result_key(
            __version__,
            self._weights,
            chosen,
            options.quality.model_dump(),
            [table.name, file_state(table)] if table else None,
            self._job.pictures,
            file_state(task.path),
        )


def _check_places(batch: ScoringBatch) -> None:
    """Look, before hours of work, whether a file lies where the folder of a video is to be.

    Raises:
        OutputUnwritable: one does.
    """
    if batch.folder is None:
        return
    for item in batch.items:
        place = batch.folder / item.name
        if os.path.lexists(place) and not os.path.isdir(place):
            raise OutputUnwritable(
                f"a file lies where the results of {clean(item.name)} are to go",
                "choose another folder, not that of the videos",
            )


_NOT_TOLD = frozenset({"au_csv", "quality"})
"""Options that are more than a figure or a word."""


def _hash_of(weights: Path | None) -> str:
    """Of the weights' bytes; empty if they cannot be read, which loading them will tell."""
    with suppress(OSError):
        return sha256_of(weights_file(weights))
    return ""


def _name_of(weights: Path | None) -> str:
    return weights_file(weights).name
