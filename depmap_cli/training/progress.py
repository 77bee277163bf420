"""Events that a training run reports. Imports no torch."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True, kw_only=True)
class StepDone:
    """One optimisation step has been taken."""

    epoch: int
    step: int  # in this epoch, from 1
    steps: int  # in an epoch
    losses: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class EpochDone:
    """One epoch has ended and Development has been scored."""

    epoch: int
    losses: dict[str, float]  # means over the epoch
    development: dict[str, float]  # rmse, mae, pcc, ccc
    balance: float  # entropy of the prototypes' use, 1 if even; nan without prototypes
    dead: int  # prototypes that are hardly used
    frames_per_second: float
    is_best: bool

    @property
    def row(self) -> dict[str, float]:
        """The epoch's row in the log."""
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
"""Opens the display of one run. Takes the run's name, which is "" if there is no other run."""


def numbered(display: TrainingDisplay, total: int) -> TrainingDisplay:
    """Return a display that adds to each name the run's number among ``total`` runs."""
    numbers = count(1)
    return lambda name: display(name and f"{name}, run {next(numbers)} of {total}")
