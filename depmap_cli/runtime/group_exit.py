"""Ends a process of a group that torchrun started. Imports no torch."""

import atexit
import os
import sys


def end_process_of_group(code: object) -> None:
    """End this process at once if it belongs to a process group; otherwise do nothing.

    Python ends daemon threads that are in C++ code by unwinding them, which can abort a process
    that has done its work, and torchrun then ends the others. Exit functions run as usual.

    Args:
        code: the exit code, as ``SystemExit`` holds it.
    """
    if not _in_process_group():
        return
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _in_process_group() -> bool:
    """Whether this process has joined a group of several processes."""
    distributed = sys.modules.get("torch.distributed")
    return distributed is not None and distributed.is_available() and distributed.is_initialized()
