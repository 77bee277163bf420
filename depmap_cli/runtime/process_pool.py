"""Runs work in several processes of one thread each, which end when this process ends."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process, resource_tracker
from typing import TypeVar

from depmap_cli.errors import DepmapError, OutputUnwritable
from depmap_cli.runtime.debug_log import configure_logging
from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.runtime.threads import use_passive_threads

T = TypeVar("T")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run_all(
    make: Callable[[T], None],
    items: Sequence[T],
    jobs: int,
    stage: str,
    on_progress: ProgressCallback,
) -> None:
    """Call ``make`` for all items in ``jobs`` processes.

    Args:
        make: a function that can be pickled; its result is discarded.
        items: its arguments.
        jobs: number of processes.
        stage: name of the work, for progress and error messages.
        on_progress: called after each item.

    Raises:
        DepmapError: the first error of ``make``, or a process ended unexpectedly.
        OutputUnwritable: the first error of ``make`` is an ``OSError``.
    """
    if not items:
        return
    load_opencv()  # report a broken installation here: a process that cannot start reports nothing
    spawn = get_context("spawn")
    with (
        _one_thread_each(),
        ProcessPoolExecutor(min(max(1, jobs), len(items)), spawn, init_worker) as pool,
    ):
        try:
            with block_sigint():
                futures = [pool.submit(make, item) for item in items]
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                on_progress(stage, done, len(items))
        except BrokenProcessPool as error:
            raise DepmapError(
                f"{stage}: a process ended unexpectedly",
                "use fewer --jobs if memory is short, and run again; finished work is kept",
            ) from error
        except OSError as error:
            pool.shutdown(wait=False, cancel_futures=True)
            raise OutputUnwritable(
                f"{error.strerror or error}", "check the free disk space"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Make processes started in the block compute on one thread; NumPy reads this when imported.

    The number of threads also affects rounding, and so the last bits of landmarks.
    """
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def block_sigint() -> Iterator[None]:
    """Block Ctrl-C in processes started in the block until they have called ``init_worker``.

    Before that, they would print the traceback of an interrupted import.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # started later, it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def init_worker(threads: int | None = 1) -> None:
    """Prepare a worker process.

    It ends silently at Ctrl-C, and when the process that started it ends in any way.

    Args:
        threads: number of threads of OpenCV, which ignores the environment; None for all cores.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    use_passive_threads()
    if threads is not None:
        load_opencv().setNumThreads(threads)
    configure_logging()


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)
