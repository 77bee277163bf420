"""Returns freed memory to the system, so that long videos need no more of it than short ones."""

import ctypes
import sys


def trim_heap() -> None:
    """Ask glibc to return freed pages of its heap to the system; do nothing with another C library.

    The small vectors kept of every frame lie between the large blocks that the networks free, and
    glibc keeps those blocks. Without this call, memory use grew with the number of frames
    (measured: LOG L41).
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # another C library
        return
    trim(0)
