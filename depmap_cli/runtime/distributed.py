"""Several processes train one model together: torch.distributed, started by torchrun.

Every process holds the whole model and its share of each batch. Gradients are averaged, and what
prototypes learn from is gathered first, so that all processes stay equal to the last bit.

From a random start batch norms are trained, too. There the statistics of a batch are a process's
own, of its share, so that several processes do not take quite the steps that one takes; running
statistics are averaged after each step.
"""

import atexit
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, nn

from depmap_cli.errors import UsageProblem

T = TypeVar("T")
BARRIER_TIMEOUT = timedelta(days=1)
"""How long processes wait for the one that prepares the faces of a corpus."""
_TORCHRUN = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun tells a process beside ``WORLD_SIZE``."""


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that train together; by default this one alone."""

    rank: int = 0
    count: int = 1
    device: torch.device = torch.device("cpu")  # where messages between them must lie

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and talks to the user."""
        return self.rank == 0

    def share(self, rows: list[T]) -> list[T]:
        """This process's part of a batch: every ``count``-th row.

        Raises:
            ValueError: the rows do not divide evenly, so that means over parts would be skewed.
        """
        if len(rows) % self.count:
            raise ValueError(f"{len(rows)} rows do not divide over {self.count} processes")
        return rows[self.rank :: self.count]

    def gathered(self, value: Tensor) -> Tensor:
        """The values of all processes, one after the other; carries no gradient."""
        if self.count == 1:
            return value.detach()
        sent = value.detach().contiguous()
        sent = sent.byte() if sent.dtype == torch.bool else sent
        pieces = [torch.empty_like(sent) for _ in range(self.count)]
        torch.distributed.all_gather(pieces, sent)
        return torch.cat(pieces).to(value.dtype)

    def own(self, gathered: Tensor) -> Tensor:
        """This process's piece of what ``gathered`` returned."""
        return gathered.chunk(self.count)[self.rank]

    def mean(self, values: list[float]) -> list[float]:
        """Means over the processes."""
        if self.count == 1:
            return values
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(total)
        return [v / self.count for v in total.tolist()]

    def average_gradients(self, model: nn.Module) -> None:
        """Replace every gradient by its mean over the processes, in one message.

        A parameter without a gradient in one process counts as zero there; without one in any, it
        stays without, so that the optimiser leaves it alone as it does with one process.
        """
        if self.count == 1:
            return
        parameters = [p for p in model.parameters() if p.requires_grad]
        present = torch.tensor([float(p.grad is not None) for p in parameters], device=self.device)
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        *means, anywhere = self._means([*grads, present])
        for parameter, mean, share in zip(parameters, means, anywhere.tolist(), strict=True):
            parameter.grad = mean if share else None

    def average_statistics(self, model: nn.Module) -> None:
        """Replace the running statistics of batch norms in training by their means."""
        if self.count == 1:
            return
        norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d) and m.training]
        kept = [x for m in norms for x in (m.running_mean, m.running_var) if x is not None]
        for own, mean in zip(kept, self._means(kept), strict=True):
            own.copy_(mean)

    def _means(self, values: list[Tensor]) -> list[Tensor]:
        """Of each tensor over the processes, computed in float32, in one message."""
        if not values:
            return []
        flat = torch.cat([v.reshape(-1).float() for v in values])
        torch.distributed.all_reduce(flat)
        pieces = torch.split(flat / self.count, [v.numel() for v in values])
        return [p.view_as(v).to(v.dtype) for p, v in zip(pieces, values, strict=True)]

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.count > 1:
            torch.distributed.barrier()


def process_count() -> int:
    """How many processes torchrun started; 1 where it did not.

    Raises:
        UsageProblem: something else, such as a cluster's queue, only says that there are several.
    """
    told = os.environ.get("WORLD_SIZE", "1")
    if told == "1":
        return 1
    missing = [name for name in _TORCHRUN if name not in os.environ]
    if missing:
        raise UsageProblem(
            f"WORLD_SIZE={told} is set, but not by torchrun: {', '.join(missing)} missing",
            "start several processes with torchrun, or `unset WORLD_SIZE` for one",
        )
    return int(told)


def init_process_group(device: torch.device) -> ProcessGroup:
    """The group that torchrun started, or this process alone where it did not."""
    count = process_count()
    if count == 1:
        return ProcessGroup()
    if not torch.distributed.is_initialized():
        if device.type == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))  # what "cuda" means from here on
        torch.distributed.init_process_group(
            "nccl" if device.type == "cuda" else "gloo", timeout=BARRIER_TIMEOUT
        )
        atexit.register(torch.distributed.destroy_process_group)  # else its threads may abort us
    return ProcessGroup(torch.distributed.get_rank(), count, device)
