"""Batches on a Ray cluster of two workers on this machine, one of which is killed midway."""

import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

ray = pytest.importorskip("ray")

from depmap_cli.batch.inputs import find_videos  # noqa: E402  # after importorskip
from depmap_cli.batch.ray_workers import ray_workers  # noqa: E402
from depmap_cli.batch.run import ScoringBatch, score_batch  # noqa: E402
from depmap_cli.errors import UnexpectedError, UsageProblem, WeightsInvalid  # noqa: E402
from tests.support.stub_batch import Silent  # noqa: E402
from tests.support.stub_job import stub_job  # noqa: E402

pytestmark = pytest.mark.ray

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def cluster():
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()
    patch.undo()


@pytest.fixture
def items(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(8):
        (tmp_path / "in" / f"v{number}.mp4").write_text(str(number))
    return find_videos([str(tmp_path / "in")], recursive=False)


def started_videos(log):
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def test_every_video_is_scored_once_though_a_worker_is_killed(items, tmp_path):
    log, killed = tmp_path / "log", []

    def kill_one():
        while len(started_videos(log)) < 3:
            time.sleep(0.05)
        name, pid = started_videos(log)[-1]
        os.kill(int(pid), signal.SIGKILL)
        killed.append(name)

    killer = threading.Thread(target=kill_one)
    killer.start()
    job = stub_job(log=log, seconds=0.8)
    scored = score_batch(
        ScoringBatch(items=items, job=job, folder=tmp_path / "out"),
        ray_workers(job, len(items), None, 0, 60),
        Silent(),
    )
    killer.join()
    assert [r.estimate.score for r in scored.reports] == list(range(8))
    assert (
        len({pid for _, pid in started_videos(log)}) == 3
    )  # two workers, and the replacement of the dead one
    times = Counter(name for name, _ in started_videos(log))
    assert times[killed[0]] == 2
    assert all(n == 1 for name, n in times.items() if name != killed[0])
    rows = (tmp_path / "out" / "scores.csv").read_text().splitlines()
    assert len(rows) == 9


def test_a_video_that_kills_every_worker_fails_alone(items, tmp_path):
    items[2].path.write_text("die")
    job = stub_job()
    workers = ray_workers(job, len(items), 2, 0, 60)
    scored = score_batch(
        ScoringBatch(items=items, job=job, folder=tmp_path / "out"), workers, Silent()
    )
    assert [r.status.value for r in scored.reports].count("failed") == 1
    assert scored.reports[2].reason.startswith("the worker ended while scoring")


def test_the_traceback_of_a_crash_on_the_cluster_is_written_here(items, tmp_path):
    items[2].path.write_text("crash")
    job, out = stub_job(), tmp_path / "out"
    score_batch(
        ScoringBatch(items=items[:3], job=job, folder=out), ray_workers(job, 3, 1, 0, 60), Silent()
    )
    assert "planted in scoring" in (out / "v2.mp4" / "traceback.txt").read_text()


def test_a_crash_while_loading_on_the_cluster_is_one_error(items):
    job = stub_job(crash_on_load=True)
    with pytest.raises(UnexpectedError) as crash:
        score_batch(ScoringBatch(items=items, job=job), ray_workers(job, 1, 1, 0, 60), Silent())
    assert "planted in loading" in crash.value.traceback


def test_weights_that_cannot_be_loaded_on_the_cluster_are_one_error(items, tmp_path):
    (tmp_path / "broken").write_text("")
    job = stub_job(broken=tmp_path / "broken")
    with pytest.raises(WeightsInvalid, match="planted"):
        score_batch(ScoringBatch(items=items, job=job), ray_workers(job, 1, 1, 0, 60), Silent())


def test_a_cluster_without_room_is_an_error_at_once_or_after_the_timeout(items):
    with pytest.raises(UsageProblem, match="no room"):
        ray_workers(stub_job(), 4, None, 0.5, 60)
    job = stub_job()
    with pytest.raises(Exception, match="stopped: no progress in 2 s"):
        score_batch(ScoringBatch(items=items, job=job), ray_workers(job, 4, 1, 0.5, 2.0), Silent())
