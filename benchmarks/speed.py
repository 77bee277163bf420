"""Measure the speed of `depmap score`: frames read per second, beside other ways to do it.

    python benchmarks/speed.py [--mesh-python PYTHON] [--minutes 10] [--runs 3] [--memory]

The video repeats the bundled interview, 640 x 480, and is made in a temporary folder with
imageio-ffmpeg. With default options, 5 frames of each second are read. The same frames are read

- by depmap, with networks loaded, and by the whole command;
- by depmap's decoder alone, and OpenCV decodes all frames;
- by MediaPipe Face Mesh, decoding included, if --mesh-python names a Python that has mediapipe;
- by a naive script (extrapolated from --slice frames): MTCNN in the whole frame, open_clip and a
  ResNet-18.

Each runs once to warm up and then RUNS times, in turn; the median is printed. With --memory, the
peak memory for 1 and 60 minutes of video is measured, too. VARIANTS are measured with --variants.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command does

import cv2
import numpy as np

from depmap_cli.config import DEFAULT_RATE, SamplingConfig
from depmap_cli.weights.locations import example_video

NAIVE_CLIP = "ViT-B-32"
"""The open_clip model of most examples. It has random weights, which cost the same time."""
COMMAND = [sys.executable, "-m", "depmap_cli"]
MEASURE_PEAK_MEMORY = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
FACE_MESH = """
import sys, time, cv2, mediapipe
path, interval = sys.argv[1], float(sys.argv[2])
with mediapipe.solutions.face_mesh.FaceMesh(refine_landmarks=True, max_num_faces=1) as mesh:
    start = time.perf_counter()
    video, number, read, faces = cv2.VideoCapture(path), 0, 0, 0
    rate = video.get(cv2.CAP_PROP_FPS)
    while video.grab():
        if number / rate >= read * interval - 1e-6:
            picture = cv2.cvtColor(video.retrieve()[1], cv2.COLOR_BGR2RGB)
            faces += mesh.process(picture).multi_face_landmarks is not None
            read += 1
        number += 1
    print(time.perf_counter() - start, read, faces)
"""
"""Prints the seconds, the frames read and those with a face."""
VARIANTS = {
    "default": "default",
    "one thread": "faces and networks in one thread",
    "searching": "MTCNN searches every frame",
    "not folded": "batch normalisation is not folded",
    "bfloat16": "backbone in bfloat16",
}
"""Alternative implementations, each measured in a separate process."""


def make_video(folder: Path, seconds: float) -> Path:
    """Make a video that repeats the interview, 640 x 480, H.264, of this length."""
    import imageio_ffmpeg

    def ffmpeg(*arguments: object) -> None:
        quiet = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]
        subprocess.run([*quiet, *map(str, arguments)], check=True, stdin=subprocess.DEVNULL)

    once, video = folder / "once.mp4", folder / f"{seconds:g}s.mp4"
    shape = "scale=480:480,pad=640:480:80:0"
    encoder = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
    if not once.exists():
        ffmpeg("-i", example_video(), "-an", "-vf", shape, *encoder, once)
    ffmpeg("-stream_loop", -1, "-i", once, "-t", seconds, "-c", "copy", video)
    return video


def seconds_of(work: Callable[[], object]) -> float:
    """Return how many seconds ``work`` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def medians(tasks: dict[str, Callable[[], float]], runs: int) -> dict[str, float]:
    """Return the median of the seconds that each task returns; tasks run in turn."""
    samples: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(runs + 1):
        for name, task in tasks.items():
            elapsed = task()
            samples[name] += [elapsed] if number else []
            print(f"  run {number}, {name}: {elapsed:.2f} s", file=sys.stderr, flush=True)
    return {name: float(np.median(times)) for name, times in samples.items()}


def command(*arguments: object) -> None:
    """Run `depmap` in a new process."""
    subprocess.run([*COMMAND, *map(str, arguments)], stdout=subprocess.DEVNULL, check=True)


