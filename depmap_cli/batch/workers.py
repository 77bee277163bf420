"""Workers: each scores one video at a time, in this process, in a process of its own, or elsewhere.

``InProcessWorker`` does the work. The other workers send the task to a process that runs one.
``supervisor.py`` restarts a worker whose process ended.
"""

import logging
import os
import threading
import time
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Protocol, runtime_checkable

from depmap_cli.batch.job import Job, RenderedResult, ScoringTask, VideoScorer
from depmap_cli.errors import DepmapError, UnexpectedError
from depmap_cli.runtime.process_pool import block_sigint, init_worker
from depmap_cli.runtime.progress import FractionCallback
from depmap_cli.runtime.watchdog import heartbeats

logger = logging.getLogger(__name__)

POLL_INTERVAL = 0.25
"""Seconds between two checks whether to stop."""
_PROGRESS_INTERVAL = 0.2
"""Minimum seconds between two progress messages of a worker process."""
_HEARTBEAT_INTERVAL = 1.0
"""Seconds between two messages that decoding proceeds, for videos of unknown length."""
LOADING, SCORING = "loading the weights", "scoring"
"""What a worker is doing, as messages name it."""
_TIMEOUT_HINTS = {
    LOADING: "increase --timeout",
    SCORING: "convert the video, e.g. ffmpeg -i IN -c:v libx264 OUT.mp4, or increase --timeout",
}
_SIGKILL = 9
"""The signal that ends a process when memory runs out; some systems do not define its name."""
_START_LOCK = threading.Lock()


class WorkerLost(DepmapError):
    """A worker process ended, or was ended, while it loaded the networks or scored a video."""

    def __init__(self, message: str, hint: str = "", retry: bool = True) -> None:
        super().__init__(message, hint)
        self.retry = retry  # whether another attempt may succeed


def timed_out(timeout: float, activity: str, hint: str) -> WorkerLost:
    """Make the error for a worker without progress; another attempt would take as long."""
    return WorkerLost(f"stopped: no progress in {timeout:g} s while {activity}", hint, retry=False)


class BatchStopped(Exception):
    """The batch is being stopped; the video that was being scored gets no result."""


@runtime_checkable
class Worker(Protocol):
    """Scores videos one after the other."""

    def start(self, first: ScoringTask | None) -> None:
        """Load the networks, unless they are loaded.

        The video of ``first``, if given, is decoded meanwhile.

        Raises:
            DepmapError: the networks cannot be loaded, or the worker ended meanwhile.
        """

    def score(self, task: ScoringTask, on_progress: FractionCallback) -> RenderedResult:
        """Score one video.

        Raises:
            WorkerLost: the worker ended; call ``start`` again before the next video.
            UnexpectedError: an exception that the scorer did not catch.
        """

    def close(self) -> None:
        """End the worker at once; may be called from any thread."""


