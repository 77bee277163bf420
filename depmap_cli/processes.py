"""Several processes train one model together: torch.distributed, started by torchrun.

Every process holds the whole model and its share of each batch. Gradients are averaged, and what
prototypes learn from is gathered first, so that all processes stay equal to the last bit.
"""

import atexit
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, nn

T = TypeVar("T")
PATIENCE = timedelta(days=1)
"""How long processes wait for the one that prepares the faces of a corpus."""


@dataclass(frozen=True)
class Processes:
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

        A parameter without a gradient in one process counts as zero there.
        """
        if self.count == 1:
            return
        parameters = [p for p in model.parameters() if p.requires_grad]
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([g.reshape(-1).float() for g in grads])
        torch.distributed.all_reduce(flat)
        flat /= self.count
        pieces = torch.split(flat, [g.numel() for g in grads])
        for parameter, grad, piece in zip(parameters, grads, pieces, strict=True):
            parameter.grad = piece.view_as(grad).to(grad.dtype)

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.count > 1:
            torch.distributed.barrier()


def process_count() -> int:
    """How many processes torchrun started; 1 where it did not."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def join_processes(device: torch.device) -> Processes:
    """The group that torchrun started, or this process alone where it did not."""
    count = process_count()
    if count == 1:
        return Processes()
    if not torch.distributed.is_initialized():
        if device.type == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))  # what "cuda" means from here on
        torch.distributed.init_process_group(
            "nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE
        )
        atexit.register(torch.distributed.destroy_process_group)  # else its threads may abort us
    return Processes(torch.distributed.get_rank(), count, device)
