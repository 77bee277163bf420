"""Whether an estimate depends on which other videos are scored, or in what order.

    python benchmarks/leak_test.py --data simavec [--split Testing] [--weights FILE]

Scores the split as it lies, sorted by true score, shuffled, and backwards, each time as
`depmap evaluate` does, and prints the largest difference from the first, in BDI-II points: anything
but 0 fails. Then the network takes all videos as one batch (8 frames each): there only the order of
floating-point sums may differ. Prints no figure of agreement. Exit code 1 if an estimate differs.
"""

import argparse
import random
import sys
from pathlib import Path

import torch

from depmap_cli.config import PREPARED_FRAMES
from depmap_cli.data.clips import VideoClip
from depmap_cli.data.corpus import of_split
from depmap_cli.evaluation.estimate_clip import estimate_clip
from depmap_cli.model.backbone import normalise_pixels
from depmap_cli.runtime.devices import resolve_device
from depmap_cli.weights.loading import Networks, load_networks
from depmap_cli.workflows.evaluate import EvaluateOptions, score_clips
from depmap_cli.workflows.labelled_data import LabelledData

FRAMES = 8
ROUNDING = 1e-2
"""BDI-II points that another order of sums may make."""


def one_batch(networks: Networks, clips: list[VideoClip]) -> list[float]:
    """All videos through the network at once."""
    rows = [clip.sample_evenly(FRAMES) for clip in clips]
    pairs = list(zip(clips, rows, strict=True))
    pixels = torch.stack([normalise_pixels(torch.from_numpy(c.faces[r])) for c, r in pairs])
    seen = [c.features[r] for c, r in pairs]
    text = torch.stack([networks.semantics.query(s.au_probabilities) for s in seen])
    image = torch.stack([s.image for s in seen])
    with torch.inference_mode():
        videos, _ = networks.model(pixels, image, text, torch.ones(pixels.shape[:2]).bool())
    return videos.score.clamp(0, 63).tolist()


def main() -> int:
    """Print a line an order."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="Testing")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    networks = load_networks(given.weights, resolve_device("cpu"))
    options = EvaluateOptions(
        source=LabelledData(data=given.data, cache=given.cache), split=given.split
    )
    videos = of_split(options.source.read()[0], given.split)
    orders = {
        "as it lies": videos,
        "sorted by score": sorted(videos, key=lambda r: r.score),
        "shuffled": random.Random(0).sample(videos, len(videos)),
        "backwards": videos[::-1],
    }
    first: dict[Path, float] = {}
    failed = False
    for name, order in orders.items():
        _, estimates = score_clips(networks, order, options, lambda *told: None)
        found = {r.path: e.score for r, e in zip(order, estimates, strict=True)}
        first = first or found
        apart = max(abs(found[path] - first[path]) for path in first)
        failed |= apart != 0
        print(f"{name:20} {len(found)} clips, largest difference {apart:g}")
    clips = options.source.clips(
        orders["sorted by score"],
        networks.config.faces,
        networks.semantics,
        networks.device,
        lambda *told: None,
        PREPARED_FRAMES,
    )
    alone = [
        estimate_clip(networks.model, networks.semantics, c, FRAMES, FRAMES, networks.device).score
        for c in clips
    ]
    found = one_batch(networks, clips)
    apart = max(abs(a - b) for a, b in zip(alone, found, strict=True))
    print(f"{'in one batch':20} {len(found)} clips, largest difference {apart:.2g}")
    return int(failed or apart > ROUNDING)


if __name__ == "__main__":
    sys.exit(main())
