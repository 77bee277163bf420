"""Locks between processes. The operating system releases a lock when its process ends.

Some network drives do not support locks. Nothing is locked there: processes that share a results
folder need `--part`, so that no two score the same video.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

_NO_LOCKS = frozenset({errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK})


class Claim:
    """A lock that is held, or a substitute on a drive without locks."""

    def __init__(self, lock: BaseFileLock | None) -> None:
        self._lock = lock

    def release(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._lock.release()


def claim(path: Path, wait: bool = False) -> Claim | None:
    """Lock the file ``path``, which is created if necessary.

    If another process holds the lock, return None, or wait for it with ``wait``.

    Raises:
        OSError: the file cannot be created.
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
    """Hold the lock ``path`` during the block; wait for it first.

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
    """Return a lock of the operating system, never a file whose existence is the lock."""
    try:
        return FileLock(path, thread_local=False, fallback_to_soft=False)
    except TypeError:  # filelock before 4 has no such option
        return FileLock(path, thread_local=False)
