"""What commands say while they work: progress and notes on stderr, errors in one line."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any, NoReturn

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from depmap_cli.errors import DepmapError
from depmap_cli.runtime.progress import FractionCallback, ProgressCallback, span


def fail(error: DepmapError) -> NoReturn:
    """Say what is wrong and how to mend it; leave with the error's exit code."""
    from depmap_cli.io.clean_text import clean  # not for `depmap --help`

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(f"[bold red]error:[/] {escape(clean(error.message))}")
    if error.hint:
        console.print(f"[bold]hint:[/] {escape(clean(error.hint))}")
    sys.exit(error.exit_code)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress]:
    """A transient progress display on stderr; silent when asked, or when not a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=quiet or not console.is_terminal
    ) as bar:
        yield bar


def stages(bar: Progress) -> ProgressCallback:
    """A callback that keeps one line a stage."""
    tasks: dict[str, Any] = {}

    def told(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = bar.add_task(stage, total=total)
        bar.update(tasks[stage], completed=done, total=total)

    return told


@contextmanager
def one_line(bar: Progress, name: str, total: float | None = 1.0) -> Iterator[FractionCallback]:
    """A line that is there while ``name`` is worked on; yields what the share done is told to.

    Without a ``total`` the line says only that there is work.
    """
    task = bar.add_task(name, total=total)
    yield lambda share: bar.update(task, completed=share)
    bar.remove_task(task)


@contextmanager
def explain_resume() -> Iterator[None]:
    """Says what goes on with the work that Ctrl-C stops."""
    try:
        yield
    except KeyboardInterrupt:
        note("to go on after the last finished epoch, repeat the command with --resume", False)
        raise


class BatchBars:
    """A line for the batch with the time left, and one for each video that is being scored.

    Where stderr is no terminal, a plain line when a video is done instead; nothing if ``quiet``.
    """

    def __init__(self, videos: int, quiet: bool) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._shown = self._console.is_terminal and not quiet
        self._quiet = quiet
        self._videos, self._done, self._before = videos, 0, 0
        self._begun = time.monotonic()
        self._one = RLock()
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            transient=True,
            disable=not self._shown,
        )
        self._all = self._bar.add_task("", total=videos, left="")
        self._rows: dict[int, TaskID] = {}
        self._shares: dict[int, float] = {}
        self._told("loading weights")

    def __enter__(self) -> "BatchBars":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def working(self, number: int, name: str, share: float) -> None:
        """A share of a video, 0 to 1, is done; from any thread."""
        if not self._shown:
            return
        from depmap_cli.io.clean_text import clean  # not for `depmap --help`

        with self._one:
            if number not in self._rows:
                self._rows[number] = self._bar.add_task(clean(name), total=1.0, left="")
            self._shares[number] = share
            self._bar.update(self._rows[number], completed=share)
            self._told()

    def done(self, number: int, line: str, before: bool) -> None:
        """A video is done; ``before`` if that took no time now."""
        with self._one:
            self._done += 1
            self._before += before
            self._shares.pop(number, None)
            if (row := self._rows.pop(number, None)) is not None:
                self._bar.remove_task(row)
            self._told()
        if not self._quiet and self._videos > 1:
            plain = f"[{self._done}/{self._videos}] {line}"
            left = "" if self._shown or self._done == self._videos else self._left()
            text = plain + (f" ({left})" if left else "")
            self._console.print(text, markup=False, emoji=False, soft_wrap=True)

    def _told(self, doing: str | None = None) -> None:
        doing = doing or f"{self._done} of {self._videos} done"
        completed = self._done + sum(self._shares.values())
        self._bar.update(self._all, description=doing, completed=completed, left=self._left())

    def _left(self) -> str:
        """The time left, as far as this run's own work tells it."""
        worked = self._done - self._before + sum(self._shares.values())
        if worked <= 0:
            return ""
        todo = self._videos - self._before - worked
        return f"{span((time.monotonic() - self._begun) * todo / worked)} left"


def note(text: str, quiet: bool) -> None:
    """One line on stderr."""
    if not quiet:
        from depmap_cli.io.clean_text import clean

        Console(stderr=True, highlight=False, soft_wrap=True).print(clean(text), markup=False)
