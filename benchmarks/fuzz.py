"""Fuzz test with damaged files: nothing may crash, hang or use unlimited memory.

    python benchmarks/fuzz.py [--videos 400] [--weights 100] [--tables 200] [--seed 1] [--out FILE]

Encodes the first seconds of the bundled interview in six containers, damages the files, and scores
them as `depmap score FOLDER` does, in a separate process. Weights files and tables (corpus
manifests, action units) are damaged and read in this process. Writes the counts to a dated file
next to this script. Exits with 1 if a process crashed, a file took too long or memory use was
excessive.
"""

import argparse
import csv
import io
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from depmap_cli.batch.inputs import find_videos
from depmap_cli.batch.job import Job, ScoringTask
from depmap_cli.batch.run import ScoringBatch, score_batch
from depmap_cli.batch.workers import SubprocessWorker
from depmap_cli.errors import DepmapError
from depmap_cli.results import Report
from depmap_cli.runtime.watchdog import with_watchdog
from depmap_cli.scoring.options import ScoreOptions

SECONDS = 4
TIMEOUT = 60.0
"""Seconds without progress after which a file counts as hanging."""
MAX_MEMORY = 2500
"""Limit of a worker's resident memory in MiB; intact videos need about half of it."""
_VIDEO_NAMES = [f"v{i}.mp4" for i in range(30)]
"""Videos that the manifest names; their content is not read."""
ENCODINGS = {
    "mp4": ("-c:v", "libx264", "-g", "25"),
    "mkv": ("-c:v", "libx264", "-g", "25"),
    "mov": ("-c:v", "libx264", "-g", "10", "-movflags", "faststart"),
    "avi": ("-c:v", "mpeg4"),
    "ts": ("-c:v", "libx264", "-g", "25"),
    "webm": ("-c:v", "libvpx", "-deadline", "realtime"),
}


