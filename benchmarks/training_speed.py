"""Frames a second of training steps, beside the bare backbone's, on faces in memory.

    python benchmarks/training_speed.py [--device cpu] [--videos 8] [--frames 16]

Forward and backward of random faces, without augmentation, decoding and the optimiser; the median
of five runs after two to warm up, in the precision that `depmap train` uses on the device.
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


def frames_a_second(step: Callable[[], object], frames: int, device: torch.device) -> float:
    """The median rate of ``step``, which passes ``frames`` frames."""

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
    """Print a line a kind of step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--videos", type=int, default=8)
    parser.add_argument("--frames", type=int, default=16)
    given = parser.parse_args()
    device, shape = resolve_device(given.device), (given.videos, given.frames)
    torch.manual_seed(0)
    model = DepMap(config=ModelConfig(), semantic_dim=SEMANTIC_DIM).to(
        device, memory_format=torch.channels_last
    )
    pixels = torch.randn(*shape, 3, 128, 128, device=device)
    flat = pixels.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    image, text = torch.randn(2, *shape, SEMANTIC_DIM, device=device)
    valid = torch.ones(shape, dtype=torch.bool, device=device)
    target = torch.rand(given.videos, device=device) * 45
    levels = torch.arange(given.videos, device=device) % 4
    count = given.videos * given.frames

    def finish(maps: list[torch.Tensor]) -> None:
        with training_precision(device):
            videos, frames = model.score_maps(maps, image, text, valid)
        depmap_loss(model, videos, frames, target, levels, valid, 0.1).total.backward()

    def whole() -> None:
        with training_precision(device):
            maps = model.backbone(flat)
        finish(maps)

    def bare() -> None:
        with training_precision(device):
            maps = model.backbone(flat)
        maps[-1].float().mean((2, 3)).square().mean().backward()

    @torch.no_grad()
    def look() -> list[torch.Tensor]:
        with training_precision(device):
            return model.backbone(flat)

    model.train()
    rates = {
        "bare backbone, forward and backward": frames_a_second(bare, count, device),
        "Dep-MAP, all of it trained": frames_a_second(whole, count, device),
    }
    model.backbone.requires_grad_(False)
    maps = look()
    rates |= {
        "bare backbone, forward": frames_a_second(look, count, device),
        "Dep-MAP, frozen backbone": frames_a_second(whole, count, device),
        "Dep-MAP, frozen backbone, maps kept": frames_a_second(lambda: finish(maps), count, device),
    }
    print(f"{device}, {torch.get_num_threads()} threads, {shape[0]} videos of {shape[1]} frames")
    for name, rate in rates.items():
        print(f"{name:40} {rate:8.1f} frames/s")


if __name__ == "__main__":
    main()
