"""Tasks, lanes and threads: every task goes to one lane, and what comes back to one place."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from queue import SimpleQueue

from depmap_cli.batch.job import Job, RenderedResult, ScoringTask
from depmap_cli.batch.workers import BatchStopped, InProcessWorker, Worker, WorkerLost
from depmap_cli.errors import DepmapError

ATTEMPTS = 2
"""Times that a video is tried whose worker ended by itself."""
_WAIT = 0.5
"""Seconds between two questions whether there is something to do now."""

Tasks = Iterator[ScoringTask | None]
"""Gives None while there is nothing to do now, but may be later."""
Progress = Callable[[ScoringTask, float], None]
"""Called with a task and the share of it that is done, 0 to 1, from any thread."""


@dataclass(frozen=True)
class TaskDone:
    """A task that is done, well or not."""

    task: ScoringTask
    rendered: RenderedResult


@dataclass(frozen=True)
class WorkerUnavailable:
    """A lane that could not start; others do its work."""

    error: DepmapError


def run_tasks(
    workers: Sequence[Worker], tasks: Tasks, job: Job, told: Progress
) -> Iterator[TaskDone | WorkerUnavailable]:
    """Have every task done by some lane; what is done comes back as it is.

    Raises:
        DepmapError: no lane can start.
    """
    if len(workers) == 1 and isinstance(workers[0], InProcessWorker):
        yield from _alone(workers[0], _Shared(tasks), told)
    else:
        yield from _together(workers, _Shared(tasks), job, told)


def _alone(worker: Worker, tasks: "_Shared", told: Progress) -> Iterator[TaskDone]:
    """In this thread, so that Ctrl-C stops a video midway."""
    while task := tasks.take():
        with tasks.given_back(task):
            worker.start(task)
        yield TaskDone(task, worker.do(task, _of(task, told)))


def _together(
    workers: Sequence[Worker], tasks: "_Shared", job: Job, told: Progress
) -> Iterator[TaskDone | WorkerUnavailable]:
    events: SimpleQueue[TaskDone | WorkerUnavailable | BaseException | None] = SimpleQueue()
    threads = [
        threading.Thread(target=_work, args=(worker, tasks, job, told, events.put), daemon=True)
        for worker in workers
    ]
    retired: list[WorkerUnavailable] = []
    try:
        for thread in threads:
            thread.start()
        running = len(threads)
        while running:
            event = events.get()
            if event is None:
                running -= 1
            elif isinstance(event, BaseException):
                raise event
            elif isinstance(event, WorkerUnavailable):
                retired.append(event)
                if len(retired) == len(workers):
                    raise retired[0].error
                yield event
            else:
                yield event
    finally:
        tasks.stop()
        for worker in workers:
            worker.close()
        for thread in threads:
            if thread.ident is not None:  # it was started
                thread.join()


def _work(
    worker: Worker,
    tasks: "_Shared",
    job: Job,
    told: Progress,
    tell: Callable[[TaskDone | WorkerUnavailable | BaseException | None], None],
) -> None:
    """What a lane's thread does."""
    try:
        while task := tasks.take():
            with tasks.given_back(task):
                _start(worker, task)
            tell(TaskDone(task, _tried(worker, task, job, told, tasks)))
    except BatchStopped:
        pass
    except DepmapError as error:
        tell(WorkerUnavailable(error))
    except BaseException as error:  # for the thread that waits
        tell(error)
    finally:
        tell(None)


def _start(worker: Worker, task: ScoringTask) -> None:
    """Start the lane; if it dies of the video that it decodes meanwhile, without one."""
    try:
        worker.start(task)
    except WorkerLost as error:
        if not error.again:
            raise
        worker.start(None)


def _tried(
    worker: Worker, task: ScoringTask, job: Job, told: Progress, tasks: "_Shared"
) -> RenderedResult:
    """The task done by a lane that has started, again where what did it ended.

    The second time nothing else is decoded beside it, which may be what it died of.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            if tasks.stopped:
                raise BatchStopped
            if attempt > 1:
                worker.start(None)
                task = replace(task, upcoming=None)
            return worker.do(task, _of(task, told))
        except DepmapError as error:
            if attempt == ATTEMPTS or not (isinstance(error, WorkerLost) and error.again):
                return job.failed(task, error)
    raise AssertionError("the last attempt returns")


def _of(task: ScoringTask, told: Progress) -> Callable[[float], None]:
    return lambda share: told(task, share)


class _Shared:
    """Tasks that several threads take, each once."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._given_back: deque[ScoringTask] = deque()
        self._starting = 0
        self._change = threading.Condition()
        self.stopped = False

    def take(self) -> ScoringTask | None:
        """The next task, for ``given_back``; None when there will be no more, which may take a
        while to know."""
        with self._change:
            while not self.stopped:
                task, over = self._next()
                if task is not None:
                    self._starting += 1
                    return task
                if over and not self._starting:
                    return None
                self._change.wait(_WAIT)
            return None

    def _next(self) -> tuple[ScoringTask | None, bool]:
        """A task if there is one now; whether there will be none but those given back."""
        if self._given_back:
            return self._given_back.popleft(), False
        for task in self._tasks:
            return task, False
        return None, True

    @contextmanager
    def given_back(self, task: ScoringTask) -> Iterator[None]:
        """While the lane that took it starts: if it can't, its task is for the others."""
        try:
            yield
        except BaseException:
            self._given_back.append(task)
            raise
        finally:
            with self._change:
                self._starting -= 1
                self._change.notify_all()

    def stop(self) -> None:
        """No more tasks."""
        self.stopped = True
        with self._change:
            self._change.notify_all()
