"""Seconds a video in a batch: one process with and without the next video decoded ahead, and more.

    python benchmarks/batches.py VIDEO [--copies 8] [--jobs 2]

Scores copies of the video as `depmap score FOLDER -o OUT` does, all files written; networks are
loaded before the clock starts, with the first copy, which is not counted.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from depmap_cli.batch.inputs import find_videos
from depmap_cli.batch.job import Job, RenderedResult, ScoringTask
from depmap_cli.batch.run import ScoringBatch, score_batch
from depmap_cli.batch.workers import Worker, local_workers
from depmap_cli.report.score.files import FORMATS
from depmap_cli.results import Report
from depmap_cli.runtime.progress import FractionCallback
from depmap_cli.runtime.threads import use_passive_threads
from depmap_cli.scoring.options import ScoreOptions


class Clock:
    """Told of a batch; remembers when each video was done."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_progress(self, task: ScoringTask, fraction: float) -> None:
        """Of no interest."""

    def on_result(self, number: int, report: Report, already_done: bool) -> None:
        """Look at the clock."""
        self.times.append(time.monotonic())

    def on_message(self, text: str) -> None:
        """What a worker had to say is a fault here."""
        raise RuntimeError(text)


class Surprised:
    """A lane that is not told what comes next."""

    def __init__(self, worker: Worker) -> None:
        self._lane = worker

    def start(self, first: ScoringTask | None) -> None:
        """As the lane does."""
        self._lane.start(first and replace(first, upcoming=None))

    def score(self, task: ScoringTask, on_progress: FractionCallback) -> RenderedResult:
        """As the lane does."""
        return self._lane.score(replace(task, upcoming=None), on_progress)

    def close(self) -> None:
        """As the lane does."""
        self._lane.close()


def seconds_a_video(folder: Path, workers: Sequence[Worker], job: Job) -> float:
    """From the first video that is done, of each lane, to the last."""
    clock, items = Clock(), find_videos([str(folder)], recursive=False)
    with tempfile.TemporaryDirectory() as out:
        score_batch(ScoringBatch(items=items, job=job, folder=Path(out)), workers, clock)
    first = len(workers) - 1
    return (clock.times[-1] - clock.times[first]) / (len(items) - len(workers))


def variants(job: Job, videos: int, jobs: int) -> Iterator[tuple[str, Sequence[Worker]]]:
    """The ways of working through a batch."""
    yield "one process, the next video decoded ahead", local_workers(job, videos, 1, 600)
    alone = [Surprised(worker) for worker in local_workers(job, videos, 1, 600)]
    yield "one process, each decoded when its turn comes", alone
    yield f"{jobs} processes", local_workers(job, videos, jobs, 600)


def main() -> None:
    """Print a line a way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--copies", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    use_passive_threads()
    job = Job(options=ScoreOptions(), formats=frozenset(FORMATS), pictures="drawing")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.copies):
            shutil.copy(given.video, Path(folder, f"{number:04}{given.video.suffix}"))
        for name, workers in variants(job, given.copies, given.jobs):
            print(f"{name:48} {seconds_a_video(Path(folder), workers, job):6.2f} s a video")


if __name__ == "__main__":
    main()
