"""Trains one model in several processes: torch.distributed, started by torchrun.

Every process has the whole model and a part of each batch. Gradients are averaged, and the inputs
of the prototype updates are gathered first, so all processes stay identical to the last bit.

With randomly initialised weights, batch norms are trained as well. Each process then normalises by
the statistics of its own part of the batch, so several processes do not take exactly the same steps
as one process; running statistics are averaged after each step.
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
"""How long processes wait for the process that prepares the faces of a corpus."""
_TORCHRUN = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""Environment variables that torchrun sets besides ``WORLD_SIZE``."""


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that train together; by default only this one."""

    rank: int = 0
    count: int = 1
    device: torch.device = torch.device("cpu")  # of the tensors that processes exchange

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and prints messages."""
        return self.rank == 0

    def share(self, rows: list[T]) -> list[T]:
        """Return this process's part of a batch: every ``count``-th row.

        Raises:
            ValueError: the parts would differ in size, which would bias means over them.
        """
        if len(rows) % self.count:
            raise ValueError(f"{len(rows)} rows do not divide over {self.count} processes")
        return rows[self.rank :: self.count]

    def gathered(self, value: Tensor) -> Tensor:
        """Return the values of all processes, concatenated on the first axis, without gradient."""
        if self.count == 1:
            return value.detach()
        sent = value.detach().contiguous()
        sent = sent.byte() if sent.dtype == torch.bool else sent
        parts = [torch.empty_like(sent) for _ in range(self.count)]
        torch.distributed.all_gather(parts, sent)
        return torch.cat(parts).to(value.dtype)

    def own(self, gathered: Tensor) -> Tensor:
        """Return this process's part of a tensor that ``gathered`` returned."""
        return gathered.chunk(self.count)[self.rank]

    def mean(self, values: list[float]) -> list[float]:
        """Return the mean of each value over the processes."""
        if self.count == 1:
            return values
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(total)
        return [v / self.count for v in total.tolist()]

    def average_gradients(self, model: nn.Module) -> None:
        """Replace every gradient by its mean over the processes, in one message.

        A gradient that is missing in some processes counts as zero there. A gradient that is
        missing in all of them stays None, so the optimiser skips the parameter, as it does with
        one process.
        """
        if self.count == 1:
            return
        parameters = [p for p in model.parameters() if p.requires_grad]
        present = torch.tensor([float(p.grad is not None) for p in parameters], device=self.device)
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        *means, presence = self._means([*grads, present])
        for parameter, mean, share in zip(parameters, means, presence.tolist(), strict=True):
            parameter.grad = mean if share else None

    def average_statistics(self, model: nn.Module) -> None:
        """Replace the running statistics of trained batch norms by their means over processes."""
        if self.count == 1:
            return
        norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d) and m.training]
        statistics = [x for m in norms for x in (m.running_mean, m.running_var) if x is not None]
        for own, mean in zip(statistics, self._means(statistics), strict=True):
            own.copy_(mean)

    def _means(self, values: list[Tensor]) -> list[Tensor]:
        """Return the mean of each tensor over processes, computed in float32, in one message."""
        if not values:
            return []
        flat = torch.cat([v.reshape(-1).float() for v in values])
        torch.distributed.all_reduce(flat)
        parts = torch.split(flat / self.count, [v.numel() for v in values])
        return [p.view_as(v).to(v.dtype) for p, v in zip(parts, values, strict=True)]

    def wait(self) -> None:
        """Wait until all processes have reached this call."""
        if self.count > 1:
            torch.distributed.barrier()


def process_count() -> int:
    """Return the number of processes that torchrun started; 1 if it was not used.

    Raises:
        UsageProblem: ``WORLD_SIZE`` was not set by torchrun, but for example by a job scheduler.
    """
    world_size = os.environ.get("WORLD_SIZE", "1")
    if world_size == "1":
        return 1
    missing = [name for name in _TORCHRUN if name not in os.environ]
    if missing:
        raise UsageProblem(
            f"WORLD_SIZE={world_size} is set, but not by torchrun: {', '.join(missing)} missing",
            "start several processes with torchrun, or `unset WORLD_SIZE` for one",
        )
    return int(world_size)


def init_process_group(device: torch.device) -> ProcessGroup:
    """Join the process group that torchrun started; without torchrun, return a group of one."""
    count = process_count()
    if count == 1:
        return ProcessGroup()
    if not torch.distributed.is_initialized():
        if device.type == "cuda":
            # From here on, "cuda" means this device.
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        torch.distributed.init_process_group(
            "nccl" if device.type == "cuda" else "gloo", timeout=BARRIER_TIMEOUT
        )
        # Otherwise its threads may abort the process at the end.
        atexit.register(torch.distributed.destroy_process_group)
    return ProcessGroup(torch.distributed.get_rank(), count, device)