def peak_memory(*arguments: object) -> int:
    """Return the peak resident memory of `depmap` in MiB.

    A small process starts it, because a child inherits the peak memory of its parent.
    """
    parent = [sys.executable, "-c", MEASURE_PEAK_MEMORY, *COMMAND, *map(str, arguments)]
    measured = int(subprocess.run(parent, capture_output=True, text=True, check=True).stdout)
    return measured // (1024**2 if sys.platform == "darwin" else 1024)


class DepmapScorer:
    """Scores videos in this process and keeps the last result."""

    def __init__(self) -> None:
        from depmap_cli.scoring.scorer import Scorer

        self._scorer = Scorer.load(device="cpu")
        self.stages: dict[str, float] = {}
        self.n_read, self.score = 0, 0.0

    def __call__(self, path: Path) -> float:
        """Score a video and return the seconds it takes."""
        start = time.perf_counter()
        result = self._scorer.score(path)
        elapsed = time.perf_counter() - start
        if result.report.estimate is None:
            raise RuntimeError(f"{path.name}: not scored: {result.report.reason}")
        self.score, self.stages = result.report.estimate.score, dict(result.seconds)
        self.n_read = len(result.frame_rows)
        return elapsed


def decode_all(path: Path) -> None:
    """Decode all frames with OpenCV."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    while capture.grab():
        pass
    capture.release()


def decode_sampled(path: Path) -> None:
    """Read the sampled frames with depmap's decoder."""
    from depmap_cli.video.reader import sample_frames

    for _ in sample_frames(path, SamplingConfig(fps=DEFAULT_RATE)):
        pass


