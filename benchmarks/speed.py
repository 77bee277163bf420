"""How fast `depmap score` is on this machine, beside what one would else write and the decoder.

    python benchmarks/speed.py [--runs 3] [--slice 40] [--out benchmarks]

Writes OUT/YYYY-MM-DD-speed.md. Videos are made of the shipped interview, in a temporary folder.
Everything is run once to warm up, then ``runs`` times in turn with what it is compared with; the
median counts. It needs imageio-ffmpeg, and some five minutes on two cores.
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

from depmap_cli.weights.locations import example_clip

MINUTE, TEN, HOUR, CLIP = 60, 600, 3600, 10
"""Lengths of the videos, in seconds."""
NAIVE_CLIP = "ViT-B-32"
"""The open_clip model that examples begin with; with random weights, which cost as much."""
COMMAND = [sys.executable, "-m", "depmap_cli"]
SMALL = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
VARIANTS = {
    "as it is": "as it is",
    "not ahead": "decoding in the same thread as the rest",
    "one decoder": "one thread in the decoder",
    "all frames": "all frames decoded, none leapt over",
    "batches of 32": "faces searched in 32 frames at a time",
    "passive": "OpenMP threads that sleep while they wait",
    "bfloat16": "backbone in bfloat16",
    "quick switch": "Python threads that take turns 25 times as often",
}
"""What could be done otherwise, each measured in a process of its own."""


def make_videos(folder: Path) -> dict[int, Path]:
    """The interview at 640 x 480, H.264, over and over, by length in seconds."""
    import imageio_ffmpeg

    def ffmpeg(*arguments: object) -> None:
        quiet = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]
        subprocess.run([*quiet, *map(str, arguments)], check=True, stdin=subprocess.DEVNULL)

    once = folder / "once.mp4"
    shape = "scale=480:480,pad=640:480:80:0"
    ffmpeg(
        "-i", example_clip(), "-an", "-vf", shape, "-c:v", "libx264", "-pix_fmt", "yuv420p", once
    )
    made = {}
    for length in (CLIP, MINUTE, TEN, HOUR):
        made[length] = folder / f"{length}s.mp4"
        ffmpeg("-stream_loop", -1, "-i", once, "-t", length, "-c", "copy", made[length])
    return made


def decode(path: Path, read: bool) -> int:
    """Frames that OpenCV decodes and, with ``read``, hands out as pictures."""
    capture, count = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), 0
    while capture.read()[0] if read else capture.grab():
        count += 1
    capture.release()
    return count


def seconds(work: Callable[[], object]) -> float:
    """How long ``work`` takes once."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def medians(works: dict[str, Callable[[], object]], runs: int) -> dict[str, float]:
    """Median seconds of each, after one run to warm up; in turn, so that all meet the same load."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for number in range(runs + 1):
        for name, work in works.items():
            spent = seconds(work)
            taken[name] += [spent] if number else []
    return {name: float(np.median(times)) for name, times in taken.items()}


def command(*arguments: object) -> None:
    """Run `depmap` in a new process."""
    subprocess.run([*COMMAND, *map(str, arguments)], stdout=subprocess.DEVNULL, check=True)


def peak_memory(*arguments: object) -> int:
    """Peak resident memory of `depmap` in KiB; started by a small process, since what starts one
    counts towards it until then."""
    between = [sys.executable, "-c", SMALL, *COMMAND, *map(str, arguments)]
    found = int(subprocess.run(between, capture_output=True, text=True, check=True).stdout)
    return found // (1024 if sys.platform == "darwin" else 1)


class Ours:
    """Scores videos in this process and remembers what each stage took."""

    def __init__(self) -> None:
        from depmap_cli.scoring.scorer import Scorer

        self.scorer = Scorer.load(device="cpu")
        self.seconds: list[dict[str, float]] = []
        self.score = 0.0

    def __call__(self, path: Path) -> None:
        """Score a video, with alignment timed apart from the search for faces."""
        from depmap_cli.faces import track

        align, spent = track.align_face, 0.0

        def timed(*arguments: object) -> np.ndarray:
            nonlocal spent
            start = time.perf_counter()
            face = align(*arguments)
            spent += time.perf_counter() - start
            return face

        track.align_face = timed
        try:
            result = self.scorer.score(path)
        finally:
            track.align_face = align
        if result.report.estimate is None:
            raise RuntimeError(f"{path.name}: not scored: {result.report.reason}")
        self.score = result.report.estimate.score
        by_stage = {"decode": result.seconds["decode"]}
        by_stage["detect and track"] = result.seconds["faces"] - spent
        by_stage["align"] = spent
        rest = {s: result.seconds[s] for s in ("semantics", "network", "report")}
        self.seconds.append(by_stage | rest)

    def stages(self, runs: int) -> dict[str, float]:
        """Median seconds of each stage in the last ``runs`` runs."""
        last = self.seconds[-runs:]
        return {stage: float(np.median([run[stage] for run in last])) for stage in last[0]}


def naive(path: Path, frames: int) -> dict[str, float]:
    """Median seconds a frame of what one would else write, after a tenth of ``frames``.

    OpenCV reads every frame; MTCNN searches all of it; open_clip and a ResNet-18 see the face.
    """
    import open_clip
    import torch
    from facenet_pytorch import MTCNN
    from torchvision.models import resnet18

    mtcnn = MTCNN(image_size=224, post_process=False)
    clip = open_clip.create_model(NAIVE_CLIP, pretrained=None).eval()
    network = resnet18(weights=None).eval()
    capture, taken = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), []
    steps = ("read", "MTCNN", "open_clip", "ResNet-18")
    with torch.inference_mode():
        while len(taken) < frames + frames // 10:
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
            taken.append(np.diff(times))
    return dict(zip(steps, np.median(taken[frames // 10 :], axis=0).tolist(), strict=True))


def vary(variant: str) -> None:
    """Make this process do one of ``VARIANTS``."""
    import torch

    from depmap_cli.faces import detect
    from depmap_cli.model.backbone import Backbone
    from depmap_cli.scoring import decoding
    from depmap_cli.video import decoder, reader

    if variant == "not ahead":
        decoding.Decoding.__init__ = _lazily
        decoding.Decoding.properties = lambda self: reader.probe(self.path)
        decoding.Decoding.__next__ = lambda self: next(self.frames)
        decoding.Decoding.close = lambda self: self.frames.close()
    elif variant == "one decoder":
        wide = decoder.open_capture
        decoder.open_capture = lambda path, settings=(): wide(
            path, settings or [cv2.CAP_PROP_N_THREADS, 1]
        )
    elif variant == "all frames":
        reader._INDEXED = frozenset()
    elif variant == "batches of 32":
        detect._SPARSE_CHUNK = detect.CHUNK
    elif variant == "bfloat16":
        forward = Backbone.forward

        def halved(self: Backbone, pixels: torch.Tensor) -> list[torch.Tensor]:
            with torch.autocast("cpu", torch.bfloat16):
                return [found.float() for found in forward(self, pixels)]

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
    ours = Ours()
    ours(path.with_name(f"{CLIP}s.mp4"))
    print(seconds(lambda: ours(path)), ours.score)


def measured_variants(path: Path, runs: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds and score of every run of each of ``VARIANTS``, in turn."""
    found: dict[str, list[tuple[float, float]]] = {variant: [] for variant in VARIANTS}
    for _ in range(runs):
        for variant, runs_so_far in found.items():
            settings = {"OMP_WAIT_POLICY": "PASSIVE"} if variant == "passive" else {}
            arguments = [sys.executable, __file__, "--variant", variant, "--video", str(path)]
            done = subprocess.run(
                arguments, env=os.environ | settings, capture_output=True, text=True, check=True
            )
            spent, score = done.stdout.split()[-2:]
            runs_so_far.append((float(spent), float(score)))
    return found


