"""Runs an iterator in a thread of its own, ahead of its consumer."""

from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")
_POLL_INTERVAL = 0.1
"""Seconds after which a thread that waits for free space checks whether it was closed."""


class Prefetcher(Generic[T]):
    """Iterates over ``source`` in a thread, at most ``capacity`` items ahead, in order.

    An exception in ``source`` is raised by ``next`` after the items before it. ``close``
    (``contextlib.closing``) ends the thread, which then closes the source if it is a generator.

    It saves time if the source releases Python's global lock most of the time, as PyAV's decoders
    do.
    """

    def __init__(self, source: Iterable[T], capacity: int) -> None:
        self._items: Queue[tuple[T] | BaseException | None] = Queue(capacity)
        self._closed = Event()
        self._ended = False
        self._thread = Thread(target=self._run, args=(source,), name="prefetch", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        """Wait for the next item and return it.

        Raises:
            StopIteration: the source has ended, or ``close`` was called.
        """
        if self._ended:
            raise StopIteration
        item = self._items.get()
        if isinstance(item, tuple):
            return item[0]
        self._ended = True
        self._thread.join()
        raise StopIteration if item is None else item

    def wait(self) -> None:
        """Wait until the source has ended or ``close`` was called; items may remain to be taken."""
        self._thread.join()

    def close(self) -> None:
        """End the thread, and wait until it has closed the source."""
        self._ended = True
        self._closed.set()
        while self._thread.is_alive():
            try:
                self._items.get(timeout=_POLL_INTERVAL)
            except Empty:
                continue

    def _run(self, source: Iterable[T]) -> None:
        try:
            for item in source:
                if not self._put((item,)):
                    break
        except BaseException as error:  # raised again in the thread of the consumer
            self._put(error)
        else:
            self._put(None)
        finally:
            if (close := getattr(source, "close", None)) is not None:
                close()

    def _put(self, item: tuple[T] | BaseException | None) -> bool:
        """Put an item in the queue when there is space; return False if the iterator was closed."""
        while not self._closed.is_set():
            try:
                self._items.put(item, timeout=_POLL_INTERVAL)
            except Full:
                continue
            return True
        return False
