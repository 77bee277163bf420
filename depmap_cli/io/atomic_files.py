"""Atomic writes: files and folders are made under a temporary name and renamed when complete."""

import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TEMP_PATTERN = ".making-*"
"""Glob pattern of the temporary names."""
STALE_AGE = 3600.0
"""Age in seconds from which a temporary file must be of a dead process; writing takes less."""


@contextmanager
def atomic_write(path: Path, keep: bool = False) -> Iterator[Path]:
    """Yield a temporary path for a file or folder that is renamed to ``path`` after the block.

    Several processes may write the same path at once. An existing file or folder is replaced; with
    ``keep``, an existing folder stays and the new one is dropped.
    """
    temporary = path.with_name(TEMP_PATTERN.replace("*", f"{secrets.token_hex(4)}-{path.name}"))
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        if temporary.is_dir() and not keep:
            remove(path)  # a folder cannot be renamed to an existing one
        try:
            os.replace(temporary, path)
        except OSError:
            if not (keep and path.is_dir()):
                raise
    finally:
        remove(temporary)


def remove(path: Path) -> None:
    """Remove a file, or a folder with its content; do nothing if ``path`` does not exist."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_stale_temp(paths: Iterable[Path], age: float = 0.0) -> None:
    """Remove the ``paths`` last changed at least ``age`` seconds ago.

    They are temporary files (``TEMP_PATTERN``) that killed processes left behind.
    """
    latest = time.time() - age
    for path in list(paths):
        with suppress(FileNotFoundError):  # another process has just renamed it
            if path.stat().st_mtime <= latest:
                remove(path)
