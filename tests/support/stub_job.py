"""A job without networks: the text of a file decides its result. Loads no torch."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from depmap_cli import __version__
from depmap_cli.batch.job import Job
from depmap_cli.errors import WeightsInvalid
from depmap_cli.results import Estimate, Interval, Report, ScoreResult, SourceVideo, Status
from depmap_cli.runtime.watchdog import heartbeat
from depmap_cli.scoring.options import ScoreOptions

ALL = frozenset({"json", "csv", "html"})


@dataclass(frozen=True, kw_only=True)
class StubJob(Job):
    """Scores a text file by the number in it; words in it make the worker die, hang or raise."""

    log: Path | None = None  # gets a line for each file that is started
    seconds: float = 0.0  # for each file
    broken: Path | None = None  # loading fails if this file exists, and removes it
    ahead: bool = False  # the next file is read ahead, which may kill the worker
    crash_on_load: bool = False  # loading raises an unexpected error

    def load(self, first):
        if self.crash_on_load:
            raise ZeroDivisionError("planted in loading")
        if self.ahead and first is not None:
            self.look(first.path)
        if self.broken is not None:
            try:
                self.broken.unlink()
            except FileNotFoundError:
                pass
            else:
                raise WeightsInvalid("planted", "take others")
        return self

    def look(self, path):
        if "die" in path.read_text():
            os.kill(os.getpid(), signal.SIGKILL)

    def score(self, task, on_progress):
        if self.ahead and task.upcoming is not None:
            self.look(task.upcoming)
        text = task.path.read_text()
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{task.name} {os.getpid()}\n")
        for share in range(4):
            on_progress(share / 4)
            time.sleep(self.seconds / 4)
        if "crash" in text:
            raise ZeroDivisionError("planted in scoring")
        if "unknown length" in text:  # decoding proceeds, the fraction done is unknown
            for _ in range(60):
                time.sleep(0.1)
                heartbeat()
            text = "5"
        if "hang" in text:
            time.sleep(1000)
        if "die once" in text:
            task.path.write_text("7")
        if "die" in text:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.render(task, ScoreResult(report=report_of(task.name, text)))


def report_of(name, text):
    report = Report(depmap_version=__version__, source=SourceVideo(name=name), status=Status.scored)
    if "refuse" in text:
        return report.model_copy(update={"status": Status.refused, "reason": "planted"})
    interval = Interval(level=0.9, low=0, high=63, bands=["minimal"], n_people=9)
    estimate = Estimate(score=float(text), band="minimal", interval=interval, training_mean=20.0)
    return report.model_copy(update={"estimate": estimate})


def stub_job(formats=ALL, options=None, **others):
    return StubJob(
        options=options or ScoreOptions(), formats=frozenset(formats), pictures="drawing", **others
    )
