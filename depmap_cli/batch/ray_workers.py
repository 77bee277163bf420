"""Lanes on a Ray cluster (`pip install 'depmap-cli[ray]'`): an actor each, new where one died.

Workers read the videos, and the weights if others than those shipped are named, by their path: they
must lie where every machine finds them. What is written is written by the process that was started.
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from depmap_cli.batch.job import Job, RenderedResult, ScoreFunction, ScoringTask
from depmap_cli.batch.workers import (
    LOADING,
    LOOK,
    SCORING,
    BatchStopped,
    Worker,
    WorkerLost,
    given_up,
)
from depmap_cli.errors import DepmapError, UsageProblem
from depmap_cli.runtime.progress import FractionCallback
from depmap_cli.runtime.watchdog import heartbeats
from depmap_cli.weights.locations import weights_file

_DOING = {"load": LOADING, "do": SCORING}


def ray_workers(
    job: Job, videos: int, jobs: int | None, gpus: float, timeout: float
) -> Sequence[Worker]:
    """A lane for each of ``jobs`` workers, or as many as the cluster has room for.

    Joins the cluster that ``RAY_ADDRESS`` names or that runs on this machine; else starts one here.

    Args:
        gpus: share of a GPU that each worker takes; each takes one CPU.

    Raises:
        UsageProblem: Ray is not installed, or the cluster has no room for a single worker.
    """
    ray = _ray()
    if not ray.is_initialized():
        try:
            ray.init(log_to_driver=False, logging_level="ERROR", include_dashboard=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UsageProblem(
                "the Ray cluster cannot be joined", "is RAY_ADDRESS right?"
            ) from error
    found = ray.cluster_resources()
    room = int(found.get("CPU", 0))
    room = min(room, int(found.get("GPU", 0) / gpus + 1e-9)) if gpus else room
    if jobs is None and room < 1:
        raise UsageProblem(
            f"the Ray cluster has no room for a worker with {gpus:g} GPUs",
            "add machines to it, give less --gpus-per-worker, or wait for more with --jobs",
        )
    job = _from_anywhere(job)
    return [
        _RayWorker(ray=ray, job=job, gpus=gpus, timeout=timeout)
        for _ in range(min(jobs or room, max(videos, 1)))
    ]


def _from_anywhere(job: Job) -> Job:
    """With whole paths: workers start in folders of their own."""
    table, semantic_model = job.options.au_csv, job.semantic_weights
    named = job.weights is not None or "DEPMAP_WEIGHTS" in os.environ  # theirs may be another
    return replace(
        job,
        options=replace(job.options, au_csv=table and Path(os.path.abspath(table))),
        weights=Path(os.path.abspath(weights_file(job.weights))) if named else None,
        semantic_weights=os.path.abspath(semantic_model)
        if semantic_model and os.path.exists(semantic_model)
        else semantic_model,
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


class _Worker:
    """What runs on the cluster."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._perform: ScoreFunction | None = None
        self._share = 0.0

    def load(self, first: ScoringTask | None) -> DepmapError | None:
        """Load the networks; what is wrong if they cannot be."""
        try:
            self._perform = self._job.load(first)
        except DepmapError as error:
            return error
        return None

    def do(self, task: ScoringTask) -> RenderedResult:
        """Score one video."""
        assert self._perform is not None
        self._share = 0.0
        return self._perform(task, self._keep)

    def _keep(self, share: float) -> None:
        self._share = share

    def share(self) -> tuple[float, int]:
        """How much of the video is done, 0 to 1, and what differs while it is read; answers while
        it is scored."""
        return self._share, heartbeats()


class _RayWorker:
    """One worker of the cluster at a time."""

    def __init__(self, *, ray: Any, job: Job, gpus: float, timeout: float) -> None:
        self._ray, self._job, self._gpus, self._timeout = ray, job, gpus, timeout
        self._actor: Any = None
        self._stopped = False

    def start(self, first: ScoringTask | None) -> None:
        """Have the cluster start a worker, and wait until it has loaded the networks."""
        if self._actor is not None:
            return
        kind = self._ray.remote(num_cpus=1, num_gpus=self._gpus, max_concurrency=2)(_Worker)
        self._actor = kind.remote(self._job)
        error = self._answer(self._actor, "load", lambda share: None, first)
        if error is not None:
            self._end()
            raise error

    def do(self, task: ScoringTask, told: FractionCallback) -> RenderedResult:
        """Score one video there."""
        answer: RenderedResult = self._answer(self._actor, "do", told, task)
        return answer

    def close(self) -> None:
        """End the worker at once."""
        self._stopped = True
        self._end()

    def _answer(
        self, actor: Any, method: str, told: FractionCallback, given: ScoringTask | None
    ) -> Any:
        """What a method of the worker returns, whose progress is told meanwhile."""
        doing = _DOING[method]
        heard, last = time.monotonic(), (-1.0, 0)
        try:
            asked, share = getattr(actor, method).remote(given), actor.share.remote()
            while not self._stopped:
                ready, _ = self._ray.wait([asked, share], timeout=LOOK)
                if asked in ready:
                    return self._ray.get(asked)
                if ready:
                    if (now := self._ray.get(share)) != last:
                        heard, last = time.monotonic(), now
                        told(now[0])
                    time.sleep(LOOK)
                    share = actor.share.remote()
                if time.monotonic() - heard > self._timeout:
                    self._end()
                    fix = "has the cluster room for it? else give more --timeout"
                    raise given_up(self._timeout, doing, fix)
        except self._ray.exceptions.RayError as error:
            self._end()
            if not self._stopped:
                kind = type(error).__name__
                raise WorkerLost(f"the worker ended while {doing} ({kind})") from error
        raise BatchStopped

    def _end(self) -> None:
        actor, self._actor = self._actor, None
        if actor is not None:
            with suppress(self._ray.exceptions.RayError):
                self._ray.kill(actor)
