"""An iterator that runs in a thread of its own, ahead of whoever takes what it yields."""

from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")
_POLL_INTERVAL = 0.1
"""Seconds after which a thread that waits for room looks whether it is still wanted."""


class Prefetcher(Generic[T]):
    """Iterates over ``source`` in a thread, at most ``room`` items ahead, in order.

    What ``source`` raises is raised here in its place. ``close`` (``contextlib.closing``) ends the
    thread, which then closes the source if it is a generator.

    It pays where the source leaves Python's lock alone most of the time, as OpenCV's decoder does.
    """

    def __init__(self, source: Iterable[T], room: int) -> None:
        self._items: Queue[tuple[T] | BaseException | None] = Queue(room)
        self._unwanted = Event()
        self._over = False
        self._thread = Thread(target=self._run, args=(source,), name="ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        """The next item, once there is one.

        Raises:
            StopIteration: the source has ended, or this was closed.
        """
        if self._over:
            raise StopIteration
        found = self._items.get()
        if isinstance(found, tuple):
            return found[0]
        self._over = True
        self._thread.join()
        raise StopIteration if found is None else found

    def wait(self) -> None:
        """Wait until the source has ended, or this was closed; items may be left to take."""
        self._thread.join()

    def close(self) -> None:
        """End the thread, and wait until it has let go of the source."""
        self._over = True
        self._unwanted.set()
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
        except BaseException as error:  # whatever it is, it belongs to whoever takes the items
            self._put(error)
        else:
            self._put(None)
        finally:
            if (close := getattr(source, "close", None)) is not None:
                close()

    def _put(self, item: tuple[T] | BaseException | None) -> bool:
        """Hand an item on once there is room; False if nobody wants it any more."""
        while not self._unwanted.is_set():
            try:
                self._items.put(item, timeout=_POLL_INTERVAL)
            except Full:
                continue
            return True
        return False
