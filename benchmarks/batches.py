"""Measure seconds per video in a batch: with and without prefetching, with several processes.

    python benchmarks/batches.py VIDEO [--copies 8] [--jobs 2]

Scores copies of the video as `depmap score FOLDER -o OUT` does and writes all files. The first
copy, during which the networks are loaded, is not counted.
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


class CompletionTimes:
    """A batch listener that records when each video was finished."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_progress(self, task: ScoringTask, fraction: float) -> None:
        """Ignore progress within a video."""

    def on_result(self, number: int, report: Report, already_done: bool) -> None:
        """Record the time."""
        self.times.append(time.monotonic())

    def on_message(self, text: str) -> None:
        """Fail: no worker should print a message here."""
        raise RuntimeError(text)


class WithoutPrefetch:
    """A worker that does not know the next video, so it cannot decode it in advance."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def start(self, first: ScoringTask | None) -> None:
        """Start the worker without announcing the next video."""
        self._worker.start(first and replace(first, upcoming=None))

    def score(self, task: ScoringTask, on_progress: FractionCallback) -> RenderedResult:
        """Score the video without announcing the next one."""
        return self._worker.score(replace(task, upcoming=None), on_progress)

    def close(self) -> None:
        """Close the worker."""
        self._worker.close()


def seconds_per_video(folder: Path, workers: Sequence[Worker], job: Job) -> float:
    """Return the seconds per video after the first video of each worker."""
    completion, items = CompletionTimes(), find_videos([str(folder)], recursive=False)
    with tempfile.TemporaryDirectory() as out:
        score_batch(ScoringBatch(items=items, job=job, folder=Path(out)), workers, completion)
    first = len(workers) - 1
    return (completion.times[-1] - completion.times[first]) / (len(items) - len(workers))


def variants(job: Job, videos: int, jobs: int) -> Iterator[tuple[str, Sequence[Worker]]]:
    """Yield the workers of each variant with its name."""
    yield "one process, next video decoded in advance", local_workers(job, videos, 1, 600)
    without_prefetch = [WithoutPrefetch(worker) for worker in local_workers(job, videos, 1, 600)]
    yield "one process, no decoding in advance", without_prefetch
    yield f"{jobs} processes", local_workers(job, videos, jobs, 600)


def main() -> None:
    """Print one line for each variant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--copies", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    use_passive_threads()
    job = Job(options=ScoreOptions(), formats=frozenset(FORMATS), pictures="drawing")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(args.copies):
            shutil.copy(args.video, Path(folder, f"{number:04}{args.video.suffix}"))
        for name, workers in variants(job, args.copies, args.jobs):
            print(f"{name:48} {seconds_per_video(Path(folder), workers, job):6.2f} s per video")


if __name__ == "__main__":
    main()
