"""The live display of `depmap train`: progress, losses, metrics on Development, time left."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from depmap_cli.training.progress import EpochDone, StepDone

TABLE_EPOCHS = 8
"""Number of epochs in the table; the log holds all."""


@dataclass(kw_only=True)
class TrainingView:
    """Shows a run in progress; without a terminal, prints a line for each epoch."""

    console: Console
    epochs: int
    name: str = ""  # of the run, if there are several
    clock: Callable[[], float] = time.monotonic
    rows: list[EpochDone] = field(default_factory=list)
    step: StepDone | None = None
    first_step: int | None = None  # number of steps before this process started

    def __enter__(self) -> "TrainingView":
        self.started = self.clock()
        self.live = Live(console=self.console, auto_refresh=False, transient=False)
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.console.is_terminal:
            self.live.stop()

    def __call__(self, event: StepDone | EpochDone) -> None:
        """Show an event."""
        if isinstance(event, EpochDone):
            self.rows.append(event)
            if not self.console.is_terminal:
                text = f"{self.name}: {epoch_line(event)}" if self.name else epoch_line(event)
                self.console.print(text, highlight=False, soft_wrap=True, markup=False)
        else:
            if self.first_step is None:
                self.first_step = self._n_steps(event) - 1
            self.step = event
        if self.console.is_terminal:
            self.live.update(self.render(), refresh=True)

    def _n_steps(self, step: StepDone) -> int:
        return step.epoch * step.steps + step.step

    def render(self) -> Group:
        """Return what the terminal shows now."""
        parts: list[Table | Text | ProgressBar] = [Text(self.name)] if self.name else []
        if self.rows:
            parts.append(_table(self.rows[-TABLE_EPOCHS:]))
        if self.step is not None:
            done, total = self._n_steps(self.step), self.epochs * self.step.steps
            parts += [self._status(self.step, done, total), ProgressBar(total, done, width=72)]
        return Group(*parts)

    def _status(self, step: StepDone, done: int, total: int) -> Text:
        losses = "  ".join(f"{_short(name)} {value:.3g}" for name, value in step.losses.items())
        done_here = done - (self.first_step or 0)
        seconds_left = (self.clock() - self.started) / max(done_here, 1) * (total - done)
        position = f"epoch {step.epoch + 1}/{self.epochs}, batch {step.step}/{step.steps}"
        return Text(f"{position}  {losses}  {_duration(seconds_left)} left")


def epoch_line(done: EpochDone) -> str:
    """One epoch in one line, for logs."""
    losses = ", ".join(f"{_short(name)} {value:.3g}" for name, value in done.losses.items())
    metrics = done.development
    best = ", best so far" if done.is_best else ""
    return (
        f"epoch {done.epoch + 1}: {losses}; Development RMSE {metrics['rmse']:.2f}, "
        f"MAE {metrics['mae']:.2f}, PCC {metrics['pcc']:.2f}, CCC {metrics['ccc']:.2f}{best}"
    )


def _table(rows: list[EpochDone]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for name in ("epoch", "loss", "contrast", "RMSE", "MAE", "PCC", "CCC", "use", "dead", "img/s"):
        table.add_column(name, justify="right")
    for row in rows:
        contrast = sum(v for name, v in row.losses.items() if name.startswith("contrastive"))
        metrics = (f"{row.development[name]:.2f}" for name in ("rmse", "mae", "pcc", "ccc"))
        table.add_row(
            str(row.epoch + 1),
            f"{row.losses['regression']:.1f}",
            f"{contrast:.2f}",
            *metrics,
            f"{row.balance:.2f}",
            str(row.dead),
            f"{row.frames_per_second:.0f}",
            style="bold" if row.is_best else None,
        )
    return table


def _short(name: str) -> str:
    return name.replace("contrastive_", "").replace("regression", "mse")


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"
