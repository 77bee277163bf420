"""Measure frames per second of training steps, compared with the backbone alone.

    python benchmarks/training_speed.py [--device cpu] [--videos 8] [--frames 16]

Times the forward and backward passes on random faces in memory, without augmentation, decoding and
optimiser. Prints the median of five runs after two warm-up runs, in the precision that
`depmap train` uses on the device.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from depmap_cli.config import ModelConfig
from depmap_cli.model.depmap import DepMap
from depmap_cli.model.losses import depmap_loss
from depmap_cli.runtime.devices import resolve_device, training_precision

SEMANTIC_DIM = 256


def frames_per_second(step: Callable[[], object], frames: int, device: torch.device) -> float:
    """Return the median rate of ``step``, which processes ``frames`` frames."""

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    seconds = []
    for _ in range(7):
        wait()
        start = time.perf_counter()
        step()
        wait()
        seconds.append(time.perf_counter() - start)
    return frames / float(np.median(seconds[2:]))


def main() -> None:
    """Print one line for each kind of training step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--videos", type=int, default=8)
    parser.add_argument("--frames", type=int, default=16)
    args = parser.parse_args()
    device, shape = resolve_device(args.device), (args.videos, args.frames)
    torch.manual_seed(0)
    model = DepMap(config=ModelConfig(), semantic_dim=SEMANTIC_DIM).to(
        device, memory_format=torch.channels_last
    )
    pixels = torch.randn(*shape, 3, 128, 128, device=device)
    flat = pixels.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    image, text = torch.randn(2, *shape, SEMANTIC_DIM, device=device)
    valid = torch.ones(shape, dtype=torch.bool, device=device)
    target = torch.rand(args.videos, device=device) * 45
    levels = torch.arange(args.videos, device=device) % 4
    count = args.videos * args.frames

    def finish(maps: list[torch.Tensor]) -> None:
        with training_precision(device):
            videos, frames = model.score_maps(maps, image, text, valid)
        depmap_loss(model, videos, frames, target, levels, valid, 0.1).total.backward()

    def full_step() -> None:
        with training_precision(device):
            maps = model.backbone(flat)
        finish(maps)

    def backbone_only() -> None:
        with training_precision(device):
            maps = model.backbone(flat)
        maps[-1].float().mean((2, 3)).square().mean().backward()

    @torch.no_grad()
    def backbone_forward() -> list[torch.Tensor]:
        with training_precision(device):
            return model.backbone(flat)

    model.train()
    rates = {
        "backbone alone, forward and backward": frames_per_second(backbone_only, count, device),
        "Dep-MAP, all layers trained": frames_per_second(full_step, count, device),
    }
    model.backbone.requires_grad_(False)
    maps = backbone_forward()
    rates |= {
        "backbone alone, forward": frames_per_second(backbone_forward, count, device),
        "Dep-MAP, frozen backbone": frames_per_second(full_step, count, device),
        "Dep-MAP, frozen backbone, cached maps": frames_per_second(
            lambda: finish(maps), count, device
        ),
    }
    print(f"{device}, {torch.get_num_threads()} threads, {shape[0]} videos of {shape[1]} frames")
    for name, rate in rates.items():
        print(f"{name:40} {rate:8.1f} frames/s")


if __name__ == "__main__":
    main()
