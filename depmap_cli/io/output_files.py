"""Result files: their paths are checked before work starts, and each is written atomically."""

import os
import re
from collections.abc import Container
from pathlib import Path

from depmap_cli.errors import OutputUnwritable
from depmap_cli.io.atomic_files import atomic_write
from depmap_cli.io.clean_text import clean


def write_file(folder: Path, name: str, data: bytes) -> None:
    """Write ``folder``/``name`` under a temporary name and rename it, so it is always complete.

    Raises:
        OutputUnwritable: the folder or the file cannot be written.
    """
    try:
        with atomic_write(folder / name) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        # Reports may quote this error, so it names no folder above the one written to.
        raise unwritable(f"{folder.name}/{name}" if folder.name else name, error) from error


def unwritable(path: str, error: OSError) -> OutputUnwritable:
    """Make the error for a ``path`` that the operating system refuses to write."""
    return OutputUnwritable(
        f"cannot write {clean(path)}: {error.strerror or 'unknown error'}",
        "check the path, its permissions and the free space",
    )


def check_folder(folder: Path) -> None:
    """Check that files can be written to ``folder``, which need not exist yet.

    Raises:
        OutputUnwritable: the folder, or the nearest existing folder above it, is a file or is not
            writable.
    """
    existing = folder
    while not os.path.exists(existing) and existing != existing.parent:  # never raises
        existing = existing.parent
    problem = ""
    if not os.path.isdir(existing):
        problem = f"{clean(str(existing))} is a file, not a folder"
    elif not os.access(existing, os.W_OK | os.X_OK):
        problem = f"no permission to write to {clean(str(existing))}"
    if problem:
        raise OutputUnwritable(
            f"cannot write to {clean(str(folder))}: {problem}", "choose another folder"
        )


def check_file(path: Path) -> None:
    """Check that ``path``, which need not exist yet, can be written as a file.

    Raises:
        OutputUnwritable: the path is a folder, or its folder cannot be written to.
    """
    if os.path.isdir(path):
        raise OutputUnwritable(
            f"cannot write {clean(str(path))}: it is a folder",
            f"name a file, e.g. {clean(str(path / 'mine.safetensors'))}",
        )
    check_folder(path.parent)


def remove_stale(folder: Path, pattern: re.Pattern[str], current: Container[str]) -> None:
    """Remove files of an earlier run from ``folder``, and the folder if it is empty then.

    Files are removed if their name matches ``pattern`` and is not in ``current``.

    Raises:
        OutputUnwritable: a file cannot be removed.
    """
    if not os.path.isdir(folder):
        return
    try:
        for path in folder.iterdir():
            if pattern.fullmatch(path.name) and path.name not in current:
                path.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise OutputUnwritable(
            f"cannot remove the picture of an earlier run from "
            f"{clean(folder.parent.name)}/{folder.name}: {error.strerror or 'unknown error'}",
            "delete that folder",
        ) from error
