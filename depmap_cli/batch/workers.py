"""Lanes: each scores one video at a time, here, in a process beside this one, or elsewhere."""

import os
import threading
import time
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Protocol, runtime_checkable

from depmap_cli.batch.job import Job, RenderedResult, ScoreFunction, ScoringTask
from depmap_cli.errors import DepmapError
from depmap_cli.runtime.process_pool import block_sigint, init_worker
from depmap_cli.runtime.progress import FractionCallback
from depmap_cli.runtime.watchdog import heartbeats

LOOK = 0.25
"""Seconds between two looks whether to stop."""
_TELL = 0.2
"""Seconds between two messages about progress."""
_ALIVE = 1.0
"""Seconds between two words that reading gets on, where how far is not known."""
LOADING, SCORING = "loading the weights", "scoring"
"""What a worker does."""
_MORE_TIME = {
    LOADING: "give more --timeout",
    SCORING: "convert it, e.g. ffmpeg -i IN -c:v libx264 OUT.mp4, or give more --timeout",
}
_KILLED = 9
"""The signal of who has too little memory for a process; not all systems have it by name."""
_ONE_AT_A_TIME = threading.Lock()


class WorkerLost(DepmapError):
    """A worker ended, or was ended, while it scored a video."""

    def __init__(self, message: str, hint: str = "", again: bool = True) -> None:
        super().__init__(message, hint)
        self.again = again  # another try may help


def given_up(timeout: float, doing: str, hint: str) -> WorkerLost:
    """What to raise after so many seconds without progress; another try would take as long."""
    return WorkerLost(f"given up: no progress in {timeout:g} s while {doing}", hint, again=False)


class BatchStopped(Exception):
    """The batch is being stopped; nothing is said of the video that was being scored."""


@runtime_checkable
class Worker(Protocol):
    """Scores videos one after the other."""

    def start(self, first: ScoringTask | None) -> None:
        """Load the networks, unless they are loaded; ``first`` will be the next video, if any is
        to be decoded meanwhile.

        Raises:
            DepmapError: they cannot be loaded, or what should load them ended.
        """

    def do(self, task: ScoringTask, told: FractionCallback) -> RenderedResult:
        """Score one video.

        Raises:
            WorkerLost: what scored it ended; ``start`` again before the next.
        """

    def close(self) -> None:
        """End what scores, at once; to be called from any thread."""


