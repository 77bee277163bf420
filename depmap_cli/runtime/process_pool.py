"""Work spread over several processes, each on one thread, which end when this one ends."""

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
from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.runtime.threads import use_passive_threads

T = TypeVar("T")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run_all(
    make: Callable[[T], None], items: Sequence[T], jobs: int, stage: str, told: ProgressCallback
) -> None:
    """Call ``make`` for all items, ``jobs`` at a time, each in a process with one thread.

    Raises:
        DepmapError: what ``make`` raised first; or a process that ended by itself.
    """
    if not items:
        return
    load_opencv()  # what is missing is told here: a process that cannot start says nothing
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
                told(stage, done, len(items))
        except BrokenProcessPool as error:
            raise DepmapError(
                f"{stage}: a process ended by itself",
                "too little memory? use fewer --jobs; what is finished is kept",
            ) from error
        except OSError as error:
            pool.shutdown(wait=False, cancel_futures=True)
            raise OutputUnwritable(f"{error.strerror or error}", "is the disk full?") from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started meanwhile compute on one thread: NumPy reads this when it is loaded.

    The number of threads also shapes rounding, and so the last bits of landmarks.
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
    """Processes started meanwhile hear of Ctrl-C only once they are ``init_worker``: till then they would
    print what they were about to load."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which would hear of it again when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def init_worker(threads: int | None = 1) -> None:
    """Keep OpenCV, which does not read the environment, to so many threads (None: all cores); end
    at Ctrl-C, silently, and with the process that started this one, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    use_passive_threads()
    if threads is not None:
        load_opencv().setNumThreads(threads)


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)
