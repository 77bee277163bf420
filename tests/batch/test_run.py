"""Batches: each video is scored once, results survive interruptions, a bad video stops nothing."""

import csv
import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from depmap_cli.batch.inputs import InputVideo, find_videos
from depmap_cli.batch.results_folder import ResultsFolder, VideoOrigin
from depmap_cli.batch.run import ScoringBatch, exit_code, score_batch
from depmap_cli.batch.workers import InProcessWorker, SubprocessWorker, local_workers
from depmap_cli.errors import OutputUnwritable, UnexpectedError, WeightsInvalid
from depmap_cli.results import Status
from depmap_cli.scoring.options import ScoreOptions
from tests.support.stub_batch import Silent
from tests.support.stub_job import ALL, report_of, stub_job

ROOT = Path(__file__).parents[2]
ORIGIN = VideoOrigin(place="", state=None)
FILES = {"frames.csv", "aus.csv", "report.html", "score.json"}


@pytest.fixture
def videos(tmp_path):
    """Function that writes stub videos with these texts, by name, to a folder."""

    def make(**texts):
        folder = tmp_path / "in"
        folder.mkdir(exist_ok=True)
        for name, text in texts.items():
            (folder / f"{name}.mp4").write_text(text)
        return find_videos([str(folder)], recursive=False)

    return make


def numbers(n):
    return {f"v{i:02}": str(i) for i in range(n)}


def here(items, out, listener=None, overwrite=False, **job):
    job = stub_job(**job)
    return score_batch(
        ScoringBatch(items=items, job=job, folder=out, overwrite=overwrite),
        [InProcessWorker(job)],
        listener or Silent(),
    )


def others(items, out, jobs=2, timeout=60.0, listener=None, **job):
    job = stub_job(**job)
    workers = [SubprocessWorker(job, 1, timeout) for _ in range(jobs)]
    return score_batch(
        ScoringBatch(items=items, job=job, folder=out), workers, listener or Silent()
    )


def command(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.stub_batch", *map(str, arguments)],
        cwd=ROOT,
        preexec_fn=enable_sigint,
    )


def enable_sigint():
    """Undo that shells make background processes, and what they start, ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def tree(out):
    """The visible result files by path, except run.json, which contains times."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name != "run.json"
        if not any(part.startswith(".") for part in path.relative_to(out).parts)
    }


def rows(out):
    return list(csv.DictReader((out / "scores.csv").open(newline="")))


def started_videos(log):
    return Counter(line.split()[0] for line in log.read_text().splitlines())


def check_results_are_complete(out):
    for path in out.rglob("score.json"):
        if ".depmap" in path.parts:
            continue
        report = json.loads(path.read_text())
        assert {p.name for p in path.parent.iterdir()} >= FILES
        assert report["source"]["name"] in (path.parent / "report.html").read_text()
    if (out / "scores.csv").exists():
        names = [row["name"] for row in rows(out)]
        assert len(names) == len(set(names))


class Recorder(Silent):
    """Records results and messages."""

    def __init__(self):
        self.events, self.notes = [], []

    def on_result(self, number, report, already_done):
        self.events.append((report.source.name, report.status.value, already_done))

    def on_message(self, text):
        self.notes.append(text)


def test_videos_that_are_done_are_skipped(videos, tmp_path):
    out, log, listener = tmp_path / "out", tmp_path / "log", Recorder()
    items = videos(a="1", b="2", c="refuse")
    first = here(items, out, log=log)
    before = tree(out)
    again = here(items, out, listener, log=log)
    assert started_videos(log) == {"a.mp4": 1, "b.mp4": 1, "c.mp4": 1}
    assert [e[2] for e in listener.events] == [True] * 3
    assert tree(out) == before
    assert [r.status for r in again.reports] == [r.status for r in first.reports]
    here(items, out, log=log, overwrite=True)
    assert set(started_videos(log).values()) == {2}
    assert tree(out) == before


