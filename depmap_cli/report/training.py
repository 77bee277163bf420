"""The live view of `depmap train`: where it is, how losses and Development go, what is left."""

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

SHOWN = 8
"""Epochs in the table; the log holds all."""


@dataclass(kw_only=True)
class TrainingView:
    """Shows a run as it goes; without a terminal, a line an epoch."""

    console: Console
    epochs: int
    name: str = ""  # which of several runs it is
    clock: Callable[[], float] = time.monotonic
    rows: list[EpochDone] = field(default_factory=list)
    step: StepDone | None = None
    first: int | None = None  # step number at which this session began

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
        """Show what happened."""
        if isinstance(event, EpochDone):
            self.rows.append(event)
            if not self.console.is_terminal:
                told = f"{self.name}: {line(event)}" if self.name else line(event)
                self.console.print(told, highlight=False, soft_wrap=True, markup=False)
        else:
            if self.first is None:
                self.first = self._done(event) - 1
            self.step = event
        if self.console.is_terminal:
            self.live.update(self.render(), refresh=True)

    def _done(self, step: StepDone) -> int:
        return step.epoch * step.steps + step.step

    def render(self) -> Group:
        """What the terminal shows now."""
        parts: list[Table | Text | ProgressBar] = [Text(self.name)] if self.name else []
        if self.rows:
            parts.append(_table(self.rows[-SHOWN:]))
        if self.step is not None:
            done, total = self._done(self.step), self.epochs * self.step.steps
            parts += [self._status(self.step, done, total), ProgressBar(total, done, width=72)]
        return Group(*parts)

    def _status(self, step: StepDone, done: int, total: int) -> Text:
        losses = "  ".join(f"{_short(name)} {value:.3g}" for name, value in step.losses.items())
        here = done - (self.first or 0)
        left = (self.clock() - self.started) / max(here, 1) * (total - done)
        where = f"epoch {step.epoch + 1}/{self.epochs}, batch {step.step}/{step.steps}"
        return Text(f"{where}  {losses}  {_duration(left)} left")


def line(done: EpochDone) -> str:
    """One epoch in one line, for logs."""
    losses = ", ".join(f"{_short(name)} {value:.3g}" for name, value in done.losses.items())
    found = done.development
    best = ", best so far" if done.is_best else ""
    return (
        f"epoch {done.epoch + 1}: {losses}; Development RMSE {found['rmse']:.2f}, "
        f"MAE {found['mae']:.2f}, PCC {found['pcc']:.2f}, CCC {found['ccc']:.2f}{best}"
    )


def _table(rows: list[EpochDone]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for name in ("epoch", "loss", "contrast", "RMSE", "MAE", "PCC", "CCC", "use", "dead", "img/s"):
        table.add_column(name, justify="right")
    for row in rows:
        contrast = sum(v for name, v in row.losses.items() if name.startswith("contrastive"))
        figures = (f"{row.development[name]:.2f}" for name in ("rmse", "mae", "pcc", "ccc"))
        table.add_row(
            str(row.epoch + 1),
            f"{row.losses['regression']:.1f}",
            f"{contrast:.2f}",
            *figures,
            f"{row.balance:.2f}",
            str(row.dead),
            f"{row.frames_per_second:.0f}",
            style="bold" if row.is_best else None,
        )
    return table


def _short(name: str) -> str:
    return name.replace("contrastive_", "").replace("regression", "mse")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