class InProcessWorker:
    """Scores in this process, which ends if OpenCV crashes."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._scorer: VideoScorer | None = None

    def start(self, first: ScoringTask | None) -> None:
        """Load the networks, unless they are loaded."""
        self._scorer = self._scorer or self._job.load(first)

    def score(self, task: ScoringTask, on_progress: FractionCallback) -> RenderedResult:
        """Score one video."""
        assert self._scorer is not None
        return self._scorer.score(task, on_progress)

    def close(self) -> None:
        """Do nothing: Ctrl-C ends this process."""


class SubprocessWorker:
    """Scores in a process of its own, so that a crash does not affect other videos.

    Args:
        job: how videos are scored.
        threads: number of threads of the process, None for one per core.
        timeout: seconds without progress after which the process is ended.
    """

    def __init__(self, job: Job, threads: int | None, timeout: float) -> None:
        self._job, self._threads, self._timeout = job, threads, timeout
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """Process id, None if no process runs."""
        return self._process.pid if self._process else None

    def start(self, first: ScoringTask | None) -> None:
        """Start the process and wait until it has loaded the networks."""
        if self._process is not None:
            return
        spawn = get_context("spawn")
        try:
            self._pipe, far_end = spawn.Pipe()
            arguments = (self._job, first, far_end, self._threads)
            process = spawn.Process(target=_serve, args=arguments, daemon=True)
            with _START_LOCK, block_sigint():
                process.start()
        except OSError as error:
            raise DepmapError(
                f"cannot start a worker process: {error.strerror}", "use fewer --jobs"
            ) from error
        self._process = process
        logger.debug("started worker process %s", process.pid)
        far_end.close()
        answer = self._receive(LOADING, lambda fraction: None)
        if isinstance(answer, DepmapError):
            self._end()
            raise answer

    def score(self, task: ScoringTask, on_progress: FractionCallback) -> RenderedResult:
        """Score one video in the process."""
        assert self._pipe is not None
        with suppress(OSError):  # the process has ended: receiving reports it
            self._pipe.send(task)
        answer = self._receive(SCORING, on_progress)
        if isinstance(answer, DepmapError):
            raise answer
        assert isinstance(answer, RenderedResult)
        return answer

    def close(self) -> None:
        """End the process at once."""
        self._stopped = True
        if (process := self._process) is not None:
            process.kill()

    def _receive(self, activity: str, on_progress: FractionCallback) -> object:
        """Return the next message that is not about progress."""
        assert self._pipe is not None
        last_message = time.monotonic()
        while not self._stopped:
            try:
                if self._pipe.poll(POLL_INTERVAL):
                    message = self._pipe.recv()
                    last_message = time.monotonic()
                    if isinstance(message, float):
                        on_progress(message)
                    elif message is not None:
                        return message
            except (EOFError, OSError) as error:
                raise self._lost(activity) from error
            if time.monotonic() - last_message > self._timeout:
                self._end()
                raise timed_out(self._timeout, activity, _TIMEOUT_HINTS[activity])
        self._end()
        raise BatchStopped

    def _lost(self, activity: str) -> WorkerLost | BatchStopped:
        code = self._end()
        if self._stopped:
            return BatchStopped()
        how = f"signal {-code}" if code and code < 0 else f"exit code {code}"
        hint = "if memory ran out, use fewer --jobs" if code == -_SIGKILL else ""
        return WorkerLost(f"the worker process ended while {activity} ({how})", hint)

    def _end(self) -> int | None:
        """End the process and return its exit code."""
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        if pipe is not None:
            pipe.close()
        if process is None:
            return None
        process.join(timeout=POLL_INTERVAL)  # it may be ending already
        process.kill()
        process.join()
        logger.debug("worker process %s ended, exit code %s", process.pid, process.exitcode)
        return process.exitcode


def local_workers(job: Job, n_videos: int, jobs: int, timeout: float) -> list[SubprocessWorker]:
    """Make at most ``jobs`` worker processes, and no more than videos; they share the cores.

    Args:
        job: how videos are scored.
        n_videos: number of videos.
        jobs: maximum number of processes.
        timeout: seconds without progress after which a video is stopped.
    """
    n_workers = max(1, min(jobs, n_videos))
    threads = None if n_workers == 1 else max(1, len(_cores()) // n_workers)
    return [SubprocessWorker(job, threads, timeout) for _ in range(n_workers)]


def _cores() -> range | set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return range(os.cpu_count() or 1)


def _serve(job: Job, first: ScoringTask | None, pipe: Connection, threads: int | None) -> None:
    """Run a worker process: load the networks, then score each task received."""
    if threads is not None:
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # torch reads it when it loads
    init_worker(threads)
    channel, worker = _WorkerChannel(pipe), InProcessWorker(job)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the main process has ended
        if error := loading_error(worker, first):
            channel.send(error)
            return
        channel.send("ready")
        threading.Thread(target=channel.send_heartbeats, daemon=True).start()
        while True:
            task = pipe.recv()
            channel.send(score_or_error(worker, task, channel.send_progress))


def loading_error(worker: InProcessWorker, first: ScoringTask | None) -> DepmapError | None:
    """Load the networks; return the error if that fails, to be sent to the main process."""
    try:
        worker.start(first)
    except DepmapError as error:
        return error
    except Exception as error:
        return UnexpectedError.of(error, f"while {LOADING}")
    return None


def score_or_error(
    worker: InProcessWorker, task: ScoringTask, on_progress: FractionCallback
) -> RenderedResult | DepmapError:
    """Score one video; return the error if that fails, to be sent to the main process."""
    logger.debug("scoring %r", task.name)
    try:
        return worker.score(task, on_progress)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise  # of the connection, not of the video
    except DepmapError as error:
        return error
    except Exception as error:
        return UnexpectedError.of(error, f"while {SCORING}")


class _WorkerChannel:
    """The connection from a worker process to the main process; several threads use it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._lock, self._last_progress = pipe, threading.Lock(), 0.0

    def send(self, message: object) -> None:
        """Send an answer, the fraction done, or None, which means that work proceeds."""
        with self._lock:
            self._pipe.send(message)

    def send_progress(self, fraction: float) -> None:
        """Send the fraction done, unless the last one was sent just now."""
        if time.monotonic() - self._last_progress >= _PROGRESS_INTERVAL:
            self._last_progress = time.monotonic()
            self.send(float(fraction))

    def send_heartbeats(self) -> None:
        """Send regularly that decoding proceeds, also if the fraction done is unknown."""
        last = heartbeats()
        with suppress(OSError):  # the main process has ended
            while True:
                time.sleep(_HEARTBEAT_INTERVAL)
                if (current := heartbeats()) != last:
                    last = current
                    self.send(None)
