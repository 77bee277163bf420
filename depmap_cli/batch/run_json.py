"""``OUT/run.json`` records how the results in a folder were produced, run by run."""

import os
import platform
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from depmap_cli import __version__
from depmap_cli.batch.inputs import HIDDEN, RUN
from depmap_cli.batch.job import FrameCounts, RenderedResult
from depmap_cli.batch.results_folder import check_exists
from depmap_cli.io.json_writer import json_file
from depmap_cli.io.locks import locked
from depmap_cli.io.output_files import unwritable, write_file
from depmap_cli.results import EncodableText, Status
from depmap_cli.runtime.versions import package_versions

Setting = str | int | float | bool | None
"""A value that JSON can hold."""


class Failure(BaseModel):
    """A video that was refused or failed."""

    name: EncodableText
    status: Status
    reason: EncodableText


class Run(BaseModel):
    """One command that wrote to the folder."""

    model_config = ConfigDict(extra="allow")  # fields of later versions are kept

    started: str = Field(description="UTC, ISO 8601.")
    ended: str | None = Field(
        None, description="Null while the run is active, or if it was killed."
    )
    host: str
    process: int
    versions: dict[str, str | None] = Field(
        description="Versions of depmap, Python and the packages that depmap uses."
    )
    weights: dict[str, str] = Field(description="File name and SHA-256 of the Dep-MAP weights.")
    settings: dict[str, Setting]
    devices: list[str] = Field([], description="Devices that scored videos, as named in reports.")
    videos: int = Field(0, description="Number of videos to score.")
    already_done: int = Field(
        0, description="Number of videos skipped: done by an earlier run or another process."
    )
    scored: int = 0
    seconds: dict[str, float] = Field({}, description="Seconds by stage, summed over videos.")
    frames: dict[str, int] = Field({}, description="Number of sampled frames read, used, bridged.")
    failures: list[Failure] = []
    files: list[EncodableText] = Field([], description="Files written, relative to the folder.")


class RunRecord(BaseModel):
    """``run.json``."""

    schema_version: str = "1.0"
    runs: list[Run] = Field([], description="In order of writing; the latest is last.")


class RunJsonWriter:
    """Keeps the entry of this run in ``run.json`` up to date, beside the entries of other runs."""

    def __init__(
        self, *, folder: Path, weights: dict[str, str], settings: dict[str, Setting], videos: int
    ) -> None:
        self._folder = folder
        self.run = Run(
            started=_now(),
            host=socket.gethostname(),
            process=os.getpid(),
            versions={
                "depmap": __version__,
                "python": platform.python_version(),
                **package_versions(),
            },
            weights=weights,
            settings=settings,
            videos=videos,
        )
        self._start = time.monotonic()

    def add(self, rendered: RenderedResult, folder: str | None) -> None:
        """Add a video; ``folder`` is where its files were written, None if they were not."""
        run, report = self.run, rendered.report
        for stage, seconds in rendered.seconds.items():
            run.seconds[stage] = round(run.seconds.get(stage, 0.0) + seconds, 3)
        for name in FrameCounts.__dataclass_fields__:
            run.frames[name] = run.frames.get(name, 0) + getattr(rendered.frames, name)
        device = str(report.settings.get("device", ""))
        if device and device not in run.devices:
            run.devices.append(device)
        if report.status is Status.scored:
            run.scored += 1
        else:
            failure = Failure(name=report.source.name, status=report.status, reason=report.reason)
            run.failures.append(failure)
        if folder is not None:
            run.files += [f"{folder}/{file}" for file in rendered.files]

    def write(self, ended: bool = False) -> None:
        """Write the entry of this run, and keep those of others.

        Raises:
            OutputUnwritable: the file cannot be written.
        """
        check_exists(self._folder)
        self.run.seconds["in all"] = round(time.monotonic() - self._start, 3)
        self.run.ended = _now() if ended else None
        mine = (self.run.started, self.run.host, self.run.process)
        try:
            with locked(self._folder / HIDDEN / "run.lock"):
                record = self._read()
                others = [r for r in record.runs if (r.started, r.host, r.process) != mine]
                record.runs = [*others, self.run]
                write_file(self._folder, RUN, json_file(record).encode())
        except OSError as error:
            raise unwritable(f"{self._folder}/{RUN}", error) from error

    def _read(self) -> RunRecord:
        """Read the existing file; rename it if it is damaged."""
        path = self._folder / RUN
        try:
            return RunRecord.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return RunRecord()
        except ValidationError:
            os.replace(path, path.with_name(f"unreadable-{RUN}"))
            return RunRecord()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
