"""Files and folders of results: checked before work starts, and written atomically."""

import os
import re
from collections.abc import Container
from pathlib import Path

from depmap_cli.errors import OutputUnwritable
from depmap_cli.io.atomic_files import atomic_write
from depmap_cli.io.clean_text import clean


def write_file(folder: Path, name: str, data: bytes) -> None:
    """Write ``folder``/``name`` aside and rename it, so that it is never seen half-written.

    Raises:
        OutputUnwritable: the folder or the file cannot be written.
    """
    try:
        with atomic_write(folder / name) as aside:
            aside.write_bytes(data)
    except OSError as error:
        raise unwritable(f"{folder.name}/{name}" if folder.name else name, error) from error


def unwritable(name: str, error: OSError) -> OutputUnwritable:
    """What to raise where the disk refuses to write ``name``."""
    return OutputUnwritable(
        f"cannot write {clean(name)}: {error.strerror or 'unknown error'}",
        "check that the folder is a folder, is writable and has space left",
    )


def check_folder(folder: Path) -> None:
    """Look whether files can be written to a folder, or below one that is to be made.

    Raises:
        OutputUnwritable: it is a file or lies below one, or must not be written.
    """
    place = folder.absolute()
    while not os.path.exists(place):  # unlike Path.exists, never raises
        place = place.parent
    if not os.path.isdir(place) or not os.access(place, os.W_OK | os.X_OK):
        given = place.name in folder.parts  # what lies above is nobody's business
        what = clean(place.name) if given else "the folder that it is in"
        raise OutputUnwritable(
            f"cannot write to {clean(folder.name)}: {what} is no folder to write to",
            "choose another folder",
        )


def check_file(path: Path) -> None:
    """Look whether a file can be written: as ``check_folder``, and that it is none.

    Raises:
        OutputUnwritable: it cannot.
    """
    if os.path.isdir(path):
        raise OutputUnwritable(
            f"cannot write {clean(path.name)}: it is a folder",
            f"name the file, e.g. {clean(path.name)}/mine.safetensors",
        )
    check_folder(path.parent)


def remove_stale(folder: Path, ours: re.Pattern[str], kept: Container[str]) -> None:
    """Remove what an earlier run left in ``folder``: files named like ``ours`` but for those
    ``kept``, and the folder if it is empty then; nothing else.

    Raises:
        OutputUnwritable: one cannot be removed.
    """
    if not os.path.isdir(folder):
        return
    try:
        for path in folder.iterdir():
            if ours.fullmatch(path.name) and path.name not in kept:
                path.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise OutputUnwritable(
            f"cannot remove an earlier picture from {clean(folder.parent.name)}/{folder.name}: "
            f"{error.strerror or 'unknown error'}",
            "remove that folder by hand",
        ) from error