class InProcessWorker:
    """In this process, which dies if OpenCV does."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._perform: ScoreFunction | None = None

    def start(self, first: ScoringTask | None) -> None:
        """Load the networks, unless they are loaded."""
        self._perform = self._perform or self._job.load(first)

    def do(self, task: ScoringTask, told: FractionCallback) -> RenderedResult:
        """Score one video."""
        assert self._perform is not None
        return self._perform(task, told)

    def close(self) -> None:
        """Nothing to end."""


class SubprocessWorker:
    """In a process of its own, which may die of a video without harm to the others.

    Args:
        threads: its number of threads, None for as many as there are cores.
        patience: seconds without progress after which it is ended.
    """

    def __init__(self, job: Job, threads: int | None, timeout: float) -> None:
        self._job, self._threads, self._timeout = job, threads, timeout
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """Of the process, if there is one."""
        return self._process.pid if self._process else None

    def start(self, first: ScoringTask | None) -> None:
        """Start the process and wait until it has loaded the networks."""
        if self._process is not None:
            return
        spawn = get_context("spawn")
        try:
            self._pipe, theirs = spawn.Pipe()
            given = (self._job, first, theirs, self._threads)
            process = spawn.Process(target=_serve, args=given, daemon=True)
            with _ONE_AT_A_TIME, block_sigint():
                process.start()
        except OSError as error:
            raise DepmapError(
                f"a worker cannot be started: {error.strerror}", "use fewer --jobs"
            ) from error
        self._process = process
        theirs.close()
        answer = self._answer(LOADING, lambda share: None)
        if isinstance(answer, DepmapError):
            self._end()
            raise answer

    def do(self, task: ScoringTask, told: FractionCallback) -> RenderedResult:
        """Score one video in it."""
        assert self._pipe is not None
        with suppress(OSError):  # it is gone: the answer tells
            self._pipe.send(task)
        answer = self._answer(SCORING, told)
        assert isinstance(answer, RenderedResult)
        return answer

    def close(self) -> None:
        """End the process at once."""
        self._stopped = True
        if (process := self._process) is not None:
            process.kill()

    def _answer(self, doing: str, told: FractionCallback) -> object:
        """The next message that is not about progress."""
        assert self._pipe is not None
        heard = time.monotonic()
        while not self._stopped:
            try:
                if self._pipe.poll(LOOK):
                    message = self._pipe.recv()
                    heard = time.monotonic()
                    if isinstance(message, float):
                        told(message)
                    elif message is not None:
                        return message
            except (EOFError, OSError) as error:
                raise self._lost(doing) from error
            if time.monotonic() - heard > self._timeout:
                self._end()
                raise given_up(self._timeout, doing, _MORE_TIME[doing])
        self._end()
        raise BatchStopped

    def _lost(self, doing: str) -> WorkerLost | BatchStopped:
        code = self._end()
        if self._stopped:
            return BatchStopped()
        how = f"signal {-code}" if code and code < 0 else f"exit code {code}"
        hint = "too little memory? use fewer --jobs" if code == -_KILLED else ""
        return WorkerLost(f"the process ended while {doing} ({how})", hint)

    def _end(self) -> int | None:
        """End the process; its exit code."""
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        if pipe is not None:
            pipe.close()
        if process is None:
            return None
        process.join(timeout=LOOK)  # it may be on its way
        process.kill()
        process.join()
        return process.exitcode


def local_workers(job: Job, videos: int, jobs: int, timeout: float) -> list[Worker]:
    """This process for a single video; for more as many others as ``jobs``, which share the cores.

    Args:
        patience: seconds without progress after which a video is given up; not for a single one.
    """
    if videos <= 1:
        return [InProcessWorker(job)]
    workers = min(jobs, videos)
    threads = None if workers == 1 else max(1, len(_cores()) // workers)
    return [SubprocessWorker(job, threads, timeout) for _ in range(workers)]


def _cores() -> range | set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return range(os.cpu_count() or 1)


def _serve(job: Job, first: ScoringTask | None, pipe: Connection, threads: int | None) -> None:
    """What the process does: load, then score what comes until nothing more can."""
    if threads is not None:
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # torch reads it when it loads
    init_worker(threads)
    back = _WorkerChannel(pipe)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the other side has ended
        try:
            perform = job.load(first)
        except Exception as error:
            known = isinstance(error, DepmapError)
            reason = f"unexpected {type(error).__name__} while the networks were loaded"
            back.send(error if known else DepmapError(reason, "please report this"))
            return
        back.send("ready")
        threading.Thread(target=back.keep_telling, daemon=True).start()
        while True:
            task = pipe.recv()
            back.send(perform(task, back.tell))


class _WorkerChannel:
    """To who waits for a worker; several threads use it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._one, self._told = pipe, threading.Lock(), 0.0

    def send(self, message: object) -> None:
        """An answer, a share, or None: it gets on."""
        with self._one:
            self._pipe.send(message)

    def tell(self, share: float) -> None:
        """Progress, but not each time."""
        if time.monotonic() - self._told >= _TELL:
            self._told = time.monotonic()
            self.send(float(share))

    def keep_telling(self) -> None:
        """That reading gets on, now and then, whether or not it is known how far it has come."""
        known = heartbeats()
        with suppress(OSError):  # nobody waits any more
            while True:
                time.sleep(_ALIVE)
                if (now := heartbeats()) != known:
                    known = now
                    self.send(None)
