"""Measure the peak memory of scoring short and long recordings.

    python benchmarks/memory.py [--frames 300 18000] [--weights FILE]

Passes random faces through `VideoEstimator`, as `depmap score` does with the faces of a recording
at 5 frames/s (300 frames are a minute, 18,000 an hour), each number in a process of its own, and
prints the peak memory. Decoding and face detection are left out: they keep no frames.
"""

import argparse
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from depmap_cli.faces import FaceSample
from depmap_cli.runtime.memory import trim_heap
from depmap_cli.scoring.estimator import VideoEstimator
from depmap_cli.scoring.timing import StageClock
from depmap_cli.weights.loading import load_networks

SEGMENT = 128


def score(count: int, weights: Path | None) -> float:
    """Estimate a score from ``count`` random faces, 5 to the second."""
    networks = load_networks(weights, torch.device("cpu"))
    estimator = VideoEstimator(networks=networks, n_key_frames=6, au_table=None, clock=StageClock())
    rng, side = np.random.default_rng(0), networks.config.faces.size
    for first in range(0, count, SEGMENT):
        numbers = range(first, min(first + SEGMENT, count))
        faces = rng.integers(0, 256, (len(numbers), side, side, 3), np.uint8)
        estimator.add(
            [
                FaceSample(
                    time=number / 5,
                    number=number + 1,
                    valid=True,
                    reason="",
                    n_faces=1,
                    face=face,
                    box=np.zeros(4),
                    landmarks=np.zeros((5, 2)),
                )
                for number, face in zip(numbers, faces, strict=True)
            ]
        )
        trim_heap()
    return float(estimator.finish().scores.score)


def main() -> None:
    """Print one line for each number of frames, and the growth from the first to the last."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, nargs="+", default=[300, 18_000])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--here", action="store_true", help="measure in this process")
    args = parser.parse_args()
    if args.here:
        score(args.frames[0], args.weights)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return
    peaks = []
    for count in args.frames:
        command = [sys.executable, __file__, "--here", "--frames", str(count)]
        command += ["--weights", str(args.weights)] if args.weights else []
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        peaks.append(int(output) / 1024)
        print(f"{count:6} frames: peak memory {peaks[-1]:.0f} MiB", flush=True)
    print(f"growth: {peaks[-1] / peaks[0] - 1:+.1%}")


if __name__ == "__main__":
    main()