def intact_videos(folder: Path) -> dict[str, bytes]:
    """Encode the intact videos, and return their content by name."""
    import subprocess

    from imageio_ffmpeg import get_ffmpeg_exe

    from depmap_cli.weights.locations import example_video

    def ffmpeg(name: str, *arguments: str) -> bytes:
        command = [get_ffmpeg_exe(), "-y", "-loglevel", "error", *arguments, str(folder / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return (folder / name).read_bytes()

    source = ("-i", str(example_video()), "-t", str(SECONDS), "-an")
    videos = {
        f"base.{kind}": ffmpeg(f"base.{kind}", *source, "-vf", "scale=192:192", *options)
        for kind, options in ENCODINGS.items()
    }
    ts = ENCODINGS["ts"]
    sizes = [ffmpeg(f"{n}.ts", *source, "-vf", f"scale={n}:{n}", *ts) for n in (192, 320, 96)]
    videos["resized.ts"] = b"".join(sizes)
    videos["long_gop.ts"] = ffmpeg("gop.ts", *source, "-c:v", "libx264", "-g", "9999")
    long = ("-stream_loop", "9", *source[:2], "-t", "100", "-an", "-vf", "scale=192:192", "-r", "5")
    for kind in ("mp4", "mkv", "webm"):  # long enough that the reader seeks
        videos[f"long.{kind}"] = ffmpeg(f"long.{kind}", *long, *ENCODINGS[kind][:2], "-g", "15")
    videos["slow.mkv"] = ffmpeg("slow.mkv", *source, "-vf", "setpts=PTS*100000", "-c:v", "libx264")
    return videos


def truncated(data: bytes, rng: random.Random) -> bytes:
    """Cut the file off at a random position."""
    return data[: rng.randrange(len(data))]


def without_beginning(data: bytes, rng: random.Random) -> bytes:
    """Remove the beginning, so that the first frames lack their key frame."""
    return data[rng.randrange(1, len(data)) :]


def bits_flipped(data: bytes, rng: random.Random) -> bytes:
    """Flip between one and 4096 bits."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 8, 64, 512, 4096))):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def bytes_replaced_at_ends(data: bytes, rng: random.Random) -> bytes:
    """Replace bytes in the first or last 2 KiB, where containers store their tables."""
    out = bytearray(data)
    reach = min(2048, len(out))
    for _ in range(rng.choice((1, 4, 16, 64))):
        offset = rng.randrange(reach)
        out[offset if rng.random() < 0.5 else len(out) - 1 - offset] = rng.randrange(256)
    return bytes(out)


def spliced(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    """Join the beginning of one file to a part of another."""
    other = rng.choice(others)
    return data[: rng.randrange(16, min(4096, len(data)))] + other[rng.randrange(len(other)) :]


def repeated(data: bytes, rng: random.Random) -> bytes:
    """Repeat a part of the file several times."""
    start = rng.randrange(len(data))
    piece = data[start : start + rng.randrange(1, 5000)]
    return data[:start] + piece * rng.randrange(2, 20) + data[start:]


def zeroed(data: bytes, rng: random.Random) -> bytes:
    """Overwrite a part with zeros, as in an interrupted copy."""
    start = rng.randrange(len(data))
    stop = min(len(data), start + rng.randrange(1, len(data) // 2))
    return data[:start] + bytes(stop - start) + data[stop:]


def extreme_values(data: bytes, rng: random.Random) -> bytes:
    """Replace sizes, rates, counts or lengths in the tables by extreme values."""
    out = bytearray(data)
    boxes = [m.start() for m in re.finditer(rb"tkhd|mdhd|mvhd|stts|stsz|stco|avc1|avih|strh", data)]
    for _ in range(rng.choice((1, 2, 8))):
        offset = rng.choice(boxes) if boxes else rng.randrange(min(512, len(out)))
        offset = min(len(out) - 4, offset + rng.randrange(4, 90))
        number = rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFF, 0x10000, 0x40000000))
        out[offset : offset + 4] = number.to_bytes(4, rng.choice(("big", "little")))
    return bytes(out)


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    truncated, without_beginning, bits_flipped, bytes_replaced_at_ends,
    repeated, zeroed, extreme_values,
)  # fmt: skip


def damaged_videos(folder: Path, count: int, rng: random.Random) -> Counter[str]:
    """Write ``count`` damaged videos to ``folder``, and return their number by kind of damage."""
    with tempfile.TemporaryDirectory() as folder_of_originals:
        intact = intact_videos(Path(folder_of_originals))
    others = list(intact.values())
    counts: Counter[str] = Counter()

    def write(name: str, data: bytes) -> None:
        (folder / name).write_bytes(data)
        counts[re.sub(r"^\d+-|\..*$", "", name)] += 1

    for name, data in intact.items():
        write(f"{sum(counts.values()):04d}-whole.{name}", data)
    write("empty.mp4", b"")
    write("one_byte.mkv", b"\x1a")
    write("text.avi", b"this is no video\n" * 200)
    write("noise.mp4", rng.randbytes(100_000))
    write("wrong_suffix.avi", intact["base.mkv"])
    write("wrong_suffix.webm", intact["base.ts"])
    while (number := sum(counts.values())) < count:
        name = rng.choice(list(intact))
        if rng.random() < 0.12:
            write(f"{number:04d}-spliced.{name}", spliced(intact[name], rng, others))
            continue
        damage = rng.choice(DAMAGES)
        write(f"{number:04d}-{damage.__name__}.{name}", damage(intact[name], rng))
    return counts


@dataclass
class BatchMonitor:
    """A batch listener that records the longest time of a file and the workers' peak memory."""

    workers: Sequence[SubprocessWorker]
    done_at: list[float] = field(default_factory=lambda: [time.monotonic()])
    longest: tuple[float, str] = 0.0, ""  # seconds, and of which file
    peak: int = 0
    finished: bool = False

    def on_progress(self, task: ScoringTask, fraction: float) -> None:
        """Ignore progress within a video."""

    def on_result(self, number: int, report: Report, already_done: bool) -> None:
        """Record the time since the last file was finished."""
        self.done_at.append(time.monotonic())
        if len(self.done_at) > 2:  # the first time includes loading the networks
            elapsed = self.done_at[-1] - self.done_at[-2]
            self.longest = max(self.longest, (elapsed, report.source.name))

    def on_message(self, text: str) -> None:
        """Fail: workers print a message only if one could not start."""
        raise RuntimeError(text)

    def watch_memory(self) -> None:
        """Sample the workers' resident memory until ``finished``."""
        while not self.finished:
            for worker in self.workers:
                self.peak = max(self.peak, _resident(worker.pid))
            time.sleep(0.05)


def _resident(pid: int | None) -> int:
    """Return the resident memory of a process in MiB, 0 if it does not exist."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    match = re.search(r"VmRSS:\s+(\d+)", text)
    return int(match[1]) // 1024 if match else 0


def score_all(folder: Path) -> tuple[list[Report], BatchMonitor]:
    """Score the videos in ``folder`` as a batch."""
    job = Job(
        options=ScoreOptions(frames=8),
        formats=frozenset({"json"}),
        pictures="drawing",
        device="cpu",
    )
    workers = [SubprocessWorker(job, None, TIMEOUT)]
    monitor = BatchMonitor(workers)
    memory_thread = threading.Thread(target=monitor.watch_memory)
    memory_thread.start()
    try:
        with tempfile.TemporaryDirectory() as out:
            items = find_videos([str(folder)], recursive=False)
            outcome = score_batch(
                ScoringBatch(items=items, job=job, folder=Path(out)), workers, monitor
            )
    finally:
        monitor.finished = True
        memory_thread.join()
    return outcome.reports, monitor


def outcome_of(report: Report) -> str:
    """Return the status and reason of a report, with numbers replaced by N."""
    if report.status.value == "scored":
        return "scored"
    reason = re.sub(r"\d+(\.\d+)?", "N", report.reason.split(";")[0])
    return f"{report.status.value}: {reason}"


UNACCEPTABLE = (
    "the worker process ended",
    "stopped: no progress",
    "reading made no progress",
    "unexpected",
)
"""Beginnings of reasons that no file may cause."""


def read_damaged(
    intact: bytes, count: int, rng: random.Random, suffix: str, read: Callable[[Path], object]
) -> Counter[str]:
    """Read ``count`` damaged copies of one file, and return the number of each outcome."""
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"damaged{suffix}")
        for name in _VIDEO_NAMES:
            Path(folder, name).write_bytes(b"no video")
        for _ in range(count):
            path.write_bytes(
                rng.choice((truncated, bits_flipped, bytes_replaced_at_ends, zeroed))(intact, rng)
            )
            outcomes[_read(read, path)] += 1
    return outcomes


def _read(read: Callable[[Path], object], path: Path) -> str:
    """Read a file with a timeout of ``TIMEOUT`` seconds and return the outcome."""
    try:
        next(with_watchdog((read(path) for _ in range(1)), TIMEOUT))
    except DepmapError as error:
        is_unacceptable = error.message.startswith(UNACCEPTABLE)
        return (
            f"unexpected: {error.message}"
            if is_unacceptable
            else f"refused: {type(error).__name__}"
        )
    except Exception as error:
        return f"unexpected {type(error).__name__}"
    return "read"


def weights_and_tables(n_weights: int, n_tables: int, rng: random.Random) -> dict[str, Counter]:
    """Damage weights, manifests and action unit tables, and read each as the commands do."""
    import torch

    from depmap_cli.data.corpus import read_corpus
    from depmap_cli.scoring.scorer import Scorer
    from depmap_cli.semantics.clip_model import BUNDLED_MODEL
    from depmap_cli.semantics.load_model import load_semantic_model
    from depmap_cli.semantics.openface import read_au_table
    from depmap_cli.weights.loading import load_networks
    from depmap_cli.weights.locations import (
        BASELINE_WEIGHTS,
        DEFAULT_WEIGHTS,
        default_semantic_weights,
        example_video,
        weights_folder,
    )

    def scored_with(path: Path) -> None:
        networks = load_networks(
            path, torch.device("cpu"), semantic_weights=str(default_semantic_weights())
        )
        report = Scorer(networks).score(example_video(), ScoreOptions(frames=8)).report
        if report.reason.startswith(UNACCEPTABLE):
            raise RuntimeError(report.reason)

    def semantics(path: Path) -> None:
        load_semantic_model(BUNDLED_MODEL, str(path))

    manifest = _table(
        ["path", "subject", "session", "task", "split", "score"],
        ([v, f"p{i % 7}", i, "Freeform", "Training", i % 63] for i, v in enumerate(_VIDEO_NAMES)),
    )
    units = _table(
        ["frame", "timestamp", "confidence", "success", "AU12_r", "AU12_c", "AU04_r"],
        ([i, i / 25, 0.98, 1, (i % 50) / 10, i % 2, 0.5] for i in range(200)),
    )
    folder = weights_folder()
    each = n_weights // 3
    return {
        "Dep-MAP weights": read_damaged(
            (folder / DEFAULT_WEIGHTS).read_bytes(), each, rng, ".safetensors", scored_with
        ),
        "plain ResNet weights": read_damaged(
            (folder / BASELINE_WEIGHTS).read_bytes(), each, rng, ".safetensors", scored_with
        ),
        "semantic weights": read_damaged(
            default_semantic_weights().read_bytes(), each, rng, ".safetensors", semantics
        ),
        "corpus manifests": read_damaged(manifest, n_tables // 2, rng, ".csv", read_corpus),
        "action unit tables": read_damaged(units, n_tables // 2, rng, ".csv", read_au_table),
    }


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([head, *rows])
    return text.getvalue().encode()


def main() -> None:
    """Run the fuzz test and write the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=400)
    parser.add_argument("--weights", type=int, default=100)
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    today = datetime.now(UTC).date().isoformat()
    out = args.out or Path(__file__).with_name(f"{today}-fuzz.md")
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        counts = damaged_videos(Path(folder), args.videos, rng)
        start = time.monotonic()
        reports, monitor = score_all(Path(folder))
        elapsed = time.monotonic() - start
    others = weights_and_tables(args.weights, args.tables, rng)
    videos = Counter(map(outcome_of, reports))
    faults = [f"{r.source.name}: {r.reason}" for r in reports if r.reason.startswith(UNACCEPTABLE)]
    faults += [
        f"{what}: {outcome}"
        for what, outcomes in others.items()
        for outcome in outcomes
        if "unexp" in outcome
    ]
    if monitor.peak > MAX_MEMORY:
        faults.append(f"a worker took {monitor.peak} MiB")
    damages = ", ".join(f"{n} {damage}" for damage, n in sorted(counts.items()))
    lines = [
        f"# Damaged files, {today}",
        "",
        f"`python benchmarks/fuzz.py --videos {args.videos} --weights {args.weights} --tables "
        f"{args.tables} --seed {args.seed}`",
        "",
        f"{len(reports)} videos ({damages}), "
        f"8 frames each: {elapsed:.0f} s in all, {monitor.longest[1]} the longest, "
        f"{monitor.longest[0]:.1f} s. The worker's resident memory reached {monitor.peak} MiB.",
        "",
        *_count_table("videos", videos),
        *(line for what, outcomes in others.items() for line in _count_table(what, outcomes)),
        f"Crashes, hangs, unexpected errors, memory above {MAX_MEMORY} MiB: "
        f"{len(faults) or 'none'}.",
        *(f"- {text}" for text in faults),
    ]
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(out.read_text(encoding="utf-8"))
    sys.exit(bool(faults))


def _count_table(what: str, outcomes: Counter[str]) -> list[str]:
    rows = [f"| {outcome} | {n} |" for outcome, n in outcomes.most_common()]
    return [f"| {what} | {sum(outcomes.values())} |", "|---|---|", *rows, ""]


if __name__ == "__main__":
    main()
