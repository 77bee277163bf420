"""Measure the speed of `depmap score`, compared with a naive script and with decoding alone.

    python benchmarks/speed.py [--runs 3] [--slice 40] [--out benchmarks]

Writes OUT/YYYY-MM-DD-speed.md. The videos repeat the bundled interview and are made in a temporary
folder. Each measurement runs once to warm up and then RUNS times, alternating with what it is
compared with; the median is reported. Requires imageio-ffmpeg; takes about five minutes on two
cores.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import cv2
import numpy as np

from depmap_cli.weights.locations import example_video

MINUTE, TEN, HOUR, CLIP = 60, 600, 3600, 10
"""Lengths of the videos, in seconds."""
NAIVE_CLIP = "ViT-B-32"
"""The open_clip model of most examples. It has random weights, which cost the same time."""
COMMAND = [sys.executable, "-m", "depmap_cli"]
MEASURE_PEAK_MEMORY = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
VARIANTS = {
    "default": "default",
    "no prefetch": "decoding in the main thread",
    "one decoder": "one decoder thread",
    "all frames": "all frames decoded, no seeking",
    "batches of 32": "face detection in batches of 32 frames",
    "passive": "OpenMP threads sleep while waiting",
    "bfloat16": "backbone in bfloat16",
    "quick switch": "Python switches threads 25 times as often",
}
"""Alternative implementations, each measured in a separate process."""


def make_videos(folder: Path) -> dict[int, Path]:
    """Make videos that repeat the interview, 640 x 480, H.264; by length in seconds."""
    import imageio_ffmpeg

    def ffmpeg(*arguments: object) -> None:
        quiet = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]
        subprocess.run([*quiet, *map(str, arguments)], check=True, stdin=subprocess.DEVNULL)

    once = folder / "once.mp4"
    shape = "scale=480:480,pad=640:480:80:0"
    ffmpeg(
        "-i", example_video(), "-an", "-vf", shape, "-c:v", "libx264", "-pix_fmt", "yuv420p", once
    )
    videos = {}
    for length in (CLIP, MINUTE, TEN, HOUR):
        videos[length] = folder / f"{length}s.mp4"
        ffmpeg("-stream_loop", -1, "-i", once, "-t", length, "-c", "copy", videos[length])
    return videos


def decode(path: Path, read: bool) -> int:
    """Decode a video with OpenCV and return the number of frames; ``read`` also converts them."""
    capture, count = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), 0
    while capture.read()[0] if read else capture.grab():
        count += 1
    capture.release()
    return count


def seconds_of(work: Callable[[], object]) -> float:
    """Return how many seconds ``work`` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def medians(tasks: dict[str, Callable[[], object]], runs: int) -> dict[str, float]:
    """Return the median seconds of each task; tasks alternate, so that all meet the same load."""
    samples: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(runs + 1):
        for name, task in tasks.items():
            elapsed = seconds_of(task)
            samples[name] += [elapsed] if number else []
    return {name: float(np.median(times)) for name, times in samples.items()}


def command(*arguments: object) -> None:
    """Run `depmap` in a new process."""
    subprocess.run([*COMMAND, *map(str, arguments)], stdout=subprocess.DEVNULL, check=True)


def peak_memory(*arguments: object) -> int:
    """Return the peak resident memory of `depmap` in KiB.

    A small process starts it, because a child inherits the peak memory of its parent.
    """
    parent = [sys.executable, "-c", MEASURE_PEAK_MEMORY, *COMMAND, *map(str, arguments)]
    measured = int(subprocess.run(parent, capture_output=True, text=True, check=True).stdout)
    return measured // (1024 if sys.platform == "darwin" else 1)


