"""What a run tells while it goes. Imports no torch."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True, kw_only=True)
class StepDone:
    """One batch was learned from."""

    epoch: int
    step: int  # of this epoch, from 1
    steps: int
    losses: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class EpochDone:
    """One epoch ended and Development was scored."""

    epoch: int
    losses: dict[str, float]  # means over the epoch
    development: dict[str, float]  # rmse, mae, pcc, ccc
    balance: float  # entropy of the prototypes' use, 1 if even; nan without prototypes
    dead: int  # prototypes hardly used
    frames_per_second: float
    is_best: bool

    @property
    def row(self) -> dict[str, float]:
        """For the log."""
        return {
            **self.losses,
            **self.development,
            "prototype_balance": self.balance,
            "dead_prototypes": self.dead,
            "frames_per_second": self.frames_per_second,
        }


EventCallback = Callable[[StepDone | EpochDone], None]
"""Called with each event of a run."""

TrainingDisplay = Callable[[str], AbstractContextManager[EventCallback]]
"""Opens what shows a run as it goes; told which of several it is, "" where it is the only one."""


def numbered(view: TrainingDisplay, total: int) -> TrainingDisplay:
    """The same, which adds to a name its number among ``total`` runs."""
    numbers = count(1)
    return lambda name: view(name and f"{name}, run {next(numbers)} of {total}")
