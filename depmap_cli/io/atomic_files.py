"""Files and folders that are whole or absent: made beside their place, then renamed into it."""

import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TEMP_PATTERN = ".making-*"
"""Matches what is not whole yet."""
STALE_AGE = 3600.0
"""Seconds after which what is half-written is nobody's: writing takes a moment."""


@contextmanager
def atomic_write(path: Path, keep: bool = False) -> Iterator[Path]:
    """Where to write a file, or make a folder, that becomes ``path`` once it is whole.

    Several processes may make the same at once. What is there already is replaced; with ``keep`` a
    folder that is there stays, and the one made aside is dropped.
    """
    aside = path.with_name(TEMP_PATTERN.replace("*", f"{secrets.token_hex(4)}-{path.name}"))
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield aside
        if aside.is_dir() and not keep:
            remove(path)  # a folder cannot be renamed over another
        try:
            os.replace(aside, path)
        except OSError:
            if not (keep and path.is_dir()):
                raise
    finally:
        remove(aside)


def remove(path: Path) -> None:
    """Remove a file, a folder with what is in it, or nothing where there is none."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_stale_temp(found: Iterable[Path], age: float = 0.0) -> None:
    """Of paths that match ``TEMP_PATTERN``, remove what dead processes left ``age`` seconds ago."""
    before = time.time() - age
    for left in list(found):
        with suppress(FileNotFoundError):  # another process has just finished it
            if left.stat().st_mtime <= before:
                remove(left)
