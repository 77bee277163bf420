"""Abandons work in C code that makes no progress for some time.

FFmpeg cannot be interrupted everywhere, and a thread cannot be killed. The work therefore runs in a
daemon thread, one item at a time, and calls ``heartbeat`` whenever it makes progress. After
``READ_TIMEOUT`` seconds without a heartbeat, the caller gives up and the thread is abandoned.

This handles a decoder that loops or sleeps on damaged data, and a disk or network folder that does
not respond: the rest of a batch continues, and the process can end. It does not handle code that
holds Python's global lock (PyAV releases it), a crash of the decoder (which ends the process), or
a video that is slow. An abandoned thread keeps its memory, its file and perhaps one core until the
process ends.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from functools import wraps
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

from depmap_cli.errors import VideoUnreadable

READ_TIMEOUT = 60.0
"""Seconds without progress after which work is abandoned."""
_CHECKS_PER_TIMEOUT = 20
"""Number of times that the caller checks for a heartbeat before the timeout ends."""
_thread = threading.local()
_n_heartbeats = 0
P = ParamSpec("P")
T = TypeVar("T")


class _Pulse:
    """The time of the last heartbeat of a thread."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def heartbeat(self) -> None:
        self.last = time.monotonic()


def heartbeat() -> None:
    """Report that the work of this thread makes progress."""
    global _n_heartbeats
    _n_heartbeats += 1
    pulse = getattr(_thread, "pulse", None)
    if pulse is not None:
        pulse.heartbeat()


def heartbeats() -> int:
    """Return the number of heartbeats in this process; it changes while any work makes progress."""
    return _n_heartbeats


def is_watched() -> bool:
    """Whether this thread already runs under a watchdog."""
    return hasattr(_thread, "pulse")


def with_watchdog(source: Iterator[T], timeout: float | None = None) -> Generator[T, None, None]:
    """Yield the items of ``source``, each produced in another thread when it is requested.

    Args:
        source: the work; it calls ``heartbeat``.
        timeout: seconds without progress; None for ``READ_TIMEOUT``.

    Raises:
        VideoUnreadable: the source made no progress for ``timeout`` seconds.
    """
    wait = READ_TIMEOUT if timeout is None else timeout
    pulse, requests, results = _Pulse(), SimpleQueue[bool](), SimpleQueue[tuple[str, Any]]()
    work = threading.Thread(target=_work, args=(source, pulse, requests, results), daemon=True)
    work.start()
    try:
        while True:
            pulse.heartbeat()
            requests.put(True)
            kind, item = _next_result(results, pulse, wait)
            if kind == "end":
                return
            if kind == "error":
                raise item
            yield item
            del item
    finally:
        requests.put(False)


def watchdog_timeout(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function to run as in ``with_watchdog``, unless its thread already does."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        if is_watched():
            return function(*args, **kwargs)
        result = with_watchdog(function(*args, **kwargs) for _ in range(1))
        try:
            return next(result)
        finally:
            result.close()

    return wrapper


def _next_result(
    results: "SimpleQueue[tuple[str, Any]]", pulse: _Pulse, timeout: float
) -> tuple[str, Any]:
    while True:
        try:
            return results.get(timeout=timeout / _CHECKS_PER_TIMEOUT)
        except Empty:
            if time.monotonic() - pulse.last > timeout:
                raise VideoUnreadable(
                    f"reading made no progress for {timeout:g} s and was abandoned",
                    "copy the file to another disk, or convert it with ffmpeg",
                ) from None


def _work(
    source: Iterator[Any],
    pulse: _Pulse,
    requests: "SimpleQueue[bool]",
    results: "SimpleQueue[tuple[str, Any]]",
) -> None:
    """Produce an item for each request, in the daemon thread; at the end, close the source."""
    _thread.pulse = pulse
    while requests.get():
        try:
            results.put(("item", next(source)))
        except StopIteration:
            results.put(("end", None))
        except BaseException as error:  # raised again in the thread of the caller
            results.put(("error", error))
    close = getattr(source, "close", None)
    if close is not None:
        close()
