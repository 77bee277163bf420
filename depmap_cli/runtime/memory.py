"""Memory that was freed goes back to the system, so that long videos cost what short ones do."""

import ctypes
import sys


def trim_heap() -> None:
    """Let the C library return freed pages inside its heap; does nothing where it is not glibc.

    The vectors kept of every frame come to lie between the large pieces that the networks free,
    and glibc keeps the holes, so that resident memory grew with the number of frames (measured:
    CHANGELOG).
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # another C library
        return
    trim(0)
