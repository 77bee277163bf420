"""What becomes of damaged files: nothing may crash, hang or take memory without end.

    python benchmarks/fuzz.py [--videos 400] [--weights 100] [--tables 200] [--seed 1] [--out FILE]

Videos are made of the first seconds of the shipped interview in six containers, damaged, and
scored as `depmap score FOLDER` does, in a process of their own. Weights files and tables (corpus
manifests, action units) are damaged and read in one process. Counts go to a dated file beside this
script. Exit code 1 if a process ended by itself, a file took too long or memory grew beyond reason.
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
PATIENCE = 60.0
"""Seconds without progress after which a file counts as hanging."""
MEMORY = 2500
"""MiB of resident memory that a worker may reach; whole videos take about half of it."""
_CLIPS = [f"v{i}.mp4" for i in range(30)]
"""Videos that the manifest names; it is read without looking into them."""
ENCODINGS = {
    "mp4": ("-c:v", "libx264", "-g", "25"),
    "mkv": ("-c:v", "libx264", "-g", "25"),
    "mov": ("-c:v", "libx264", "-g", "10", "-movflags", "faststart"),
    "avi": ("-c:v", "mpeg4"),
    "ts": ("-c:v", "libx264", "-g", "25"),
    "webm": ("-c:v", "libvpx", "-deadline", "realtime"),
}


def bases(folder: Path) -> dict[str, bytes]:
    """Whole videos by name, to be damaged."""
    import subprocess

    from imageio_ffmpeg import get_ffmpeg_exe

    from depmap_cli.weights.locations import example_clip

    def ffmpeg(name: str, *arguments: str) -> bytes:
        command = [get_ffmpeg_exe(), "-y", "-loglevel", "error", *arguments, str(folder / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return (folder / name).read_bytes()

    source = ("-i", str(example_clip()), "-t", str(SECONDS), "-an")
    made = {
        f"base.{kind}": ffmpeg(f"base.{kind}", *source, "-vf", "scale=192:192", *how)
        for kind, how in ENCODINGS.items()
    }
    ts = ENCODINGS["ts"]
    sizes = [ffmpeg(f"{n}.ts", *source, "-vf", f"scale={n}:{n}", *ts) for n in (192, 320, 96)]
    made["resized.ts"] = b"".join(sizes)
    made["long_gop.ts"] = ffmpeg("gop.ts", *source, "-c:v", "libx264", "-g", "9999")
    far = ("-stream_loop", "9", *source[:2], "-t", "100", "-an", "-vf", "scale=192:192", "-r", "5")
    for kind in ("mp4", "mkv", "webm"):  # so long that frames are leapt over
        made[f"long.{kind}"] = ffmpeg(f"long.{kind}", *far, *ENCODINGS[kind][:2], "-g", "15")
    made["slow.mkv"] = ffmpeg("slow.mkv", *source, "-vf", "setpts=PTS*100000", "-c:v", "libx264")
    return made


def truncated(data: bytes, draw: random.Random) -> bytes:
    """Cut off anywhere."""
    return data[: draw.randrange(len(data))]


def beheaded(data: bytes, draw: random.Random) -> bytes:
    """Without its beginning, so that the first frames have no key frame."""
    return data[draw.randrange(1, len(data)) :]


def flipped(data: bytes, draw: random.Random) -> bytes:
    """From one to thousands of bits turned."""
    out = bytearray(data)
    for _ in range(draw.choice((1, 8, 64, 512, 4096))):
        out[draw.randrange(len(out))] ^= 1 << draw.randrange(8)
    return bytes(out)


def flipped_head(data: bytes, draw: random.Random) -> bytes:
    """Bytes of the first or last 2 KiB replaced, where containers keep their tables."""
    out = bytearray(data)
    reach = min(2048, len(out))
    for _ in range(draw.choice((1, 4, 16, 64))):
        place = draw.randrange(reach)
        out[place if draw.random() < 0.5 else len(out) - 1 - place] = draw.randrange(256)
    return bytes(out)


def spliced(data: bytes, draw: random.Random, others: Sequence[bytes]) -> bytes:
    """The head of one file on the body of another."""
    other = draw.choice(others)
    return data[: draw.randrange(16, min(4096, len(data)))] + other[draw.randrange(len(other)) :]


def repeated(data: bytes, draw: random.Random) -> bytes:
    """A piece of it several times over."""
    start = draw.randrange(len(data))
    piece = data[start : start + draw.randrange(1, 5000)]
    return data[:start] + piece * draw.randrange(2, 20) + data[start:]


def blanked(data: bytes, draw: random.Random) -> bytes:
    """A hole of zeros, as of a copy that was interrupted."""
    start = draw.randrange(len(data))
    stop = min(len(data), start + draw.randrange(1, len(data) // 2))
    return data[:start] + bytes(stop - start) + data[stop:]


def absurd(data: bytes, draw: random.Random) -> bytes:
    """Numbers of the tables replaced by absurd ones: sizes, rates, counts, lengths."""
    out = bytearray(data)
    boxes = [m.start() for m in re.finditer(rb"tkhd|mdhd|mvhd|stts|stsz|stco|avc1|avih|strh", data)]
    for _ in range(draw.choice((1, 2, 8))):
        place = draw.choice(boxes) if boxes else draw.randrange(min(512, len(out)))
        place = min(len(out) - 4, place + draw.randrange(4, 90))
        number = draw.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFF, 0x10000, 0x40000000))
        out[place : place + 4] = number.to_bytes(4, draw.choice(("big", "little")))
    return bytes(out)


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    truncated, beheaded, flipped, flipped_head, repeated, blanked, absurd,
)  # fmt: skip


def damaged_videos(folder: Path, count: int, draw: random.Random) -> Counter[str]:
    """Write ``count`` damaged videos to ``folder``; how many of each damage."""
    with tempfile.TemporaryDirectory() as aside:
        whole = bases(Path(aside))
    others = list(whole.values())
    made: Counter[str] = Counter()

    def write(name: str, data: bytes) -> None:
        (folder / name).write_bytes(data)
        made[re.sub(r"^\d+-|\..*$", "", name)] += 1

    for name, data in whole.items():
        write(f"{sum(made.values()):04d}-whole.{name}", data)
    write("empty.mp4", b"")
    write("one_byte.mkv", b"\x1a")
    write("text.avi", b"this is no video\n" * 200)
    write("noise.mp4", draw.randbytes(100_000))
    write("wrong_suffix.avi", whole["base.mkv"])
    write("wrong_suffix.webm", whole["base.ts"])
    while (number := sum(made.values())) < count:
        name = draw.choice(list(whole))
        if draw.random() < 0.12:
            write(f"{number:04d}-spliced.{name}", spliced(whole[name], draw, others))
            continue
        damage = draw.choice(DAMAGES)
        write(f"{number:04d}-{damage.__name__}.{name}", damage(whole[name], draw))
    return made


@dataclass
class Watcher:
    """Told of a batch; keeps the longest time of a file, and looks at the workers' memory."""

    workers: Sequence[SubprocessWorker]
    done_at: list[float] = field(default_factory=lambda: [time.monotonic()])
    longest: tuple[float, str] = 0.0, ""  # seconds, and of which file
    peak: int = 0
    over: bool = False

    def on_progress(self, task: ScoringTask, fraction: float) -> None:
        """Of no interest."""

    def on_result(self, number: int, report: Report, already_done: bool) -> None:
        """Note how long it took since the last."""
        self.done_at.append(time.monotonic())
        if len(self.done_at) > 2:  # the first is told after the networks have loaded
            took = self.done_at[-1] - self.done_at[-2]
            self.longest = max(self.longest, (took, report.source.name))

    def on_message(self, text: str) -> None:
        """A worker that could not start is a fault of its own."""
        raise RuntimeError(text)

    def look(self) -> None:
        """Follow the resident memory until ``over``."""
        while not self.over:
            for worker in self.workers:
                self.peak = max(self.peak, _resident(worker.pid))
            time.sleep(0.05)