@dataclass(frozen=True)
class Measured:
    """All figures of one run; times are medians in seconds, of the 10-minute video where not said.

    ``spent`` has "grab", "read", "ours", "command", "help", and "clip read" and "clip command".
    """

    spent: dict[str, float]
    stages: dict[str, float]
    naive: dict[str, float]  # seconds a frame, by step
    memory: dict[int, int]  # peak KiB by length of the video
    variants: dict[str, list[tuple[float, float]]]  # seconds and score of each run
    n_frames: int
    n_sampled: int
    load: tuple[float, float]  # average number of busy or waiting threads, before and after

    @property
    def naive_all(self) -> float:
        """Seconds for every frame."""
        return sum(self.naive.values()) * self.n_frames

    @property
    def naive_sampled(self) -> float:
        """Seconds where every frame is read, and only as many as depmap takes go further."""
        rest = sum(self.naive.values()) - self.naive["read"]
        return self.spent["read"] + self.n_sampled * rest


def measure(folder: Path, runs: int, slice_frames: int) -> Measured:
    """Make the videos in ``folder`` and measure everything."""
    load = os.getloadavg()[0]
    videos = make_videos(folder)
    ours = Ours()

    def scored(length: int) -> list[object]:
        fresh = tempfile.mkdtemp(dir=folder)  # what is done already is not done again
        return ["score", videos[length], "-o", fresh, "-q"]

    ours(videos[CLIP])
    spent = medians(
        {
            "grab": lambda: decode(videos[TEN], False),
            "read": lambda: decode(videos[TEN], True),
            "ours": lambda: ours(videos[TEN]),
            "command": lambda: command(*scored(TEN)),
            "clip read": lambda: decode(videos[CLIP], True),
            "clip command": lambda: command(*scored(CLIP)),
            "help": lambda: command("--help"),
        },
        runs,
    )
    return Measured(
        spent,
        ours.stages(runs),
        naive(videos[TEN], slice_frames),
        {length: peak_memory(*scored(length)) for length in (MINUTE, HOUR)},
        measured_variants(videos[TEN], runs),
        decode(videos[TEN], False),
        ours.scorer.networks.sampling.frames,
        (load, os.getloadavg()[0]),
    )


