"""What commands say while they work: progress and notes on stderr, errors in one line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from depmap_cli.errors import DepmapError
from depmap_cli.progress import Share, Told


def fail(error: DepmapError) -> NoReturn:
    """Say what is wrong and how to mend it; leave with the error's exit code."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(f"[bold red]error:[/] {escape(error.message)}")
    if error.hint:
        console.print(f"[bold]hint:[/] {escape(error.hint)}")
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


def stages(bar: Progress) -> Told:
    """A callback that keeps one line a stage."""
    tasks: dict[str, Any] = {}

    def told(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = bar.add_task(stage, total=total)
        bar.update(tasks[stage], completed=done, total=total)

    return told


@contextmanager
def one_line(bar: Progress, name: str, total: float | None = 1.0) -> Iterator[Share]:
    """A line that is there while ``name`` is worked on; yields what the share done is told to.

    Without a ``total`` the line says only that there is work.
    """
    task = bar.add_task(name, total=total)
    yield lambda share: bar.update(task, completed=share)
    bar.remove_task(task)


@contextmanager
def resumable() -> Iterator[None]:
    """Says what goes on with the work that Ctrl-C stops."""
    try:
        yield
    except KeyboardInterrupt:
        note("to go on after the last finished epoch, repeat the command with --resume", False)
        raise


def note(text: str, quiet: bool) -> None:
    """One line on stderr."""
    if not quiet:
        Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False)
