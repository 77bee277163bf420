"""What identifies a file: the hash of its bytes, or its size and modification time."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path


def file_state(path: Path) -> tuple[int, int] | None:
    """Size and time of change, which tell files apart without reading hours of video."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns


def sha256_of(path: Path, before: bytes = b"") -> str:
    """Hash of a file's bytes, with others ``before`` them; read once a process while the file stays
    as it is."""
    found = path.stat()
    return _sha256_of(path, before, found.st_mtime_ns, found.st_size, found.st_ino)


@lru_cache(maxsize=100_000)
def _sha256_of(path: Path, before: bytes, *state: int) -> str:
    digest = hashlib.sha256(before)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
