"""Locks between processes, which the system opens when the process that has one ends.

Some network drives know no locks. Nothing is locked there, and processes that share a folder must
share the videos out themselves (`--part`).
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

_NO_LOCKS = frozenset({errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK})


class Claim:
    """A lock that is held, or what stands for it where there are none."""

    def __init__(self, lock: BaseFileLock | None) -> None:
        self._lock = lock

    def release(self) -> None:
        """Let others have it."""
        if self._lock is not None:
            self._lock.release()


def claim(path: Path, wait: bool = False) -> Claim | None:
    """Lock the file ``path``; None if another process has it, unless this is to ``wait``.

    Raises:
        OSError: the file cannot be made.
    """
    lock = _lock(path)
    try:
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout:
        return None
    except (NotImplementedError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_LOCKS:
            raise
        return Claim(None)
    return Claim(lock)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """While one process at a time may do something.

    Raises:
        OSError: as ``claim``.
    """
    held = claim(path, wait=True)
    try:
        yield
    finally:
        if held is not None:
            held.release()


def _lock(path: Path) -> BaseFileLock:
    """A lock of the system; never a file that a killed process would leave locked."""
    try:
        return FileLock(path, thread_local=False, fallback_to_soft=False)
    except TypeError:  # filelock before 4 has no such locks
        return FileLock(path, thread_local=False)
