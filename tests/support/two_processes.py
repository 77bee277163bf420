"""Run by torchrun in test_distributed.py: two processes train on four videos as one would."""

import copy

import torch

from depmap_cli.config import ModelConfig
from depmap_cli.model.depmap import DepMap
from depmap_cli.model.losses import depmap_loss
from depmap_cli.runtime.distributed import ProcessGroup, init_process_group

VIDEOS, FRAMES = 4, 6


def learn(model: DepMap, rows: list[int], processes: ProcessGroup, weight: float) -> None:
    """Compute the gradients of one step and update the prototypes.

    ``weight`` is that of the contrastive loss.
    """
    model.zero_grad()
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randn(VIDEOS, FRAMES, 3, 64, 64, generator=generator)[rows]
    image = torch.randn(VIDEOS, FRAMES, 16, generator=generator)[rows]
    text = torch.randn(VIDEOS, FRAMES, 16, generator=generator)[rows]
    target = torch.tensor([3.0, 16.0, 25.0, 40.0])[rows]
    levels = torch.tensor([0, 1, 2, 3])[rows]
    valid = torch.ones(len(rows), FRAMES, dtype=torch.bool)
    videos, frames = model(pixels, image, text, valid)
    loss = depmap_loss(model, videos, frames, target, levels, valid, weight, processes)
    loss.total.backward()
    processes.average_gradients(model)


def main() -> None:
    torch.set_num_threads(1)
    processes = init_process_group(torch.device("cpu"))
    assert processes.count == 2
    torch.manual_seed(0)
    together = DepMap(config=ModelConfig(dropout=0.0), semantic_dim=16).train()
    for part in together.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.eval()
    alone = copy.deepcopy(together)
    alone_order = [0, 2, 1, 3]  # the order of the two parts, concatenated
    for weight in (0.1, 0.0):  # without it the shallow scales have no gradient
        learn(together, processes.share([0, 1, 2, 3]), processes, weight)
        learn(alone, alone_order, ProcessGroup(), weight)
        compare(together, alone, processes)
    print(f"process {processes.rank} agrees")


def compare(together: DepMap, alone: DepMap, processes: ProcessGroup) -> None:
    """Check that several processes computed the same as one process."""
    bank, expected = together.clusters.bank, alone.clusters.bank
    both = processes.gathered(bank[None])
    assert torch.equal(both[0], both[1]), "prototypes differ between processes"
    torch.testing.assert_close(bank, expected)
    pairs = zip(together.named_parameters(), alone.parameters(), strict=True)
    for (name, mine), single in pairs:
        if single.grad is None:
            assert mine.grad is None, name
            continue
        scale = single.grad.abs().max()
        torch.testing.assert_close(
            mine.grad, single.grad, rtol=1e-3, atol=1e-3 * float(scale) + 1e-7, msg=name
        )


if __name__ == "__main__":
    main()
