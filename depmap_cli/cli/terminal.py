"""What commands print to stderr: progress, notes and errors."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from traceback import format_exception
from typing import Any, NoReturn

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from depmap_cli.errors import DepmapError, UnexpectedError
from depmap_cli.runtime.debug_log import debug_enabled
from depmap_cli.runtime.progress import FractionCallback, ProgressCallback, format_duration


def fail(error: DepmapError) -> NoReturn:
    """Print an error and its hint, in debug mode also the traceback; exit with its exit code."""
    from depmap_cli.io.clean_text import clean  # keeps `depmap --help` fast

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    if debug_enabled():
        known = isinstance(error, UnexpectedError) and error.traceback
        for line in (known or "".join(format_exception(error))).splitlines():
            console.print(clean(line), markup=False)
    console.print(f"[bold red]error:[/] {escape(clean(error.message))}")
    if error.hint:
        console.print(f"[bold]hint:[/] {escape(clean(error.hint))}")
    sys.exit(error.exit_code)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress]:
    """Yield a transient progress display on stderr.

    Shows nothing if ``quiet``, without a terminal, or in debug mode, whose log it would disturb.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    hidden = quiet or not console.is_terminal or debug_enabled()
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        yield bar


def stages(bar: Progress) -> ProgressCallback:
    """Return a callback that shows one line per stage."""
    tasks: dict[str, Any] = {}

    def on_progress(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = bar.add_task(stage, total=total)
        bar.update(tasks[stage], completed=done, total=total)

    return on_progress


@contextmanager
def one_line(bar: Progress, name: str, total: float | None = 1.0) -> Iterator[FractionCallback]:
    """Show one line while the block runs; yield a callback for the fraction done.

    Without a ``total`` the line only shows that work is going on.
    """
    task = bar.add_task(name, total=total)
    yield lambda fraction: bar.update(task, completed=fraction)
    bar.remove_task(task)


@contextmanager
def explain_resume() -> Iterator[None]:
    """If Ctrl-C interrupts the block, print how to continue."""
    try:
        yield
    except KeyboardInterrupt:
        note("to continue after the last finished epoch, run the command with --resume", False)
        raise


class BatchBars:
    """Progress of a batch on stderr: one line with the time left, and one for each current video.

    Without a terminal, and in debug mode, one plain line per finished video; nothing if ``quiet``.
    """

    def __init__(self, n_videos: int, quiet: bool) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._live = self._console.is_terminal and not quiet and not debug_enabled()
        self._quiet = quiet
        self._n_videos, self._n_done, self._n_already_done = n_videos, 0, 0
        self._start = time.monotonic()
        self._lock = RLock()
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[time_left]}"),
            console=self._console,
            transient=True,
            disable=not self._live,
        )
        self._total = self._bar.add_task("", total=n_videos, time_left="")
        self._rows: dict[int, TaskID] = {}
        self._fractions: dict[int, float] = {}
        self._update_total("loading weights")

    def __enter__(self) -> "BatchBars":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def update(self, number: int, name: str, fraction: float) -> None:
        """Show the fraction done of a video, 0 to 1; may be called from any thread."""
        if not self._live:
            return
        from depmap_cli.io.clean_text import clean  # keeps `depmap --help` fast

        with self._lock:
            if number not in self._rows:
                self._rows[number] = self._bar.add_task(clean(name), total=1.0, time_left="")
            self._fractions[number] = fraction
            self._bar.update(self._rows[number], completed=fraction)
            self._update_total()

    def finish(self, number: int, line: str, already_done: bool) -> None:
        """Show that a video is done; ``already_done`` if an earlier run scored it."""
        with self._lock:
            self._n_done += 1
            self._n_already_done += already_done
            self._fractions.pop(number, None)
            if (row := self._rows.pop(number, None)) is not None:
                self._bar.remove_task(row)
            self._update_total()
        if not self._quiet and self._n_videos > 1:
            text = f"[{self._n_done}/{self._n_videos}] {line}"
            time_left = "" if self._live or self._n_done == self._n_videos else self._time_left()
            text += f" ({time_left})" if time_left else ""
            self._console.print(text, markup=False, emoji=False, soft_wrap=True)

    def _update_total(self, description: str | None = None) -> None:
        description = description or f"{self._n_done} of {self._n_videos} done"
        completed = self._n_done + sum(self._fractions.values())
        self._bar.update(
            self._total, description=description, completed=completed, time_left=self._time_left()
        )

    def _time_left(self) -> str:
        """Estimate the time left from the videos that this run scored; empty before the first."""
        worked = self._n_done - self._n_already_done + sum(self._fractions.values())
        if worked <= 0:
            return ""
        remaining = self._n_videos - self._n_already_done - worked
        return f"{format_duration((time.monotonic() - self._start) * remaining / worked)} left"


def note(text: str, quiet: bool) -> None:
    """Print one line to stderr, unless ``quiet``."""
    if not quiet:
        from depmap_cli.io.clean_text import clean  # keeps `depmap --help` fast

        Console(stderr=True, highlight=False, soft_wrap=True).print(clean(text), markup=False)