def test_videos_that_changed_are_scored_again(videos, tmp_path):
    out, log = tmp_path / "out", tmp_path / "log"
    items = videos(a="1", b="2")
    here(items, out, log=log)
    items[0].path.write_text("33")
    here(items, out, log=log)
    assert started_videos(log) == {"a.mp4": 2, "b.mp4": 1}
    assert [row["score"] for row in rows(out)] == ["33.0", "2.0"]
    (out / "b.mp4" / "frames.csv").unlink()
    here(items, out, log=log)
    assert started_videos(log) == {"a.mp4": 2, "b.mp4": 2}
    assert (out / "b.mp4" / "frames.csv").is_file()


def test_a_video_that_changes_while_it_is_scored_does_not_count_as_done(videos, tmp_path):
    out, log = tmp_path / "out", tmp_path / "log"
    items = videos(a="1")

    class Meddler(Silent):
        def on_progress(self, task, fraction):
            items[0].path.write_text("44.5")

    here(items, out, Meddler(), log=log)
    here(items, out, log=log)
    assert started_videos(log) == {"a.mp4": 2}
    assert rows(out)[0]["score"] == "44.5"


def test_failed_videos_are_tried_again_and_keep_a_row(videos, tmp_path):
    out = tmp_path / "out"
    items = [*videos(a="1"), InputVideo(tmp_path / "in" / "b.mp4", "b.mp4")]
    first = others(videos(a="1", b="die"), out, jobs=1)
    assert exit_code(first.reports) == 3
    assert [row["status"] for row in rows(out)] == ["scored", "failed"]
    items[1].path.write_text("2")
    assert exit_code(others(items, out, jobs=1).reports) == 0
    assert [row["score"] for row in rows(out)] == ["1.0", "2.0"]


def test_formats_of_the_same_settings_accumulate_and_others_are_removed(videos, tmp_path):
    out = tmp_path / "out"
    items = videos(a="1")
    here(items, out, formats={"csv"})
    here(items, out, formats={"json"})
    assert {p.name for p in (out / "a.mp4").iterdir()} == {"frames.csv", "aus.csv", "score.json"}
    items[0].path.write_text("22")
    here(items, out, formats={"html"})
    assert {p.name for p in (out / "a.mp4").iterdir()} == {"report.html"}


def test_pictures_of_a_score_do_not_stay_beside_a_failure(tmp_path):
    results, picture = ResultsFolder(tmp_path), "keyframes/01_00-01.00.png"
    results.store(ORIGIN, "key", ALL, report_of("a", "1"), {picture: b"", "score.json": b"{}"})
    failed = report_of("a", "1").model_copy(update={"status": Status.failed})
    results.store(ORIGIN, "key", ALL, failed, {"score.json": b"{}"})
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["score.json"]


def test_a_users_own_file_in_a_results_folder_stays(videos, tmp_path):
    out = tmp_path / "out"
    items = videos(a="1")
    here(items, out)
    (out / "a.mp4" / "notes.txt").write_text("mine")
    items[0].path.write_text("22")
    here(items, out)
    assert (out / "a.mp4" / "notes.txt").read_text() == "mine"


def test_the_table_lists_all_videos_scored_into_the_folder(videos, tmp_path):
    out = tmp_path / "out"
    items = videos(a="1", b="2", c="3")
    for item in reversed(items):  # like a shell loop
        here([item], out)
    assert [row["name"] for row in rows(out)] == ["a.mp4", "b.mp4", "c.mp4"]


@pytest.mark.slow
def test_results_are_the_same_after_an_interruption_before_any_disk_operation(
    videos, tmp_path, monkeypatch
):
    """The process ends before the n-th disk operation, for every n."""
    items = videos(a="1")
    here(items, tmp_path / "whole")
    items[0].path.write_text("22")
    here(items, tmp_path / "whole")
    wanted, real = tree(tmp_path / "whole"), {}

    class Killed(BaseException):
        pass

    n_left = 0

    def counted(name):
        def change(*arguments, **named):
            nonlocal n_left
            if n_left == 0:
                raise Killed
            n_left -= 1
            return real[name](*arguments, **named)

        return change

    out, cuts = tmp_path / "out", 0
    for cut in range(100):
        items[0].path.write_text("1")
        here(items, out, overwrite=True)
        items[0].path.write_text("22")
        with monkeypatch.context() as patch:
            for owner, name in ((os, "replace"), (Path, "unlink"), (Path, "write_bytes")):
                real[name] = getattr(owner, name)
                patch.setattr(owner, name, counted(name))
            n_left = cut
            try:
                here(items, out)
            except Killed:
                cuts += 1
            else:
                break
        check_results_are_complete(out)
        here(items, out)
        assert tree(out) == wanted, f"cut before change {cut}"
    assert cuts > 10


