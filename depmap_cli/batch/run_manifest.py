"""``OUT/run.json``: how the results in a folder came about, a run after the other."""

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
from depmap_cli.batch.results_folder import check_there
from depmap_cli.io.locks import locked
from depmap_cli.io.output_files import unwritable, write_file
from depmap_cli.results import Name, Status
from depmap_cli.runtime.versions import package_versions

Setting = str | int | float | bool | None
"""A value that JSON holds as it is."""


class Failure(BaseModel):
    """A video that has no score."""

    name: Name
    status: Status
    reason: Name


class Run(BaseModel):
    """One command that wrote to the folder."""

    model_config = ConfigDict(extra="allow")  # of a later version, kept as it is

    started: str = Field(description="UTC, ISO 8601.")
    ended: str | None = Field(None, description="Null while it runs, or if it was killed.")
    host: str
    process: int
    versions: dict[str, str | None] = Field(
        description="Of depmap, Python and the packages it rests on."
    )
    weights: dict[str, str] = Field(description="File and sha256 of the Dep-MAP weights.")
    settings: dict[str, Setting]
    devices: list[str] = Field([], description="That scored, as reports name them.")
    videos: int = Field(0, description="Asked for.")
    already_done: int = Field(0, description="Left as they were, or done by another process.")
    scored: int = 0
    seconds: dict[str, float] = Field({}, description="By stage, summed over videos.")
    frames: dict[str, int] = Field({}, description="Sampled frames read, used, bridged.")
    failures: list[Failure] = []
    files: list[Name] = Field([], description="Written, relative to the folder.")


class RunRecord(BaseModel):
    """``run.json``."""

    schema_version: str = "1.0"
    runs: list[Run] = Field([], description="The latest last.")


class RunManifestWriter:
    """Keeps this process's run in ``run.json`` up to date, beside those of others."""

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
        self._begun = time.monotonic()

    def add(self, rendered: RenderedResult, written: bool) -> None:
        """Count a video in; ``written`` if its files are there."""
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
        if written:
            run.files += [f"{report.source.name}/{file}" for file in rendered.files]

    def write(self, ended: bool = False) -> None:
        """Write this run in its place among the others.

        Raises:
            OutputUnwritable: the file cannot be written.
        """
        check_there(self._folder)
        self.run.seconds["in all"] = round(time.monotonic() - self._begun, 3)
        self.run.ended = _now() if ended else None
        mine = (self.run.started, self.run.host, self.run.process)
        try:
            with locked(self._folder / HIDDEN / "run.lock"):
                record = self._read()
                others = [r for r in record.runs if (r.started, r.host, r.process) != mine]
                record.runs = [*others, self.run]
                data = record.model_dump_json(indent=2) + "\n"
                write_file(self._folder, RUN, data.encode())
        except OSError as error:
            raise unwritable(f"{self._folder.name}/{RUN}", error) from error

    def _read(self) -> RunRecord:
        """What is there; a file that cannot be read is kept under another name."""
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