def machine() -> str:
    """What it was measured on."""
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


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines] + [""]


def aims(found: Measured) -> list[str]:
    """The table of what was aimed at."""
    spent, memory = found.spent, found.memory
    beyond = spent["clip command"] - spent["clip read"]
    growth, faster = memory[HOUR] / memory[MINUTE] - 1, found.naive_all / spent["command"]

    def times(name: str) -> str:
        shares = spent[name] / spent["read"], spent[name] / spent["grab"]
        return "{:.2f} of reading, {:.2f} of grabbing".format(*shares)

    rows = [
        (
            "10 minutes, weights loaded: at most 1.5 times decoding alone",
            times("ours"),
            spent["ours"] <= 1.5 * spent["grab"],
        ),
        (
            "the same, the whole command, against reading",
            times("command"),
            spent["command"] <= 1.5 * spent["read"],
        ),
        ("10 minutes, the whole command: 20 times naive", f"{faster:.0f} times", faster >= 20),
        ("`depmap --help` under 0.3 s", f"{spent['help']:.2f} s", spent["help"] < 0.3),
        (
            "10 s clip, the whole command: within 3 s of its decoding",
            f"{beyond:.2f} s",
            beyond <= 3,
        ),
        (
            "peak memory of 60 minutes within 5 % of that of 1 minute",
            f"{100 * growth:+.2f} % ({memory[HOUR] / 1024:.0f} and "
            f"{memory[MINUTE] / 1024:.0f} MiB)",
            abs(growth) <= 0.05,
        ),
    ]
    return table(["Aim", "Measured", "Met"], [[a, m, "yes" if met else "no"] for a, m, met in rows])