@pytest.mark.slow
def test_results_are_the_same_bytes_after_kills_at_random_moments(videos, tmp_path):
    videos(**numbers(10))
    log = tmp_path / "log"
    assert command(tmp_path / "in", tmp_path / "whole", log, 0).wait() == 0
    wanted = tree(tmp_path / "whole")
    moments = random.Random(3)
    out = tmp_path / "out"
    for _ in range(3):
        running = command(tmp_path / "in", out, log, 0.2)
        time.sleep(moments.uniform(0.5, 1.5))
        running.kill()
        running.wait()
        check_results_are_complete(out)
    assert command(tmp_path / "in", out, log, 0).wait() == 0
    assert tree(out) == wanted
    assert len(rows(out)) == 10


@pytest.mark.slow
def test_processes_that_share_a_folder_score_each_video_once(videos, tmp_path):
    videos(**numbers(12))
    log, out = tmp_path / "log", tmp_path / "out"
    running = [command(tmp_path / "in", out, log, 0.2) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert set(started_videos(log).values()) == {1}
    assert len(started_videos(log)) == len(rows(out)) == 12
    runs = json.loads((out / "run.json").read_text())["runs"]
    assert len(runs) == 3
    assert sum(run["scored"] for run in runs) == 12
    assert all(run["scored"] + run["already_done"] == 12 for run in runs)


@pytest.mark.slow
def test_parts_together_give_the_whole_result(videos, tmp_path):
    videos(**numbers(7))
    log = tmp_path / "log"
    assert command(tmp_path / "in", tmp_path / "whole", log, 0).wait() == 0
    running = [command(tmp_path / "in", tmp_path / "out", log, 0, f"{i}/3") for i in (1, 2, 3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert set(started_videos(log).values()) == {2}


@pytest.mark.slow
def test_a_dying_worker_fails_one_video_unless_the_second_attempt_succeeds(videos, tmp_path):
    items = videos(a="1", b="die", c="die once", d="4")
    scored = others(items, tmp_path / "out")
    assert [r.status.value for r in scored.reports] == ["scored", "failed", "scored", "scored"]
    assert "signal 9" in scored.reports[1].reason
    assert scored.reports[2].estimate.score == 7
    assert exit_code(scored.reports) == 3
    assert json.loads((tmp_path / "out/b.mp4/score.json").read_text())["status"] == "failed"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bad", "jobs"),
    [({"b": "die"}, 1), ({"a": "die"}, 1), ({"a": "die", "b": "die"}, 2)],
)
def test_a_video_that_kills_workers_while_decoded_ahead_fails_alone(videos, tmp_path, bad, jobs):
    texts = {"a": "1", "b": "2", "c": "3", "d": "4"} | bad
    scored = others(videos(**texts), tmp_path / "out", jobs=jobs, ahead=True)
    expected = ["failed" if text == "die" else "scored" for text in texts.values()]
    assert [r.status.value for r in scored.reports] == expected
    assert len(rows(tmp_path / "out")) == 4


@pytest.mark.slow
def test_heartbeats_prevent_the_timeout_of_a_video_of_unknown_length(videos, tmp_path):
    scored = others(videos(a="unknown length", b="hang"), tmp_path / "out", timeout=4.0)
    assert [r.status.value for r in scored.reports] == ["scored", "failed"]
    assert "no progress in 4 s" in scored.reports[1].reason


def test_a_missing_au_table_gives_another_key_than_no_table(videos, tmp_path):
    items, out, listener = videos(a="1"), tmp_path / "out", Recorder()
    here(items, out)
    here(items, out, listener, options=ScoreOptions(au_csv=tmp_path / "in"))
    assert listener.events == [("a.mp4", "scored", False)]


def test_a_video_that_another_process_has_just_finished_is_skipped(videos, tmp_path, monkeypatch):
    items, out, listener, log = videos(a="1"), tmp_path / "out", Recorder(), tmp_path / "log"
    ask = ResultsFolder.claim

    def meanwhile(results, name):
        monkeypatch.setattr(ResultsFolder, "claim", ask)
        here(items, out, log=log)

    monkeypatch.setattr(ResultsFolder, "claim", meanwhile)
    here(items, out, listener, log=log)
    assert listener.events == [("a.mp4", "scored", True)]
    assert started_videos(log) == {"a.mp4": 1}


def test_temporary_files_of_killed_processes_are_removed(videos, tmp_path):
    items, out = videos(a="1"), tmp_path / "out"
    here(items, out)
    temporary = [out / ".making-1-run.json", out / ".depmap" / "records" / ".making-2-a.json"]
    for path in temporary:
        path.write_text("half")
        os.utime(path, (1, 1))
    young = out / ".making-3-scores.csv"
    young.write_text("being written")
    here(items, out)
    assert not any(path.exists() for path in temporary)
    assert young.exists()


@pytest.mark.slow
def test_a_waiting_process_takes_over_the_failure_of_another(videos, tmp_path):
    """A hanging video costs its timeout once, not once per process."""
    videos(a="die", b="2")
    log, out = tmp_path / "log", tmp_path / "out"
    running = [command(tmp_path / "in", out, log, 2) for _ in range(3)]
    assert [process.wait() for process in running] == [3, 3, 3]
    assert started_videos(log) == {"a.mp4": 2, "b.mp4": 1}  # two attempts of one process
    assert [row["status"] for row in rows(out)] == ["failed", "scored"]


def test_a_video_that_cannot_be_locked_has_a_row(videos, tmp_path):
    items, out = videos(a="1", b="2"), tmp_path / "out"
    here(items[:1], out)
    (lock,) = (out / ".depmap" / "claims").iterdir()
    lock.unlink()
    lock.mkdir()
    items[0].path.write_text("33")
    scored = here(items, out)
    assert [r.status.value for r in scored.reports] == ["failed", "scored"]
    assert [row["status"] for row in rows(out)] == ["failed", "scored"]
    run = json.loads((out / "run.json").read_text())["runs"][-1]
    assert (run["scored"], len(run["failures"])) == (1, 1)


def test_another_video_with_the_same_name_replaces_nothing(videos, tmp_path):
    items, out = videos(a="1", b="2"), tmp_path / "out"
    here(items, out)
    done = tree(out)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.mp4").write_text("55")
    (elsewhere / "c.mp4").write_text("3")
    others_there = find_videos([str(elsewhere)], recursive=False)
    scored = here(others_there, out)
    assert [r.status.value for r in scored.reports] == ["failed", "scored"]
    assert "another video with this name" in scored.reports[0].reason
    assert tree(out).items() >= (done.items() - {("scores.csv", done["scores.csv"])})
    assert [row["score"] for row in rows(out)] == ["1.0", "2.0", "3.0"]
    run = json.loads((out / "run.json").read_text())["runs"][-1]
    assert (run["scored"], len(run["failures"])) == (1, 1)
    here(others_there, out, overwrite=True)
    assert [row["score"] for row in rows(out)] == ["55.0", "2.0", "3.0"]


def test_a_moved_video_counts_as_the_same(videos, tmp_path):
    items, out = videos(a="1"), tmp_path / "out"
    here(items, out)
    moved = tmp_path / "moved.d" / "a.mp4"
    moved.parent.mkdir()
    items[0].path.rename(moved)
    listener = Recorder()
    scored = here([InputVideo(moved, "a.mp4")], out, listener)
    assert [r.status for r in scored.reports] == [Status.scored]
    assert listener.events == [("a.mp4", "scored", True)]


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_result_of_a_deleted_video_is_kept(videos, tmp_path, overwrite):
    items, out = videos(a="1"), tmp_path / "out"
    here(items, out)
    done = tree(out)
    items[0].path.unlink()
    scored = here(items, out, overwrite=overwrite)
    assert [r.reason for r in scored.reports] == ["the file no longer exists"]
    assert tree(out) == done


def test_runs_of_other_versions_stay_in_run_json(videos, tmp_path):
    items, out = videos(a="1"), tmp_path / "out"
    here(items, out)
    record = json.loads((out / "run.json").read_text())
    record["runs"][0]["mood"] = "good"
    (out / "run.json").write_text(json.dumps(record))
    here(items, out)
    runs = json.loads((out / "run.json").read_text())["runs"]
    assert (len(runs), runs[0]["mood"]) == (2, "good")
    (out / "run.json").write_text("damaged")
    here(items, out)
    assert (out / "unreadable-run.json").read_text() == "damaged"
    assert len(json.loads((out / "run.json").read_text())["runs"]) == 1


@pytest.mark.slow
def test_no_task_is_lost_if_a_worker_cannot_start(videos, tmp_path, monkeypatch):
    """However late a worker fails: the other must wait for the task."""
    from depmap_cli.batch import supervisor

    real = supervisor._TaskQueue.returned_on_error

    def late(queue, task):
        time.sleep(0.2)
        return real(queue, task)

    monkeypatch.setattr(supervisor._TaskQueue, "returned_on_error", late)
    (tmp_path / "broken").write_text("")
    scored = others(videos(a="1"), None, jobs=2, broken=tmp_path / "broken")
    assert [r.status.value for r in scored.reports] == ["scored"]


@pytest.mark.slow
def test_a_video_without_progress_fails_after_the_timeout(videos, tmp_path):
    log = tmp_path / "log"
    scored = others(videos(a="hang", b="2"), tmp_path / "out", jobs=1, timeout=2.0, log=log)
    assert [r.status.value for r in scored.reports] == ["failed", "scored"]
    assert "no progress in 2 s" in scored.reports[0].reason
    assert started_videos(log)["a.mp4"] == 1  # no second attempt


@pytest.mark.slow
def test_workers_end_with_the_main_process(videos, tmp_path):
    videos(a="hang", b="hang")
    log = tmp_path / "log"
    running = command(tmp_path / "in", tmp_path / "out", log, 0)
    while not log.exists() or len(log.read_text().splitlines()) < 2:
        time.sleep(0.05)
    workers = [int(line.split()[1]) for line in log.read_text().splitlines()]
    running.kill()
    running.wait()
    end = time.monotonic() + 10
    while any(map(_lives, workers)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(_lives, workers))


def _lives(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_weights_that_cannot_be_loaded_are_one_error(videos, tmp_path):
    (tmp_path / "broken").write_text("")
    with pytest.raises(WeightsInvalid, match="planted"):
        others(videos(a="1", b="2"), tmp_path / "out", jobs=1, broken=tmp_path / "broken")
    assert rows(tmp_path / "out") == []


def test_the_tasks_of_a_worker_that_cannot_start_go_to_others(videos, tmp_path):
    (tmp_path / "broken").write_text("")
    listener = Recorder()
    scored = others(
        videos(**numbers(5)),
        tmp_path / "out",
        jobs=2,
        listener=listener,
        broken=tmp_path / "broken",
    )
    assert [r.status for r in scored.reports] == [Status.scored] * 5
    assert len(listener.notes) == 1
    assert "planted" in listener.notes[0]


def test_a_full_disk_fails_only_the_videos_that_it_concerns(videos, tmp_path, monkeypatch):
    real = Path.write_bytes

    def full(path, data):
        if b"v01.mp4" in data and path.suffix == "" and path.parent.name.startswith(".making"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    scored = here(videos(**numbers(3)), tmp_path / "out")
    assert [r.status.value for r in scored.reports] == ["scored", "failed", "scored"]
    assert "No space left" in scored.reports[1].reason
    assert exit_code(scored.reports) == 3
    assert [row["status"] for row in rows(tmp_path / "out")] == ["scored", "failed", "scored"]
    assert not (tmp_path / "out" / "v01.mp4").exists()
    monkeypatch.setattr(Path, "write_bytes", real)
    assert exit_code(here(videos(**numbers(3)), tmp_path / "out").reports) == 0


def test_the_remaining_videos_fail_if_the_results_folder_is_deleted(videos, tmp_path):
    out, log = tmp_path / "out", tmp_path / "log"

    class Unplugged(Silent):
        def on_progress(self, task, fraction):
            if task.name == "v01.mp4" and out.exists():
                out.rename(tmp_path / "elsewhere")

    scored = here(videos(**numbers(4)), out, Unplugged(), log=log)
    assert [r.status.value for r in scored.reports] == ["scored", *["failed"] * 3]
    assert exit_code(scored.reports) == 3
    assert isinstance(scored.write_error, OutputUnwritable)
    assert started_videos(log) == {"v00.mp4": 1, "v01.mp4": 1}  # nothing is scored in vain
    assert not out.exists()


def test_a_damaged_record_counts_as_missing(tmp_path):
    results = ResultsFolder(tmp_path)
    results.store(ORIGIN, "key", ALL, report_of("a", "1"), {"score.json": b"{}"})
    assert results.finished("a", "key", ["json"]) is not None
    assert results.finished("a", "other", ["json"]) is None
    (record,) = (tmp_path / ".depmap" / "records").iterdir()
    record.write_bytes(record.read_bytes()[:50])
    assert ResultsFolder(tmp_path).finished("a", "key", ["json"]) is None


def test_run_json_describes_the_run(videos, tmp_path):
    out = tmp_path / "out"
    here(videos(a="1", b="refuse"), out)
    (run,) = json.loads((out / "run.json").read_text())["runs"]
    assert run["videos"] == 2
    assert run["scored"] == 1
    assert run["failures"] == [{"name": "b.mp4", "status": "refused", "reason": "planted"}]
    assert run["weights"]["sha256"]
    assert run["versions"]["torch"]
    assert run["ended"] is not None
    assert all((out / file).is_file() for file in run["files"])
    assert "a.mp4/score.json" in run["files"]


def test_there_are_no_more_workers_than_videos_or_jobs():
    assert len(local_workers(stub_job(), 1, 4, 60)) == 1
    assert len(local_workers(stub_job(), 3, 4, 60)) == 3
    assert len(local_workers(stub_job(), 5, 4, 60)) == 4


def test_the_traceback_of_a_worker_is_written_beside_the_results_until_it_scores_well(
    videos, tmp_path
):
    items, out = videos(a="crash", b="2"), tmp_path / "out"
    scored = others(items, out)
    assert [r.status.value for r in scored.reports] == ["failed", "scored"]
    reason = "unexpected ZeroDivisionError while scoring; traceback: a.mp4/traceback.txt"
    assert scored.reports[0].reason == reason
    assert json.loads((out / "a.mp4" / "score.json").read_text())["reason"] == reason
    text = (out / "a.mp4" / "traceback.txt").read_text()
    assert "stub_job.py" in text
    assert "ZeroDivisionError: planted in scoring" in text
    (run,) = json.loads((out / "run.json").read_text())["runs"]
    assert "a.mp4/traceback.txt" in run["files"]
    items[0].path.write_text("1")
    assert exit_code(others(items, out).reports) == 0
    assert {path.name for path in (out / "a.mp4").iterdir()} == FILES


def test_without_a_results_folder_a_crash_says_how_to_see_its_traceback(videos):
    (report,) = others(videos(a="crash"), None, jobs=1).reports
    assert report.reason == "unexpected ZeroDivisionError while scoring"
    assert report.hint == "run again with --debug to see the traceback"


def test_a_traceback_does_not_stay_beside_another_failure(tmp_path):
    results, failed = ResultsFolder(tmp_path), report_of("a", "1")
    failed = failed.model_copy(update={"status": Status.failed})
    results.store(ORIGIN, "key", ALL, failed, {"traceback.txt": b"", "score.json": b"{}"})
    results.store(ORIGIN, "key", ALL, failed, {"score.json": b"{}"})
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["score.json"]


def test_a_crash_while_loading_arrives_with_its_traceback(videos, tmp_path):
    with pytest.raises(UnexpectedError, match="ZeroDivisionError while loading") as crash:
        others(videos(a="1", b="2"), tmp_path / "out", crash_on_load=True)
    assert "ZeroDivisionError: planted in loading" in crash.value.traceback


def test_the_traceback_of_a_worker_that_is_replaced_by_others_is_kept(videos, tmp_path):
    out, listener = tmp_path / "out", Recorder()
    job = stub_job()
    workers = [SubprocessWorker(stub_job(crash_on_load=True), 1, 60), SubprocessWorker(job, 1, 60)]
    batch = ScoringBatch(items=videos(**numbers(3)), job=job, folder=out)
    assert exit_code(score_batch(batch, workers, listener).reports) == 0
    (file,) = out.glob("depmap-traceback-*.txt")
    assert "planted in loading" in file.read_text()
    assert listener.notes == [
        "a worker failed to start; continuing with the others: unexpected ZeroDivisionError "
        f"while loading the weights; traceback: {file}"
    ]


def test_the_folder_of_the_videos_can_hold_the_results(videos, tmp_path):
    items, log, listener = videos(a="1", b="2"), tmp_path / "log", Recorder()
    folder = tmp_path / "in"
    here(items, folder, log=log)
    assert {path.name for path in (folder / "a.mp4.results").iterdir()} == FILES
    assert items[0].path.read_text() == "1"
    assert [row["name"] for row in rows(folder)] == ["a.mp4", "b.mp4"]
    (run,) = json.loads((folder / "run.json").read_text())["runs"]
    assert all((folder / file).is_file() for file in run["files"])
    here(find_videos([str(folder)], recursive=True), folder, listener, log=log)
    assert [already_done for _, _, already_done in listener.events] == [True, True]
    assert set(started_videos(log).values()) == {1}


def test_two_videos_never_share_a_results_folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.mp4", "x/a.mp4.results"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("1")
    items = [InputVideo(folder / "a.mp4", "a.mp4")]
    items.append(InputVideo(folder / "x" / "a.mp4.results", "a.mp4.results"))
    with pytest.raises(OutputUnwritable, match=r"a\.mp4 and a\.mp4\.results would share"):
        here(items, folder)


def test_a_file_above_a_results_folder_is_found_before_scoring(videos, tmp_path):
    items, log = videos(a="1"), tmp_path / "log"
    (tmp_path / "x").write_text("a file")
    with pytest.raises(OutputUnwritable, match="a file is in the way"):
        here([InputVideo(items[0].path, "x/a.mp4")], tmp_path, log=log)
    assert not log.exists()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_keeps_what_is_done_and_ends_the_workers(videos, tmp_path):
    videos(a="1", b="hang", c="hang")
    log, out = tmp_path / "log", tmp_path / "out"
    running = command(tmp_path / "in", out, log, 0)
    while not list(out.glob(".depmap/records/*.json")) or len(started_videos(log)) < 3:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=10) != 0
    assert [row["name"] for row in rows(out)] == ["a.mp4"]


def test_results_are_written_to_a_drive_without_locks(videos, tmp_path, monkeypatch):
    def no_locks(*_, **__):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr("filelock.FileLock.acquire", no_locks)
    assert exit_code(here(videos(a="1", b="2"), tmp_path / "out").reports) == 0
    assert len(rows(tmp_path / "out")) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="signals")
@pytest.mark.parametrize("delay", [0.0, 0.2])
def test_ctrl_c_while_workers_start_prints_one_word(videos, tmp_path, delay):
    videos(**numbers(4))
    out = tmp_path / "out"
    running = subprocess.Popen(
        [sys.executable, "-m", "depmap_cli", "score", tmp_path / "in", "-o", out, "--jobs", "4"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=enable_sigint,
    )
    while not (out / "run.json").exists():
        time.sleep(0.01)
    time.sleep(delay)
    os.killpg(running.pid, signal.SIGINT)  # like a terminal
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (130, "interrupted\n")