def _resident(pid: int | None) -> int:
    """MiB of a process, 0 if there is none."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s+(\d+)", text)
    return int(found[1]) // 1024 if found else 0


def score_all(folder: Path) -> tuple[list[Report], Watcher]:
    """Score what lies in ``folder``, as a batch does."""
    job = Job(
        options=ScoreOptions(frames=8),
        formats=frozenset({"json"}),
        pictures="drawing",
        device="cpu",
    )
    workers = [SubprocessWorker(job, None, PATIENCE)]
    watcher = Watcher(workers)
    looking = threading.Thread(target=watcher.look)
    looking.start()
    try:
        with tempfile.TemporaryDirectory() as out:
            items = find_videos([str(folder)], recursive=False)
            scored = score_batch(
                ScoringBatch(items=items, job=job, folder=Path(out)), workers, watcher
            )
    finally:
        watcher.over = True
        looking.join()
    return scored.reports, watcher


def outcome_of(report: Report) -> str:
    """What became of a video, without the numbers in it."""
    if report.status.value == "scored":
        return "scored"
    reason = re.sub(r"\d+(\.\d+)?", "N", report.reason.split(";")[0])
    return f"{report.status.value}: {reason}"


BAD = (
    "the worker process ended",
    "stopped: no progress",
    "reading it made no progress",
    "unexpected",
)
"""Beginnings of reasons that no file may have."""


def read_damaged(
    whole: bytes, count: int, draw: random.Random, suffix: str, read: Callable[[Path], object]
) -> Counter[str]:
    """Read ``count`` damaged copies of one file; how each ended."""
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"damaged{suffix}")
        for name in _CLIPS:
            Path(folder, name).write_bytes(b"no video")
        for _ in range(count):
            path.write_bytes(draw.choice((truncated, flipped, flipped_head, blanked))(whole, draw))
            found[_read(read, path)] += 1
    return found


def _read(read: Callable[[Path], object], path: Path) -> str:
    """How reading a file ended, within ``PATIENCE``."""
    try:
        next(with_watchdog((read(path) for _ in range(1)), PATIENCE))
    except DepmapError as error:
        hangs = error.message.startswith(BAD)
        return f"unexpected: {error.message}" if hangs else f"refused: {type(error).__name__}"
    except Exception as error:
        return f"unexpected {type(error).__name__}"
    return "read"


def weights_and_tables(n_weights: int, n_tables: int, draw: random.Random) -> dict[str, Counter]:
    """Damaged weights, manifests and action-unit tables, each read as the commands do."""
    import torch

    from depmap_cli.data.corpus import read_corpus
    from depmap_cli.scoring.scorer import Scorer
    from depmap_cli.semantics.clip_model import BUNDLED_MODEL, load_semantic_model
    from depmap_cli.semantics.openface import read_au_table
    from depmap_cli.weights.loading import load_networks
    from depmap_cli.weights.locations import (
        BASELINE_WEIGHTS,
        DEFAULT_WEIGHTS,
        default_semantic_weights,
        example_clip,
        weights_folder,
    )

    def scored_with(path: Path) -> None:
        networks = load_networks(
            path, torch.device("cpu"), semantic_weights=str(default_semantic_weights())
        )
        report = Scorer(networks).score(example_clip(), ScoreOptions(frames=8)).report
        if report.reason.startswith(BAD):
            raise RuntimeError(report.reason)

    def semantics(path: Path) -> None:
        load_semantic_model(BUNDLED_MODEL, str(path))

    manifest = _table(
        ["path", "subject", "session", "task", "split", "score"],
        ([v, f"p{i % 7}", i, "Freeform", "Training", i % 63] for i, v in enumerate(_CLIPS)),
    )
    units = _table(
        ["frame", "timestamp", "confidence", "success", "AU12_r", "AU12_c", "AU04_r"],
        ([i, i / 25, 0.98, 1, (i % 50) / 10, i % 2, 0.5] for i in range(200)),
    )
    folder = weights_folder()
    each = n_weights // 3
    return {
        "Dep-MAP weights": read_damaged(
            (folder / DEFAULT_WEIGHTS).read_bytes(), each, draw, ".safetensors", scored_with
        ),
        "plain ResNet weights": read_damaged(
            (folder / BASELINE_WEIGHTS).read_bytes(), each, draw, ".safetensors", scored_with
        ),
        "semantic weights": read_damaged(
            default_semantic_weights().read_bytes(), each, draw, ".safetensors", semantics
        ),
        "corpus manifests": read_damaged(manifest, n_tables // 2, draw, ".csv", read_corpus),
        "action-unit tables": read_damaged(units, n_tables // 2, draw, ".csv", read_au_table),
    }


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([head, *rows])
    return text.getvalue().encode()


def main() -> None:
    """Damage, run, count, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=400)
    parser.add_argument("--weights", type=int, default=100)
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    today = datetime.now(UTC).date().isoformat()
    out = given.out or Path(__file__).with_name(f"{today}-fuzz.md")
    draw = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        made = damaged_videos(Path(folder), given.videos, draw)
        start_decoding = time.monotonic()
        reports, watcher = score_all(Path(folder))
        took = time.monotonic() - start_decoding
    others = weights_and_tables(given.weights, given.tables, draw)
    videos = Counter(map(outcome_of, reports))
    bad = [f"{r.source.name}: {r.reason}" for r in reports if r.reason.startswith(BAD)]
    bad += [f"{what}: {how}" for what, found in others.items() for how in found if "unexp" in how]
    if watcher.peak > MEMORY:
        bad.append(f"a worker took {watcher.peak} MiB")
    lines = [
        f"# Damaged files, {today}",
        "",
        f"`python benchmarks/fuzz.py --videos {given.videos} --weights {given.weights} --tables "
        f"{given.tables} --seed {given.seed}`",
        "",
        f"{len(reports)} videos ({', '.join(f'{n} {what}' for what, n in sorted(made.items()))}), "
        f"8 frames each: {took:.0f} s in all, {watcher.longest[1]} the longest, "
        f"{watcher.longest[0]:.1f} s. The worker's resident memory reached {watcher.peak} MiB.",
        "",
        *_counted("videos", videos),
        *(line for what, found in others.items() for line in _counted(what, found)),
        f"Crashes, hangs, unexpected errors, memory beyond {MEMORY} MiB: {len(bad) or 'none'}.",
        *(f"- {text}" for text in bad),
    ]
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(out.read_text(encoding="utf-8"))
    sys.exit(bool(bad))


def _counted(what: str, found: Counter[str]) -> list[str]:
    rows = [f"| {how} | {n} |" for how, n in found.most_common()]
    return [f"| {what} | {sum(found.values())} |", "|---|---|", *rows, ""]


if __name__ == "__main__":
    main()
