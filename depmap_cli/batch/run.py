"""Scores a batch of videos, skipping those that are done (`depmap score`)."""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from depmap_cli.batch.inputs import InputVideo
from depmap_cli.batch.job import Job, RenderedResult, ScoringTask
from depmap_cli.batch.results_folder import ResultsFolder, VideoOrigin
from depmap_cli.batch.resume import plain_options, resume_key
from depmap_cli.batch.run_json import RunJsonWriter, Setting
from depmap_cli.batch.supervisor import TaskDone, WorkerUnavailable, run_tasks
from depmap_cli.batch.workers import Worker
from depmap_cli.errors import (
    EXIT_ERROR,
    EXIT_NO_SCORE,
    EXIT_OK,
    EXIT_PARTIAL,
    DepmapError,
    OutputUnwritable,
    UnexpectedError,
    VideoUnreadable,
)
from depmap_cli.io.file_identity import sha256_of
from depmap_cli.io.locks import Claim
from depmap_cli.report.score.files import brief
from depmap_cli.results import Report, Status
from depmap_cli.runtime.debug_log import save_traceback
from depmap_cli.weights.locations import weights_file

logger = logging.getLogger(__name__)

_WRITE_INTERVAL = 5.0
"""Minimum seconds between two updates of ``scores.csv`` and ``run.json``."""
_WRITE_TIME_FRACTION = 0.02
"""Maximum fraction of the run time that these updates take."""


@dataclass(frozen=True, kw_only=True)
class ScoringBatch:
    """Videos, how they are scored, and where the results go."""

    items: Sequence[InputVideo]
    job: Job
    folder: Path | None = None  # None: nothing is written
    overwrite: bool = False  # score videos again that are done
    extra_settings: dict[str, Setting] | None = None  # further options, for run.json


@runtime_checkable
class BatchListener(Protocol):
    """Receives the progress and the results of a batch."""

    def on_progress(self, task: ScoringTask, fraction: float) -> None:
        """Handle progress of one video, a fraction from 0 to 1; called from any thread."""

    def on_result(self, number: int, report: Report, already_done: bool) -> None:
        """Handle a result; ``already_done`` if an earlier run or another process made it."""

    def on_message(self, text: str) -> None:
        """Handle a message that concerns no single video."""


@dataclass(frozen=True)
class BatchOutcome:
    """The outcome of a batch."""

    reports: list[Report]  # in the order of the videos
    write_error: OutputUnwritable | None  # why ``scores.csv`` or ``run.json`` was not written


def score_batch(
    batch: ScoringBatch, workers: Sequence[Worker], listener: BatchListener
) -> BatchOutcome:
    """Score the videos of a batch. Workers start only if there is a video to score.

    Raises:
        DepmapError: no video can be scored, or no result can be written. A bad *video* raises
            nothing: its report says what is wrong.
    """
    return _BatchRun(batch, listener).run(workers)


