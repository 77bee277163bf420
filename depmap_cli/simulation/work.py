"""Rendering in several processes, in pieces that are whole or absent, so that runs can be killed.

Random numbers come from the seed and from what is drawn, never from the order of work: the same
seed gives the same recordings with any number of processes.
"""

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from enum import IntEnum
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from depmap_cli import __version__
from depmap_cli.errors import DepmapError, OutputUnwritable, UsageProblem
from depmap_cli.progress import Told

T = TypeVar("T")
_ASIDE = ".making-"  # and the process, since two may write the label of a session
SETTINGS = "simulation.json"
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Stream(IntEnum):
    """What random numbers are for."""

    PEOPLE = 0
    LOOKS = 1
    SCENE = 2
    BEHAVIOUR = 3
    CAMERA = 4
    LENGTH = 5
    PORTRAITS = 6  # and then another purpose: people of a corpus with this seed look otherwise


def stream(seed: int, purpose: Stream, *place: int) -> np.random.Generator:
    """The random numbers for one purpose at one place (split, person, session, ...)."""
    return np.random.default_rng([seed, purpose, *place])


def run_all(
    make: Callable[[T], None], items: Sequence[T], jobs: int, stage: str, told: Told
) -> None:
    """Call ``make`` for all items, ``jobs`` at a time, each in a process with one thread.

    Raises:
        DepmapError: what ``make`` raised first; or a process that ended by itself.
    """
    if not items:
        return
    spawn = get_context("spawn")
    with (
        _one_thread_each(),
        ProcessPoolExecutor(min(max(1, jobs), len(items)), spawn, _calm) as pool,
    ):
        futures = [pool.submit(make, item) for item in items]
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                told(stage, done, len(items))
        except BrokenProcessPool as error:
            raise DepmapError(
                "a rendering process ended by itself", "too little memory? use fewer --jobs"
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


def _calm() -> None:
    """Keep OpenCV to one thread, which does not read the environment; end at Ctrl-C, silently."""
    from depmap_cli.opencv import load_opencv

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    load_opencv().setNumThreads(1)


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Where to write a file, or make a folder, that becomes ``path`` once it is whole."""
    aside = path.with_name(f"{_ASIDE}{os.getpid()}-{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield aside
        if aside.is_dir():
            _remove(path)  # a folder cannot be renamed over another
        os.replace(aside, path)
    finally:
        _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def claim(out: Path, settings: dict[str, Any]) -> None:
    """Open an output folder for these settings, or go on in one that was opened for the same.

    Raises:
        UsageProblem: it holds other things, or recordings simulated otherwise.
        OutputUnwritable: it cannot be made.
    """
    asked = json.loads(json.dumps({"version": __version__, **settings}))
    stored = out / SETTINGS
    if stored.is_file():
        _refuse_others(out, json.loads(stored.read_text()), asked)
        for left in list(out.rglob(f"{_ASIDE}*")):  # by a run that was killed
            _remove(left)
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise UsageProblem(f"{out.name}: not empty", "choose a new folder")
        with written_aside(stored) as aside:
            aside.write_text(json.dumps(asked, indent=2) + "\n")
    except OSError as error:
        raise OutputUnwritable(f"{out.name}: {error.strerror}", "choose another folder") from error


def _refuse_others(out: Path, stored: dict[str, Any], asked: dict[str, Any]) -> None:
    other = sorted(n for n in stored.keys() | asked.keys() if stored.get(n) != asked.get(n))
    if other:
        name = other[0]
        raise UsageProblem(
            f"{out.name}: begun with {name} {stored.get(name)}, not {asked.get(name)}",
            "give the same options to go on, or choose a new folder",
        )
