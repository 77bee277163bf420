"""Run by torchrun: a command of depmap, after whose training the processes are compared."""

import torch

from depmap_cli.cli import main
from depmap_cli.runtime import devices
from depmap_cli.training.progress import EventCallback
from depmap_cli.training.trainer import Trainer

train = Trainer.run


def train_and_compare(trainer: Trainer, resume: bool, on_event: EventCallback) -> None:
    train(trainer, resume, on_event)
    for part in trainer.trainable, trainer.averaged:
        for name, mine in part.state_dict().items():
            first, second = trainer.processes.gathered(mine[None])
            assert torch.equal(first, second), f"{name} differs between processes"
    print(f"process {trainer.processes.rank} agrees")


if __name__ == "__main__":
    devices._cpu_has_bf16 = lambda: False  # float32, in which one and two can be compared
    Trainer.run = train_and_compare
    main()