class _BatchRun:
    """One batch while it is scored. Any thread may take tasks; one thread stores results."""

    def __init__(self, batch: ScoringBatch, listener: BatchListener) -> None:
        self._batch, self._listener, self._job = batch, listener, batch.job
        self._weights_sha256 = _hash_of(batch.job.weights)
        self._results = ResultsFolder(batch.folder) if batch.folder is not None else None
        self._run_json = self._new_run_json(batch.folder) if batch.folder is not None else None
        if self._results is not None:
            self._results.check_video_folders(item.name for item in batch.items)
        self._reports: dict[int, Report] = {}
        self._claims: dict[int, tuple[Claim, str]] = {}
        self._elsewhere: dict[int, object] = {}  # record states when other processes had the videos
        self._lock = threading.Lock()
        self._next_write = 0.0
        self._single_worker = False  # only then is the next video of a worker known

    def run(self, workers: Sequence[Worker]) -> BatchOutcome:
        """Score all videos. Results made so far are kept whatever happens."""
        self._single_worker = len(workers) == 1
        if write_error := self._write_shared():  # fail now rather than after hours of work
            raise write_error
        try:
            for event in run_tasks(workers, self._tasks(), self._job, self._listener.on_progress):
                if isinstance(event, TaskDone):
                    self._store(event.task, event.rendered)
                else:
                    self._report_unavailable(event)
        finally:
            for claim, _ in self._claims.values():
                claim.release()
            write_error = self._write_shared(ended=True)
        if len(self._reports) != len(self._batch.items):
            raise RuntimeError("a video has no report")
        return BatchOutcome(
            [self._reports[number] for number in sorted(self._reports)], write_error
        )

    def _tasks(self) -> Iterator[ScoringTask | None]:
        """Yield videos that are not done and that no other process scores.

        Yields None while other processes score all that remain.
        """
        tasks = (
            ScoringTask(
                number=number,
                path=item.path,
                name=item.name,
                folder=self._folder_name(item.name),
                scratch=None if self._results is None else self._results.scratch,
            )
            for number, item in enumerate(self._batch.items)
        )
        waiting = deque(task for task in tasks if not self._is_done(task, self._key(task)))
        while waiting:
            for _ in range(len(waiting)):
                task = waiting.popleft()
                if self._claim(task):
                    upcoming = waiting[0].path if waiting and self._single_worker else None
                    yield replace(task, upcoming=upcoming)
                elif task.number not in self._reports:
                    waiting.append(task)
            if waiting:
                yield None

    def _folder_name(self, name: str) -> str | None:
        return None if self._results is None else self._results.folder_name(name)

    def _claim(self, task: ScoringTask) -> bool:
        """Claim a video for this process; False if it has a report or another process scores it."""
        if self._results is None:
            return True
        key = self._key(task)
        if self._is_done(task, key):
            return False
        record_state = self._results.state(task.name)
        try:
            claim = self._results.claim(task.name)
        except OutputUnwritable as error:
            self._fail(task, error, row=True)
            return False
        if claim is None:
            self._elsewhere.setdefault(task.number, record_state)
            return False
        if self._is_done(task, key):  # another process has just finished it
            claim.release()
            return False
        if replacement_error := self._replacement_error(task, self._results.origin(task.name)):
            claim.release()
            self._fail(task, replacement_error, row=False)
            return False
        self._claims[task.number] = claim, key
        return True

    def _replacement_error(
        self, task: ScoringTask, stored: VideoOrigin | None
    ) -> DepmapError | None:
        """Return the error if the stored result of a video must not be replaced; otherwise None."""
        if stored is None:
            return None
        origin = VideoOrigin.of(task.path)
        if origin.state is None:
            return VideoUnreadable(
                "the file no longer exists", "its earlier result in the results folder is kept"
            )
        if stored.is_another(origin) and not self._batch.overwrite:
            return OutputUnwritable(
                "the results folder holds the result of another video with this name",
                "use a results folder for each folder of videos, or --overwrite",
            )
        return None

    def _fail(self, task: ScoringTask, error: DepmapError, row: bool) -> None:
        """Report a video that is not scored; without ``row``, its row in the table stays."""
        assert self._results is not None
        assert self._run_json is not None
        failed = self._job.failed(task, error)
        if row:
            self._results.remember_unwritten(task.name, failed.report)
        with self._lock:
            self._run_json.add(failed, folder=None)
        self._finish(task.number, failed.report, already_done=False)

    def _is_done(self, task: ScoringTask, key: str) -> bool:
        """Return whether a video has a stored result with this key, and report it if so."""
        if self._results is None:
            return False
        elsewhere = task.number in self._elsewhere
        if elsewhere and self._elsewhere[task.number] == self._results.state(task.name):
            return False
        if self._batch.overwrite and not elsewhere:
            return False
        report = self._results.finished(task.name, key, self._job.outputs, include_failed=elsewhere)
        if report is None:
            return False
        if len(self._batch.items) == 1:  # a single report is shown in full
            report = self._results.full_report(task.name) or report
        self._finish(task.number, report, already_done=True)
        return True

    def _store(self, task: ScoringTask, rendered: RenderedResult) -> None:
        """Write a result.

        If the video or the weights changed meanwhile, the video does not count as done.
        """
        if rendered.traceback:
            logger.debug("%r: %s\n%s", task.name, rendered.report.reason, rendered.traceback)
        report = rendered.report
        if self._results is not None and self._run_json is not None:
            claim, key = self._claims.pop(task.number)
            used = rendered.report.weights
            unchanged = used is None or used.sha256 == self._weights_sha256
            key = key if unchanged and key == self._key(task) else ""
            report = self._results.store(
                VideoOrigin.of(task.path), key, self._job.outputs, rendered.report, rendered.files
            )
            claim.release()
            folder = task.folder if report is rendered.report else None
            with self._lock:
                self._run_json.add(replace(rendered, report=report), folder)
        self._finish(task.number, report, already_done=False)
        if time.monotonic() >= self._next_write:
            self._write_shared()

    def _finish(self, number: int, report: Report, already_done: bool) -> None:
        with self._lock:
            self._reports[number] = brief(report)  # full reports would fill the memory
            if self._run_json is not None and already_done:
                self._run_json.run.already_done += 1
            self._listener.on_result(number, report, already_done)

    def _report_unavailable(self, event: WorkerUnavailable) -> None:
        error, where = event.error, ""
        if isinstance(error, UnexpectedError):
            logger.debug("a worker failed to start\n%s", error.traceback)
            if self._batch.folder and (file := save_traceback(error.traceback, self._batch.folder)):
                where = f"; traceback: {file}"
        self._listener.on_message(
            f"a worker failed to start; continuing with the others: {error.message}{where}"
        )

    def _write_shared(self, ended: bool = False) -> OutputUnwritable | None:
        """Update ``scores.csv`` and ``run.json``; return why that failed, if it did."""
        if self._results is None or self._run_json is None:
            return None
        start, write_error = time.monotonic(), None
        for write in (self._results.write_table, lambda: self._run_json.write(ended)):
            try:
                write()
            except OutputUnwritable as error:
                write_error = write_error or error
        elapsed = time.monotonic() - start
        self._next_write = time.monotonic() + max(_WRITE_INTERVAL, elapsed / _WRITE_TIME_FRACTION)
        return write_error

    def _new_run_json(self, folder: Path) -> RunJsonWriter:
        options = plain_options(self._job)
        if self._job.options.au_csv is not None:
            options["au_csv"] = self._job.options.au_csv.name
        settings = {**options, "pictures": self._job.pictures, "device": self._job.device}
        settings["formats"] = ", ".join(sorted(self._job.formats))
        settings["overlay"] = self._job.overlay
        settings |= self._batch.extra_settings or {}
        return RunJsonWriter(
            folder=folder,
            weights={
                "file": weights_file(self._job.weights).name,
                "sha256": self._weights_sha256,
            },
            settings=settings,
            videos=len(self._batch.items),
        )

    def _key(self, task: ScoringTask) -> str:
        return resume_key(self._job, task, self._weights_sha256)


def _hash_of(weights: Path | None) -> str:
    """Hash the weights file; empty if it cannot be read, which loading it will report."""
    with suppress(OSError):
        return sha256_of(weights_file(weights))
    return ""


def exit_code(reports: list[Report]) -> int:
    """Return the exit code of a batch, as listed in ``depmap_cli/errors.py``.

    A batch without videos succeeds.
    """
    n_scored = sum(report.status == Status.scored for report in reports)
    if n_scored == len(reports):
        return EXIT_OK
    if n_scored:
        return EXIT_PARTIAL
    refused = any(report.status == Status.refused for report in reports)
    return EXIT_NO_SCORE if refused else EXIT_ERROR