class DepmapScorer:
    """Scores videos in this process and records the time of each stage."""

    def __init__(self) -> None:
        from depmap_cli.scoring.scorer import Scorer

        self._scorer = Scorer.load(device="cpu")
        self.seconds: list[dict[str, float]] = []
        self.n_sampled = self._scorer.networks.sampling.frames
        self.score = 0.0

    def __call__(self, path: Path) -> None:
        """Score a video; alignment is timed separately from detection."""
        from depmap_cli.faces import track

        align, elapsed = track.align_face, 0.0

        def timed(*arguments: object) -> np.ndarray:
            nonlocal elapsed
            start = time.perf_counter()
            face = align(*arguments)
            elapsed += time.perf_counter() - start
            return face

        track.align_face = timed
        try:
            result = self._scorer.score(path)
        finally:
            track.align_face = align
        if result.report.estimate is None:
            raise RuntimeError(f"{path.name}: not scored: {result.report.reason}")
        self.score = result.report.estimate.score
        by_stage = {"decode": result.seconds["decode"]}
        by_stage["detect and track"] = result.seconds["faces"] - elapsed
        by_stage["align"] = elapsed
        others = {s: result.seconds[s] for s in ("semantics", "network", "report")}
        self.seconds.append(by_stage | others)

    def stages(self, runs: int) -> dict[str, float]:
        """Return the median seconds of each stage in the last ``runs`` runs."""
        last = self.seconds[-runs:]
        return {stage: float(np.median([run[stage] for run in last])) for stage in last[0]}


def naive(path: Path, frames: int) -> dict[str, float]:
    """Return the median seconds per frame of each step of a naive script, after a warm-up.

    OpenCV reads each frame, MTCNN detects faces in the whole frame, and open_clip and a ResNet-18
    process the face.
    """
    import open_clip
    import torch
    from facenet_pytorch import MTCNN
    from torchvision.models import resnet18

    mtcnn = MTCNN(image_size=224, post_process=False)
    clip = open_clip.create_model(NAIVE_CLIP, pretrained=None).eval()
    network = resnet18(weights=None).eval()
    capture, samples = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), []
    steps = ("read", "MTCNN", "open_clip", "ResNet-18")
    with torch.inference_mode():
        while len(samples) < frames + frames // 10:
            times = [time.perf_counter()]
            _, picture = capture.read()
            times.append(time.perf_counter())
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

    from depmap_cli.faces import detect
    from depmap_cli.model.backbone import Backbone
    from depmap_cli.scoring import decoding
    from depmap_cli.video import container, reader

    if variant == "no prefetch":
        decoding.Decoding.__init__ = _lazily
        decoding.Decoding.properties = lambda self: reader.probe(self.path)
        decoding.Decoding.__next__ = lambda self: next(self.frames)
        decoding.Decoding.close = lambda self: self.frames.close()
    elif variant == "one decoder":
        container._DECODER_THREADS = 1
    elif variant == "all frames":
        reader._samples_are_far_apart = lambda *_: False
    elif variant == "batches of 32":
        detect._SPARSE_CHUNK = detect.CHUNK
    elif variant == "bfloat16":
        forward = Backbone.forward

        def halved(self: Backbone, pixels: torch.Tensor) -> list[torch.Tensor]:
            with torch.autocast("cpu", torch.bfloat16):
                return [maps.float() for maps in forward(self, pixels)]

        Backbone.forward = halved
    elif variant == "quick switch":
        sys.setswitchinterval(sys.getswitchinterval() / 25)


def _lazily(self: object, path: Path, sampling: object) -> None:
    from concurrent.futures import Future

    self.path, self.sampling, self.seconds = path, sampling, 0.0
    self._properties = Future()
    self.frames = self._decode()


def run_variant(variant: str, path: Path) -> None:
    """Print the seconds of one run, after the warm-up with the 10 s clip, and the score."""
    vary(variant)
    scorer = DepmapScorer()
    scorer(path.with_name(f"{CLIP}s.mp4"))
    print(seconds_of(lambda: scorer(path)), scorer.score)


