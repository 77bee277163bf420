"""Tasks, lanes and threads: every task goes to one lane, and what comes back to one place."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from queue import SimpleQueue

from depmap_cli.batch.job import Job, Rendered, Task
from depmap_cli.batch.workers import Here, Lane, Stopped, WorkerLost
from depmap_cli.errors import DepmapError

ATTEMPTS = 2
"""Times that a video is tried whose worker ended by itself."""
_WAIT = 0.5
"""Seconds between two questions whether there is something to do now."""

Tasks = Iterator[Task | None]
"""Gives None while there is nothing to do now, but may be later."""
Progress = Callable[[Task, float], None]
"""Called with a task and the share of it that is done, 0 to 1, from any thread."""


@dataclass(frozen=True)
class Done:
    """A task that is done, well or not."""

    task: Task
    rendered: Rendered


@dataclass(frozen=True)
class Retired:
    """A lane that could not start; others do its work."""

    error: DepmapError


def work_through(
    lanes: Sequence[Lane], tasks: Tasks, job: Job, told: Progress
) -> Iterator[Done | Retired]:
    """Have every task done by some lane; what is done comes back as it is.

    Raises:
        DepmapError: no lane can start.
    """
    if len(lanes) == 1 and isinstance(lanes[0], Here):
        yield from _alone(lanes[0], _Shared(tasks), told)
    else:
        yield from _together(lanes, _Shared(tasks), job, told)


def _alone(lane: Lane, tasks: "_Shared", told: Progress) -> Iterator[Done]:
    """In this thread, so that Ctrl-C stops a video midway."""
    while task := tasks.take():
        with tasks.given_back(task):
            lane.start(task)
        yield Done(task, lane.do(task, _of(task, told)))


def _together(
    lanes: Sequence[Lane], tasks: "_Shared", job: Job, told: Progress
) -> Iterator[Done | Retired]:
    events: SimpleQueue[Done | Retired | BaseException | None] = SimpleQueue()
    threads = [
        threading.Thread(target=_work, args=(lane, tasks, job, told, events.put), daemon=True)
        for lane in lanes
    ]
    retired: list[Retired] = []
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
            elif isinstance(event, Retired):
                retired.append(event)
                if len(retired) == len(lanes):
                    raise retired[0].error
                yield event
            else:
                yield event
    finally:
        tasks.stop()
        for lane in lanes:
            lane.close()
        for thread in threads:
            if thread.ident is not None:  # it was started
                thread.join()


def _work(
    lane: Lane,
    tasks: "_Shared",
    job: Job,
    told: Progress,
    tell: Callable[[Done | Retired | BaseException | None], None],
) -> None:
    """What a lane's thread does."""
    try:
        while task := tasks.take():
            with tasks.given_back(task):
                _start(lane, task)
            tell(Done(task, _tried(lane, task, job, told, tasks)))
    except Stopped:
        pass
    except DepmapError as error:
        tell(Retired(error))
    except BaseException as error:  # for the thread that waits
        tell(error)
    finally:
        tell(None)


def _start(lane: Lane, task: Task) -> None:
    """Start the lane; if it dies of the video that it decodes meanwhile, without one."""
    try:
        lane.start(task)
    except WorkerLost as error:
        if not error.again:
            raise
        lane.start(None)


def _tried(lane: Lane, task: Task, job: Job, told: Progress, tasks: "_Shared") -> Rendered:
    """The task done by a lane that has started, again where what did it ended.

    The second time nothing else is decoded beside it, which may be what it died of.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            if tasks.stopped:
                raise Stopped
            if attempt > 1:
                lane.start(None)
                task = replace(task, upcoming=None)
            return lane.do(task, _of(task, told))
        except DepmapError as error:
            if attempt == ATTEMPTS or not (isinstance(error, WorkerLost) and error.again):
                return job.failed(task, error)
    raise AssertionError("the last attempt returns")


def _of(task: Task, told: Progress) -> Callable[[float], None]:
    return lambda share: told(task, share)


class _Shared:
    """Tasks that several threads take, each once."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._given_back: deque[Task] = deque()
        self._starting = 0
        self._change = threading.Condition()
        self.stopped = False

    def take(self) -> Task | None:
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

    def _next(self) -> tuple[Task | None, bool]:
        """A task if there is one now; whether there will be none but those given back."""
        if self._given_back:
            return self._given_back.popleft(), False
        for task in self._tasks:
            return task, False
        return None, True

    @contextmanager
    def given_back(self, task: Task) -> Iterator[None]:
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