def totals(found: Measured) -> list[str]:
    """The table of the 10-minute video."""
    spent = found.spent
    rows = {
        "OpenCV decodes it, grab only": spent["grab"],
        "OpenCV decodes it, read": spent["read"],
        "depmap, weights loaded": spent["ours"],
        "`depmap score`, the whole command": spent["command"],
        "naive, every frame (extrapolated)": found.naive_all,
        f"naive, of {found.n_sampled} frames only (extrapolated)": found.naive_sampled,
    }
    return table(
        ["", "s", "frames/s", "times reading", "times grabbing"],
        [
            [name, f"{taken:.2f}", f"{found.n_frames / taken:.0f}"]
            + [f"{taken / spent[limit]:.2f}" for limit in ("read", "grab")]
            for name, taken in rows.items()
        ],
    )


def otherwise(found: Measured) -> list[str]:
    """The table of variants."""
    usual = [spent for spent, _ in found.variants["as it is"]]
    rows = []
    for key, name in VARIANTS.items():
        times, scores = zip(*found.variants[key], strict=True)
        middle = float(np.median(times))
        row = [name, f"{middle:.2f}", f"{min(times):.2f} to {max(times):.2f}", f"{scores[0]:.2f}"]
        rows.append([*row, "" if key == "as it is" else verdict(list(times), usual)])
    return table(["10 minutes, weights loaded", "s", "runs", "score", "pays"], rows)


def verdict(times: list[float], usual: list[float]) -> str:
    """Whether all runs of a variant are faster than all as it is."""
    if max(times) < min(usual):
        return "yes"
    return "no, slower" if min(times) > max(usual) else "not seen"


def document(found: Measured, runs: int, slice_frames: int) -> str:
    """The file."""
    steps = ", ".join(f"{name} {1000 * value:.1f} ms" for name, value in found.naive.items())
    stages = [*found.stages.items(), ("sum", sum(found.stages.values()))]
    lines = [
        f"# Speed, {date.today().isoformat()}",
        "",
        f"`python benchmarks/speed.py`: medians of {runs} runs in turn, after one to warm up; "
        f"memory of one run each. {machine()}. Load average {found.load[0]:.1f} before and "
        f"{found.load[1]:.1f} at the end, others' work included.",
        "",
        f"The 10-minute video has {found.n_frames} frames, 640 x 480, 25 a second, H.264: the "
        f"shipped interview over and over. At defaults {found.n_sampled} of its frames are scored.",
        "",
        "## Aims",
        "",
        *aims(found),
        "The whole command is the start of Python, torch, the weights, the score and the files.",
        "",
        "## The 10-minute video",
        "",
        *totals(found),
        "Naive: OpenCV reads; facenet's MTCNN searches the whole frame; open_clip "
        f"({NAIVE_CLIP}, random weights) and a ResNet-18 see the face; frame by frame, with "
        f"its own models loaded. Measured on {slice_frames} frames, multiplied: {steps} a frame.",
        "",
        "## Stages, weights loaded",
        "",
        *table(
            ["ScoringStage", "s"],
            [[name, f"{taken:.3f}"] for name, taken in [*stages, ("wall", found.spent["ours"])]],
        ),
        "Decoding happens in a thread beside the other stages, so that the sum exceeds the wall.",
        "",
        "## What else could be done",
        "",
        *otherwise(found),
        "Each run in a process of its own, in turn. It pays where all are faster than all as it "
        'is; "not seen" where they overlap.',
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Write the file, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--slice", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--variant", choices=list(VARIANTS), help=argparse.SUPPRESS)
    parser.add_argument("--video", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.variant:
        run_variant(given.variant, given.video)
        return
    given.out.mkdir(parents=True, exist_ok=True)  # now, not after minutes
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), given.runs, given.slice)
    text = document(found, given.runs, given.slice)
    path = given.out / f"{date.today().isoformat()}-speed.md"
    path.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