def measure_variants(path: Path, runs: int) -> dict[str, list[tuple[float, float]]]:
    """Return seconds and score of each run of each of ``VARIANTS``; the variants alternate."""
    measured: dict[str, list[tuple[float, float]]] = {variant: [] for variant in VARIANTS}
    for _ in range(runs):
        for variant, runs_so_far in measured.items():
            settings = {"OMP_WAIT_POLICY": "PASSIVE"} if variant == "passive" else {}
            arguments = [sys.executable, __file__, "--variant", variant, "--video", str(path)]
            done = subprocess.run(
                arguments, env=os.environ | settings, capture_output=True, text=True, check=True
            )
            elapsed, score = done.stdout.split()[-2:]
            runs_so_far.append((float(elapsed), float(score)))
    return measured


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All measurements; times are medians in seconds, for the 10-minute video unless stated.

    ``elapsed`` has "grab", "read", "ours", "command", "help", and "clip read" and "clip command".
    """

    elapsed: dict[str, float]
    stages: dict[str, float]
    naive: dict[str, float]  # seconds per frame, by step
    memory: dict[int, int]  # peak KiB by length of the video
    variants: dict[str, list[tuple[float, float]]]  # seconds and score of each run
    n_frames: int
    n_sampled: int
    load: tuple[float, float]  # load average of the machine before and after

    @property
    def naive_all(self) -> float:
        """Seconds of the naive script for all frames."""
        return sum(self.naive.values()) * self.n_frames

    @property
    def naive_sampled(self) -> float:
        """Seconds of the naive script if it reads all frames but processes as many as depmap."""
        processing = sum(self.naive.values()) - self.naive["read"]
        return self.elapsed["read"] + self.n_sampled * processing


def measure(folder: Path, runs: int, slice_frames: int) -> Measured:
    """Make the videos in ``folder`` and measure everything."""
    load = os.getloadavg()[0]
    videos = make_videos(folder)
    scorer = DepmapScorer()

    def scored(length: int) -> list[object]:
        fresh = tempfile.mkdtemp(dir=folder)  # results in an old folder would be reused
        return ["score", videos[length], "-o", fresh, "-q"]

    scorer(videos[CLIP])
    elapsed = medians(
        {
            "grab": lambda: decode(videos[TEN], False),
            "read": lambda: decode(videos[TEN], True),
            "ours": lambda: scorer(videos[TEN]),
            "command": lambda: command(*scored(TEN)),
            "clip read": lambda: decode(videos[CLIP], True),
            "clip command": lambda: command(*scored(CLIP)),
            "help": lambda: command("--help"),
        },
        runs,
    )
    return Measured(
        elapsed=elapsed,
        stages=scorer.stages(runs),
        naive=naive(videos[TEN], slice_frames),
        memory={length: peak_memory(*scored(length)) for length in (MINUTE, HOUR)},
        variants=measure_variants(videos[TEN], runs),
        n_frames=decode(videos[TEN], False),
        n_sampled=scorer.n_sampled,
        load=(load, os.getloadavg()[0]),
    )


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


def markdown_table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines] + [""]


def targets_table(measured: Measured) -> list[str]:
    """Return the table of targets."""
    elapsed, memory = measured.elapsed, measured.memory
    overhead = elapsed["clip command"] - elapsed["clip read"]
    growth, faster = memory[HOUR] / memory[MINUTE] - 1, measured.naive_all / elapsed["command"]

    def times(name: str) -> str:
        shares = elapsed[name] / elapsed["read"], elapsed[name] / elapsed["grab"]
        return "{:.2f} x reading, {:.2f} x grabbing".format(*shares)

    rows = [
        (
            "10 minutes, weights loaded: at most 1.5 times grabbing all frames",
            times("ours"),
            elapsed["ours"] <= 1.5 * elapsed["grab"],
        ),
        (
            "10 minutes, whole command: at most 1.5 times reading all frames",
            times("command"),
            elapsed["command"] <= 1.5 * elapsed["read"],
        ),
        (
            "10 minutes, whole command: at least 20 times as fast as the naive script",
            f"{faster:.0f} times",
            faster >= 20,
        ),
        ("`depmap --help`: less than 0.3 s", f"{elapsed['help']:.2f} s", elapsed["help"] < 0.3),
        (
            "10 s clip, whole command: at most 3 s more than decoding",
            f"{overhead:.2f} s",
            overhead <= 3,
        ),
        (
            "peak memory for 60 minutes: within 5 % of that for 1 minute",
            f"{100 * growth:+.2f} % ({memory[HOUR] / 1024:.0f} and "
            f"{memory[MINUTE] / 1024:.0f} MiB)",
            abs(growth) <= 0.05,
        ),
    ]
    return markdown_table(
        ["Target", "Measured", "Met"], [[a, m, "yes" if met else "no"] for a, m, met in rows]
    )


def totals_table(measured: Measured) -> list[str]:
    """Return the table of the 10-minute video."""
    elapsed = measured.elapsed
    rows = {
        "OpenCV decoding, grab only": elapsed["grab"],
        "OpenCV decoding, read": elapsed["read"],
        "depmap, weights loaded": elapsed["ours"],
        "`depmap score`, whole command": elapsed["command"],
        "naive script, all frames (extrapolated)": measured.naive_all,
        f"naive script, {measured.n_sampled} frames only (extrapolated)": measured.naive_sampled,
    }
    return markdown_table(
        ["", "s", "frames/s", "relative to reading", "relative to grabbing"],
        [
            [name, f"{seconds:.2f}", f"{measured.n_frames / seconds:.0f}"]
            + [f"{seconds / elapsed[limit]:.2f}" for limit in ("read", "grab")]
            for name, seconds in rows.items()
        ],
    )


def variants_table(measured: Measured) -> list[str]:
    """Return the table of variants."""
    baseline = [elapsed for elapsed, _ in measured.variants["default"]]
    rows = []
    for key, name in VARIANTS.items():
        times, scores = zip(*measured.variants[key], strict=True)
        middle = float(np.median(times))
        row = [name, f"{middle:.2f}", f"{min(times):.2f} to {max(times):.2f}", f"{scores[0]:.2f}"]
        rows.append([*row, "" if key == "default" else verdict(list(times), baseline)])
    return markdown_table(["10 minutes, weights loaded", "s", "range", "score", "faster"], rows)


def verdict(times: list[float], baseline: list[float]) -> str:
    """Return whether all runs of a variant are faster or slower than all default runs."""
    if max(times) < min(baseline):
        return "yes"
    return "no, slower" if min(times) > max(baseline) else "no difference"


def document(measured: Measured, runs: int, slice_frames: int) -> str:
    """Return the report as Markdown."""
    steps = ", ".join(f"{name} {1000 * value:.1f} ms" for name, value in measured.naive.items())
    stages = [*measured.stages.items(), ("sum", sum(measured.stages.values()))]
    lines = [
        f"# Speed, {date.today().isoformat()}",
        "",
        f"`python benchmarks/speed.py`: medians of {runs} alternating runs after one warm-up run; "
        f"memory from one run each. {machine_description()}. Load average "
        f"{measured.load[0]:.1f} before and {measured.load[1]:.1f} at the end, including other "
        "processes.",
        "",
        f"The 10-minute video has {measured.n_frames} frames, 640 x 480, 25 frames/s, H.264, and "
        f"repeats the bundled interview. With default options {measured.n_sampled} frames are "
        "scored.",
        "",
        "## Targets",
        "",
        *targets_table(measured),
        "The whole command includes starting Python, importing torch, loading the weights and "
        "writing the files.",
        "",
        "## The 10-minute video",
        "",
        *totals_table(measured),
        "The naive script reads each frame with OpenCV, detects faces in the whole frame with "
        f"facenet's MTCNN, and runs open_clip ({NAIVE_CLIP}, random weights) and a ResNet-18 on "
        f"the face. Extrapolated from {slice_frames} frames with models loaded: {steps} per frame.",
        "",
        "## Stages, weights loaded",
        "",
        *markdown_table(
            ["Stage", "s"],
            [
                [name, f"{elapsed:.3f}"]
                for name, elapsed in [*stages, ("wall", measured.elapsed["ours"])]
            ],
        ),
        "Decoding runs in a thread in parallel with the other stages, so the sum exceeds the "
        "wall time.",
        "",
        "## Alternatives",
        "",
        *variants_table(measured),
        "Each run is a separate process; the variants alternate. A variant is faster if all its "
        'runs are faster than all default runs; "no difference" means that the ranges overlap.',
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, write the report and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--slice", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--variant", choices=list(VARIANTS), help=argparse.SUPPRESS)
    parser.add_argument("--video", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.variant:
        run_variant(args.variant, args.video)
        return
    args.out.mkdir(parents=True, exist_ok=True)  # now, not after minutes
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(Path(folder), args.runs, args.slice)
    text = document(measured, args.runs, args.slice)
    path = args.out / f"{date.today().isoformat()}-speed.md"
    path.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