def face_mesh(python: Path, path: Path) -> float:
    """Return the seconds in which Face Mesh reads the sampled frames."""
    arguments = [str(python), "-c", FACE_MESH, str(path), str(1 / DEFAULT_RATE)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    elapsed, read, faces = map(float, done.stdout.split())
    if faces < 0.9 * read:
        raise RuntimeError(f"Face Mesh found {faces:g} faces in {read:g} frames")
    return elapsed


def naive(path: Path, frames: int) -> dict[str, float]:
    """Return the median seconds per frame of each step of a naive script, after a warm-up."""
    import open_clip
    import torch
    from facenet_pytorch import MTCNN
    from torchvision.models import resnet18

    mtcnn = MTCNN(image_size=224, post_process=False)
    clip = open_clip.create_model(NAIVE_CLIP, pretrained=None).eval()
    network = resnet18(weights=None).eval()
    capture, samples = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), []
    steps = ("MTCNN", "open_clip", "ResNet-18")
    with torch.inference_mode():
        while len(samples) < frames + frames // 10:
            _, picture = capture.read()
            times = [time.perf_counter()]
            face = mtcnn(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
            times.append(time.perf_counter())
            pixels = (torch.zeros(3, 224, 224) if face is None else face)[None] / 255
            clip.encode_image(pixels)
            times.append(time.perf_counter())
            network(pixels)
            times.append(time.perf_counter())
            samples.append(np.diff(times))
    return dict(zip(steps, np.median(samples[frames // 10 :], axis=0).tolist(), strict=True))


def vary(variant: str) -> None:
    """Patch this process to run one of ``VARIANTS``."""
    import torch

    from depmap_cli.faces import follow
    from depmap_cli.model import backbone
    from depmap_cli.scoring import scorer

    if variant == "one thread":
        scorer.Prefetcher = lambda source, capacity: source
    elif variant == "searching":
        follow.MAX_STEP = 0.0
    elif variant == "not folded":
        backbone.fold_batch_norm = lambda network: None
    elif variant == "bfloat16":
        forward = backbone.Backbone.forward

        def halved(self: backbone.Backbone, pixels: torch.Tensor) -> list[torch.Tensor]:
            with torch.autocast("cpu", torch.bfloat16):
                return [maps.float() for maps in forward(self, pixels)]

        backbone.Backbone.forward = halved


def run_variant(variant: str, path: Path) -> None:
    """Print the seconds of one run, after a warm-up, and the score."""
    vary(variant)
    scorer = DepmapScorer()
    scorer(example_video())
    print(scorer(path), scorer.score)


def measure_variants(path: Path, runs: int) -> list[list[str]]:
    """Return a row of each of ``VARIANTS``: seconds and score; they run in turn."""
    measured: dict[str, list[tuple[float, float]]] = {variant: [] for variant in VARIANTS}
    for _ in range(runs):
        for variant, so_far in measured.items():
            arguments = [sys.executable, __file__, "--variant", variant, "--video", str(path)]
            done = subprocess.run(arguments, capture_output=True, text=True, check=True)
            elapsed, score = done.stdout.split()[-2:]
            so_far.append((float(elapsed), float(score)))
    rows = []
    for variant, name in VARIANTS.items():
        times, scores = zip(*measured[variant], strict=True)
        spread = f"{min(times):.1f} to {max(times):.1f}"
        rows.append([name, f"{np.median(times):.1f}", spread, f"{scores[0]:.2f}"])
    return rows


def markdown_table(head: list[str], rows: Iterable[list[str]]) -> str:
    """Return a Markdown table and an empty line."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def machine_description() -> str:
    """Describe the machine and the versions."""
    import torch

    cpu = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).is_file():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(": ")[2] if names else cpu
    return (
        f"{cpu}, {os.cpu_count()} cores, CPU only; {platform.system()}, "
        f"Python {platform.python_version()}, torch {torch.__version__} on "
        f"{torch.get_num_threads()} threads, OpenCV {cv2.__version__}"
    )


def compare(folder: Path, args: argparse.Namespace) -> None:
    """Measure and print the tables."""
    load = os.getloadavg()[0]
    video, scorer = make_video(folder, 60 * args.minutes), DepmapScorer()

    def whole_command(path: Path) -> list[object]:
        fresh = tempfile.mkdtemp(dir=folder)  # results in an old folder would be reused
        return ["score", path, "-o", fresh, "-q"]

    tasks: dict[str, Callable[[], float]] = {
        "depmap, networks loaded": lambda: scorer(video),
        "`depmap score`, whole command": lambda: seconds_of(lambda: command(*whole_command(video))),
        "depmap's decoder alone": lambda: seconds_of(lambda: decode_sampled(video)),
        "OpenCV, all frames decoded": lambda: seconds_of(lambda: decode_all(video)),
    }
    if args.mesh_python:
        tasks["Face Mesh, decoding included"] = lambda: face_mesh(args.mesh_python, video)
    elapsed = medians(tasks, args.runs)
    steps = naive(video, args.slice)
    n = scorer.n_read
    elapsed["naive script (extrapolated)"] = (
        elapsed["OpenCV, all frames decoded"] + sum(steps.values()) * n
    )
    print(machine_description() + ".")
    print(f"Load average {load:.1f} before, {os.getloadavg()[0]:.1f} after.")
    print(f"{args.minutes:g} minutes of video, {n} frames read; median of {args.runs} runs.\n")
    rows = [[name, f"{s:.1f}", f"{n / s:.0f}"] for name, s in elapsed.items()]
    print(markdown_table(["", "s", "frames read per s"], rows))
    stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in scorer.stages.items())
    print(f"Stages of the last run, s: {stages} (decoding, faces and networks overlap).")
    shown = ", ".join(f"{name} {1000 * seconds:.1f}" for name, seconds in steps.items())
    print(f"Steps of the naive script, ms a frame: {shown}.")
    print(f"`depmap --help`: {seconds_of(lambda: command('--help')):.2f} s.")
    if args.memory:
        for minutes in (1, 60):
            peak = peak_memory(*whole_command(make_video(folder, 60 * minutes)))
            print(f"Peak memory for {minutes} minutes: {peak} MiB.")
    if args.variants:
        head = ["networks loaded", "s", "range", "score"]
        print("\n" + markdown_table(head, measure_variants(video, args.runs)))


def main() -> None:
    """Measure and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mesh-python", type=Path, help="a Python that has mediapipe")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--slice", type=int, default=40, help="frames of the naive script")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--variants", action="store_true")
    parser.add_argument("--variant", choices=list(VARIANTS), help=argparse.SUPPRESS)
    parser.add_argument("--video", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.variant:
        run_variant(args.variant, args.video)
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), args)


if __name__ == "__main__":
    main()
