"""Work in C code that may never come back, given up after a time without progress.

OpenCV and FFmpeg cannot be interrupted, and a thread cannot be killed. So the work runs in a daemon
thread, one item at a time, which calls ``heartbeat`` whenever it gets on; whoever waits gives up after
``READ_TIMEOUT`` seconds without a beat, and the thread is abandoned.

Caught: a decoder that spins or sleeps on damaged data, a disk or network folder that hangs. The
rest of a batch goes on, and the process still ends. Not caught: what keeps Python's lock meanwhile
(OpenCV lets go of it), a crash of the decoder (that takes the process along), and a video that gets
on slowly. An abandoned thread keeps its memory, its file and perhaps one core until the process
ends.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from functools import wraps
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

from depmap_cli.errors import VideoUnreadable

READ_TIMEOUT = 60.0
"""Seconds without progress after which work is given up."""
_CHECKS_PER_TIMEOUT = 20  # times that are looked whether there was a beat while patience lasts
_here = threading.local()
_beats = 0
P = ParamSpec("P")
T = TypeVar("T")


class _Pulse:
    """When work last got on."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def heartbeat(self) -> None:
        self.last = time.monotonic()


def heartbeat() -> None:
    """Tell whoever waits for this thread's work, if anyone does, that it gets on."""
    global _beats
    _beats += 1
    pulse = getattr(_here, "pulse", None)
    if pulse is not None:
        pulse.heartbeat()


def heartbeats() -> int:
    """A number that changes while any work of this process gets on."""
    return _beats


def is_watched() -> bool:
    """Whether this code already runs where someone watches it."""
    return hasattr(_here, "pulse")


def with_watchdog(source: Iterator[T], timeout: float | None = None) -> Generator[T, None, None]:
    """What ``source`` yields, each item made in another thread when it is asked for.

    ``timeout`` is in seconds, by default ``READ_TIMEOUT``.

    Raises:
        VideoUnreadable: the source made no progress for so long.
    """
    wait = READ_TIMEOUT if timeout is None else timeout
    pulse, asked, made = _Pulse(), SimpleQueue[bool](), SimpleQueue[tuple[str, Any]]()
    work = threading.Thread(target=_work, args=(source, pulse, asked, made), daemon=True)
    work.start()
    try:
        while True:
            pulse.heartbeat()
            asked.put(True)
            kind, item = _answer(made, pulse, wait)
            if kind == "end":
                return
            if kind == "error":
                raise item
            yield item
            del item
    finally:
        asked.put(False)


def watchdog_timeout(function: Callable[P, T]) -> Callable[P, T]:
    """``function``, given up like ``with_watchdog``; inside watched work it is called as it is."""

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        if is_watched():
            return function(*args, **kwargs)
        once = with_watchdog(function(*args, **kwargs) for _ in range(1))
        try:
            return next(once)
        finally:
            once.close()

    return called


def _answer(made: "SimpleQueue[tuple[str, Any]]", pulse: _Pulse, timeout: float) -> tuple[str, Any]:
    while True:
        try:
            return made.get(timeout=timeout / _CHECKS_PER_TIMEOUT)
        except Empty:
            if time.monotonic() - pulse.last > timeout:
                raise VideoUnreadable(
                    f"reading it made no progress for {timeout:g} s, and was given up",
                    "is it damaged, or on a disk that hangs? copy it, or convert it with ffmpeg",
                ) from None


def _work(
    source: Iterator[Any],
    pulse: _Pulse,
    asked: "SimpleQueue[bool]",
    made: "SimpleQueue[tuple[str, Any]]",
) -> None:
    """The other thread: an item each time one is asked for; at the end the source is closed."""
    _here.pulse = pulse
    while asked.get():
        try:
            made.put(("item", next(source)))
        except StopIteration:
            made.put(("end", None))
        except BaseException as error:  # it belongs to whoever waits
            made.put(("error", error))
    close = getattr(source, "close", None)
    if close is not None:
        close()
