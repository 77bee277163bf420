"""Identifies files by the hash of their bytes, or by size and modification time."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path


def file_state(path: Path) -> tuple[int, int] | None:
    """Return size and modification time in ns, a cheap substitute for hashing hours of video.

    None if the file is missing or the path is invalid.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns


def sha256_of(path: Path, prefix: bytes = b"") -> str:
    """Return the SHA-256 of the bytes ``prefix`` followed by those of a file, as hex digits.

    Each process reads an unchanged file once.
    """
    status = path.stat()
    return _sha256_of(path, prefix, status.st_mtime_ns, status.st_size, status.st_ino)


@lru_cache(maxsize=100_000)
def _sha256_of(path: Path, prefix: bytes, *state: int) -> str:
    digest = hashlib.sha256(prefix)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
