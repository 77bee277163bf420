"""Gives each task to one worker, restarts workers that end, and retries their task once.

Each worker has a thread of its own; results are yielded in one thread.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from queue import SimpleQueue

from depmap_cli.batch.job import Job, RenderedResult, ScoringTask
from depmap_cli.batch.workers import BatchStopped, InProcessWorker, Worker, WorkerLost
from depmap_cli.errors import DepmapError
from depmap_cli.runtime.progress import FractionCallback

logger = logging.getLogger(__name__)

ATTEMPTS = 2
"""How often a video is tried if its worker dies."""
_POLL_INTERVAL = 0.5
"""Seconds between two checks whether a task has become available."""

Tasks = Iterator[ScoringTask | None]
"""Yields None if no task is available now but one may be later."""
TaskProgress = Callable[[ScoringTask, float], None]
"""Called from any thread with a task and the fraction of it that is done, 0 to 1."""


@dataclass(frozen=True)
class TaskDone:
    """A task that has a result: scored, refused or failed."""

    task: ScoringTask
    rendered: RenderedResult


@dataclass(frozen=True)
class WorkerUnavailable:
    """A worker that could not start; the others do its work."""

    error: DepmapError


Event = TaskDone | WorkerUnavailable


def run_tasks(
    workers: Sequence[Worker], tasks: Tasks, job: Job, on_progress: TaskProgress
) -> Iterator[Event]:
    """Have each task done by a worker; yield the results as they arrive.

    Raises:
        DepmapError: no worker can start.
    """
    if len(workers) == 1 and isinstance(workers[0], InProcessWorker):
        yield from _run_in_this_thread(workers[0], _TaskQueue(tasks), on_progress)
    else:
        yield from _run_in_threads(workers, _TaskQueue(tasks), job, on_progress)


def _run_in_this_thread(
    worker: Worker, queue: "_TaskQueue", on_progress: TaskProgress
) -> Iterator[TaskDone]:
    """Score in this thread, so that Ctrl-C interrupts a video."""
    while task := queue.take():
        with queue.returned_on_error(task):
            worker.start(task)
        yield TaskDone(task, worker.score(task, _fraction_callback(task, on_progress)))


def _run_in_threads(
    workers: Sequence[Worker], queue: "_TaskQueue", job: Job, on_progress: TaskProgress
) -> Iterator[Event]:
    events: SimpleQueue[Event | BaseException | None] = SimpleQueue()
    threads = [
        threading.Thread(
            target=_run_worker, args=(worker, queue, job, on_progress, events.put), daemon=True
        )
        for worker in workers
    ]
    unavailable: list[WorkerUnavailable] = []
    try:
        for thread in threads:
            thread.start()
        n_running = len(threads)
        while n_running:
            event = events.get()
            if event is None:
                n_running -= 1
            elif isinstance(event, BaseException):
                raise event
            elif isinstance(event, WorkerUnavailable):
                unavailable.append(event)
                if len(unavailable) == len(workers):
                    raise unavailable[0].error
                yield event
            else:
                yield event
    finally:
        queue.stop()
        for worker in workers:
            worker.close()
        for thread in threads:
            if thread.ident is not None:  # it was started
                thread.join()


def _run_worker(
    worker: Worker,
    queue: "_TaskQueue",
    job: Job,
    on_progress: TaskProgress,
    send: Callable[[Event | BaseException | None], None],
) -> None:
    """Run one worker in its thread; ``send`` its results and, at the end, None."""
    try:
        while task := queue.take():
            with queue.returned_on_error(task):
                _start(worker, task)
            send(TaskDone(task, _score_with_retry(worker, task, job, on_progress, queue)))
    except BatchStopped:
        pass
    except DepmapError as error:
        send(WorkerUnavailable(error))
    except BaseException as error:  # raised again in the main thread
        send(error)
    finally:
        send(None)


def _start(worker: Worker, task: ScoringTask) -> None:
    """Start the worker; if it dies, perhaps of the video decoded meanwhile, start without one."""
    try:
        worker.start(task)
    except WorkerLost as error:
        if not error.retry:
            raise
        logger.debug("starting the worker again: %s", error)
        worker.start(None)


def _score_with_retry(
    worker: Worker, task: ScoringTask, job: Job, on_progress: TaskProgress, queue: "_TaskQueue"
) -> RenderedResult:
    """Score a video; if the worker dies, start it again and try once more.

    The second attempt decodes no other video ahead, because the worker may have died of that one.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            if queue.stopped:
                raise BatchStopped
            if attempt > 1:
                worker.start(None)
                task = replace(task, upcoming=None)
            return worker.score(task, _fraction_callback(task, on_progress))
        except DepmapError as error:
            if attempt == ATTEMPTS or not (isinstance(error, WorkerLost) and error.retry):
                return job.failed(task, error)
            logger.debug("%r: trying again: %s", task.name, error)
    raise AssertionError("the last attempt returns")


def _fraction_callback(task: ScoringTask, on_progress: TaskProgress) -> FractionCallback:
    return lambda fraction: on_progress(task, fraction)


class _TaskQueue:
    """Hands each task to one of several threads."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._returned: deque[ScoringTask] = deque()
        self._n_starting = 0  # workers that have taken a task and may still return it
        self._change = threading.Condition()
        self.stopped = False

    def take(self) -> ScoringTask | None:
        """Wait for the next task; None if there will be no more.

        The caller starts its worker within ``returned_on_error``.
        """
        with self._change:
            while not self.stopped:
                task, exhausted = self._next()
                if task is not None:
                    self._n_starting += 1
                    return task
                if exhausted and not self._n_starting:
                    return None
                self._change.wait(_POLL_INTERVAL)
            return None

    def _next(self) -> tuple[ScoringTask | None, bool]:
        """Return a task, if one is available, and whether only returned tasks can follow."""
        if self._returned:
            return self._returned.popleft(), False
        for task in self._tasks:
            return task, False
        return None, True

    @contextmanager
    def returned_on_error(self, task: ScoringTask) -> Iterator[None]:
        """Return the task to the queue if its worker cannot start."""
        try:
            yield
        except BaseException:
            self._returned.append(task)
            raise
        finally:
            with self._change:
                self._n_starting -= 1
                self._change.notify_all()

    def stop(self) -> None:
        """Hand out no more tasks."""
        self.stopped = True
        with self._change:
            self._change.notify_all()
