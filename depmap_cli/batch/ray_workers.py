"""Workers on a Ray cluster (`pip install 'depmap-cli[ray]'`): one actor each, replaced if it dies.

Workers read videos, and weights other than the bundled ones, by path, so every machine must see the
same files under the same paths. The main process writes all results.
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from depmap_cli.batch.job import Job, RenderedResult, ScoringTask
from depmap_cli.batch.workers import (
    LOADING,
    POLL_INTERVAL,
    SCORING,
    BatchStopped,
    InProcessWorker,
    Worker,
    WorkerLost,
    loading_error,
    score_or_error,
    timed_out,
)
from depmap_cli.errors import DepmapError, UsageProblem
from depmap_cli.runtime.progress import FractionCallback
from depmap_cli.runtime.watchdog import heartbeats
from depmap_cli.weights.locations import weights_file

_ACTIVITIES = {"load": LOADING, "score": SCORING}
_ROUNDING = 1e-9  # 1 GPU / 0.1 GPUs per worker makes ten workers


def ray_workers(
    job: Job, n_videos: int, jobs: int | None, gpus: float, timeout: float
) -> Sequence[Worker]:
    """Make ``jobs`` workers, by default as many as the cluster has room for.

    Joins the cluster that ``RAY_ADDRESS`` names or that runs on this machine; otherwise starts one
    on this machine.

    Args:
        job: how videos are scored.
        n_videos: number of videos; there are no more workers than videos.
        jobs: number of workers.
        gpus: fraction of a GPU that each worker takes; each takes one CPU.
        timeout: seconds without progress after which a video is stopped.

    Raises:
        UsageProblem: Ray is not installed, or the cluster has no room for a single worker.
    """
    ray = _ray()
    if not ray.is_initialized():
        try:
            ray.init(log_to_driver=False, logging_level="ERROR", include_dashboard=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UsageProblem("cannot join the Ray cluster", "check RAY_ADDRESS") from error
    resources = ray.cluster_resources()
    room = int(resources.get("CPU", 0))
    room = min(room, int(resources.get("GPU", 0) / gpus + _ROUNDING)) if gpus else room
    if jobs is None and room < 1:
        raise UsageProblem(
            f"the Ray cluster has no room for a worker with {gpus:g} GPUs",
            "add machines, reduce --gpus-per-worker, or wait for more machines with --jobs",
        )
    job = _with_absolute_paths(job)
    return [
        _RayWorker(ray=ray, job=job, gpus=gpus, timeout=timeout)
        for _ in range(min(jobs or room, max(n_videos, 1)))
    ]


def _with_absolute_paths(job: Job) -> Job:
    """Return the job with absolute paths, because Ray starts workers in folders of its own."""
    table, semantic_weights = job.options.au_csv, job.semantic_weights
    named = job.weights is not None or "DEPMAP_WEIGHTS" in os.environ  # may differ on a worker
    is_file = semantic_weights is not None and os.path.exists(semantic_weights)
    return replace(
        job,
        options=replace(job.options, au_csv=table and Path(os.path.abspath(table))),
        weights=Path(os.path.abspath(weights_file(job.weights))) if named else None,
        semantic_weights=os.path.abspath(semantic_weights)
        if semantic_weights and is_file
        else semantic_weights,
    )


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise UsageProblem(
            "--engine ray: Ray is not installed", "pip install 'depmap-cli[ray]'"
        ) from error
    return ray


class _RayActor:
    """The object that runs on the cluster. Errors are returned, so that they arrive whole."""

    def __init__(self, job: Job) -> None:
        self._worker = InProcessWorker(job)
        self._fraction = 0.0

    def load(self, first: ScoringTask | None) -> DepmapError | None:
        """Load the networks; return the error if that fails."""
        return loading_error(self._worker, first)

    def score(self, task: ScoringTask) -> RenderedResult | DepmapError:
        """Score one video; return the error if that fails."""
        self._fraction = 0.0
        return score_or_error(self._worker, task, self._set_fraction)

    def _set_fraction(self, fraction: float) -> None:
        self._fraction = fraction

    def progress(self) -> tuple[float, int]:
        """Return the fraction done, 0 to 1, and a number that changes while decoding proceeds.

        Answers while a video is scored.
        """
        return self._fraction, heartbeats()


class _RayWorker:
    """Sends tasks to one actor, and starts another if it dies."""

    def __init__(self, *, ray: Any, job: Job, gpus: float, timeout: float) -> None:
        self._ray, self._job, self._gpus, self._timeout = ray, job, gpus, timeout
        self._actor: Any = None
        self._stopped = False

    def start(self, first: ScoringTask | None) -> None:
        """Start an actor on the cluster and wait until it has loaded the networks."""
        if self._actor is not None:
            return
        kind = self._ray.remote(num_cpus=1, num_gpus=self._gpus, max_concurrency=2)(_RayActor)
        self._actor = kind.remote(self._job)
        error = self._call("load", first, lambda fraction: None)
        if error is not None:
            self._end()
            raise error

    def score(self, task: ScoringTask, on_progress: FractionCallback) -> RenderedResult:
        """Score one video on the cluster."""
        answer: RenderedResult | DepmapError = self._call("score", task, on_progress)
        if isinstance(answer, DepmapError):
            raise answer
        return answer

    def close(self) -> None:
        """End the actor at once."""
        self._stopped = True
        self._end()

    def _call(self, method: str, task: ScoringTask | None, on_progress: FractionCallback) -> Any:
        """Return what a method of the actor returns; report its progress meanwhile."""
        activity, actor = _ACTIVITIES[method], self._actor
        last_change, last = time.monotonic(), (-1.0, 0)
        try:
            result, progress = getattr(actor, method).remote(task), actor.progress.remote()
            while not self._stopped:
                ready, _ = self._ray.wait([result, progress], timeout=POLL_INTERVAL)
                if result in ready:
                    return self._ray.get(result)
                if ready:
                    if (current := self._ray.get(progress)) != last:
                        last_change, last = time.monotonic(), current
                        on_progress(current[0])
                    time.sleep(POLL_INTERVAL)
                    progress = actor.progress.remote()
                if time.monotonic() - last_change > self._timeout:
                    self._end()
                    hint = "check that the cluster has room for the worker, or increase --timeout"
                    raise timed_out(self._timeout, activity, hint)
        except self._ray.exceptions.RayError as error:
            self._end()
            if not self._stopped:
                kind = type(error).__name__
                raise WorkerLost(f"the worker ended while {activity} ({kind})") from error
        raise BatchStopped

    def _end(self) -> None:
        actor, self._actor = self._actor, None
        if actor is not None:
            with suppress(self._ray.exceptions.RayError):
                self._ray.kill(actor)
