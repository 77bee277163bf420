"""Times the decoding of a video, beside OpenCV's.

    python benchmarks/decoding.py VIDEO [--runs 3]

Prints the median wall and CPU seconds of: OpenCV's ``grab``, which decodes every frame and converts
none; the same with depmap's reader; reading the time stamps of all packets; and the frames that
`depmap score` samples, converted. Runs alternate.
"""

import argparse
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from depmap_cli.config import DEFAULT_RATE, SamplingConfig
from depmap_cli.video.clock import read_frame_index
from depmap_cli.video.decoder import FrameDecoder
from depmap_cli.video.reader import probe, sample_frames


def grab(path: Path) -> int:
    """Decode every frame with OpenCV, and return their number."""
    capture, count = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), 0
    while capture.grab():
        count += 1
    capture.release()
    return count


def decode(path: Path) -> int:
    """Decode every frame with depmap's reader, and return their number."""
    with closing(FrameDecoder(path, read_frame_index(path))) as decoder:
        return sum(1 for _ in decoder)


def sample(path: Path) -> int:
    """Sample frames as `depmap score` does, and return their number."""
    sampling = SamplingConfig(fps=DEFAULT_RATE)
    return sum(1 for _ in sample_frames(path, sampling, properties=probe(path)))


def main() -> None:
    """Time each task."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    tasks: dict[str, Callable[[Path], int]] = {
        "OpenCV, grab": grab,
        "depmap, every frame": decode,
        "depmap, time stamps": lambda path: len(read_frame_index(path).times),
        f"depmap, {DEFAULT_RATE:g} frames/s": sample,
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in tasks}
    counts = {}
    for _ in range(args.runs):
        for name, task in tasks.items():
            start = time.perf_counter(), time.process_time()
            counts[name] = task(args.video)
            end = time.perf_counter(), time.process_time()
            seconds[name].append((end[0] - start[0], end[1] - start[1]))
    print("| task | frames | s | CPU s |\n|---|---|---|---|")
    for name, values in seconds.items():
        wall, cpu = np.median(values, axis=0)
        print(f"| {name} | {counts[name]} | {wall:.2f} | {cpu:.2f} |")


if __name__ == "__main__":
    main()
