"""A folder of results that several processes may write to at once.

``OUT/<video>/`` holds a video's files. ``OUT/.depmap/records/`` holds a record of each video that
is done: with which settings, weights and state of the file, which files it has, and its row of
``scores.csv``. A record is written last, so a video without one is not done, and the table is made
of records alone. ``OUT/.depmap/claims/`` holds a lock for each video, which the process that scores
it has; the system opens it when that process ends, however it ends.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel, ConfigDict, ValidationError

from depmap_cli.batch.inputs import HIDDEN, SCORES
from depmap_cli.errors import OutputUnwritable
from depmap_cli.io.atomic_files import STALE_AGE, TEMP_PATTERN, remove_stale_temp
from depmap_cli.io.clean_text import clean
from depmap_cli.io.file_identity import file_state
from depmap_cli.io.locks import Claim, claim, locked
from depmap_cli.io.output_files import unwritable, write_file
from depmap_cli.report.score.files import PICTURES, brief, write_scores_csv
from depmap_cli.results import Report, Status

FULL_REPORT = "score.json"
Files = Mapping[str, bytes]
"""Contents by names relative to the video's folder, in the order of writing."""


class VideoOrigin(BaseModel):
    """Which file a result is of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    place: str  # a hash of its path
    state: tuple[int, int] | None  # size and time of change, None if it could not be seen

    @classmethod
    def of(cls, path: Path) -> "VideoOrigin":
        """As the file is now."""
        return cls(place=_digest(os.path.abspath(path)), state=file_state(path))

    def is_another(self, other: "VideoOrigin") -> bool:
        """Whether it is another file, rather than this one, changed or moved since."""
        return self.place != other.place and self.state != other.state


class ResultRecord(BaseModel):
    """What is kept of a video that is done."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    origin: VideoOrigin
    key: str  # of settings, weights and the video; "" where it must be scored again anyway
    formats: list[str] = []
    files: list[str] = []  # relative to the video's folder
    report: Report  # without timeline and traces


class ResultsFolder:
    """One results folder.

    Raises:
        OutputUnwritable: it, or what lies hidden in it, cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._hidden = folder / HIDDEN
        self._read: dict[Path, tuple[tuple[int, int], ResultRecord]] = {}
        self._unkept: dict[str, Report] = {}  # what the disk would not take
        try:
            for name in ("records", "claims"):
                (self._hidden / name).mkdir(parents=True, exist_ok=True)
            for place in (folder, self._hidden, self._hidden / "records"):
                remove_stale_temp(place.glob(TEMP_PATTERN), STALE_AGE)
        except OSError as error:
            raise unwritable(folder.name, error) from error

    def claim(self, name: str) -> Claim | None:
        """The lock of a video, to be released when its result is kept; None if another has it.

        Raises:
            OutputUnwritable: the folder has gone, or takes no locks.
        """
        check_there(self.folder)
        try:
            return claim(self._hidden / "claims" / f"{_digest(name)}.lock")
        except OSError as error:
            raise unwritable(f"{self.folder.name}/{HIDDEN}", error) from error

    def state(self, name: str) -> object:
        """Something that differs once a video has another record."""
        try:
            found = self._record_path(name).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def miss(self, name: str, report: Report) -> None:
        """Remember a report for the table that could not be kept."""
        self._unkept[name] = brief(report)

    def finished(
        self, name: str, key: str, formats: Iterable[str], failed_too: bool = False
    ) -> Report | None:
        """The report of a video that is done with this key, in all these formats, if it is.

        Failed ones are not, as they are tried again, unless ``failed_too``.
        """
        record = self._record(self._record_path(name))
        if record is None or record.key != key:
            return None
        if record.report.status is Status.failed and not failed_too:
            return None
        there = all(os.path.isfile(self.folder / name / file) for file in record.files)
        return record.report if there and set(formats) <= set(record.formats) else None

    def origin(self, name: str) -> VideoOrigin | None:
        """Which file the result of a video is of; None where there is none, or a failed one."""
        record = self._record(self._record_path(name))
        return None if record is None or record.report.status is Status.failed else record.origin

    def full_report(self, name: str) -> Report | None:
        """What ``score.json`` of a video says, if there is one that can be read."""
        try:
            return Report.model_validate_json((self.folder / name / FULL_REPORT).read_bytes())
        except (OSError, ValidationError):
            return None

    def keep(
        self, origin: VideoOrigin, key: str, formats: frozenset[str], report: Report, files: Files
    ) -> Report:
        """Write a video's files, then its record; returns the report, failed where that failed.

        What was there of an earlier result stays where that fails for want of space.
        """
        name = report.source.name
        record = ResultRecord(origin=origin, key=key, formats=sorted(formats), report=brief(report))
        try:
            check_there(self.folder)
            self._publish(name, record, files)
            self._unkept.pop(name, None)
        except OutputUnwritable as error:
            update = {"status": Status.failed, "reason": error.message, "hint": error.hint}
            report = report.model_copy(update=update)
            self.miss(name, report)
            if self._record(self._record_path(name)) is None:
                with suppress(OutputUnwritable):
                    check_there(self.folder)
                    failed = {"key": "", "formats": [], "report": brief(report)}
                    self._write_record(name, record.model_copy(update=failed))
        return report

    def write_table(self) -> None:
        """Make ``scores.csv`` of all records, by name, so that processes agree about it.

        Raises:
            OutputUnwritable: it cannot be written.
        """
        check_there(self.folder)
        try:
            with locked(self._hidden / "table.lock"):
                rows = {r.report.source.name: r.report for r in self._records()} | self._unkept
                write_scores_csv((rows[name] for name in sorted(rows)), self.folder / SCORES)
        except OSError as error:
            raise unwritable(f"{self.folder.name}/{SCORES}", error) from error

    def _publish(self, name: str, record: ResultRecord, files: Files) -> None:
        """All files aside, then into place, ``score.json`` last of them, then the record.

        The record and ``score.json`` of an earlier result go before: neither is ever beside files
        that are not its own. Files in other formats stay, if they are of the same key.
        """
        folder, before = self.folder / name, self._record(self._record_path(name))
        others = set(before.files) - set(files) if before else set()
        same = before is not None and _alike(before, record)
        try:
            with TemporaryDirectory(dir=self._hidden, prefix=TEMP_PATTERN.rstrip("*")) as aside:
                for number, data in enumerate(files.values()):
                    Path(aside, str(number)).write_bytes(data)
                self._retract(name, {FULL_REPORT} & set(files) if same else {FULL_REPORT, *others})
                for number, file in enumerate(files):
                    (folder / file).parent.mkdir(parents=True, exist_ok=True)
                    os.replace(Path(aside, str(number)), folder / file)
        except OSError as error:
            raise unwritable(name, error) from error
        gathered = {
            "formats": sorted({*record.formats, *(before.formats if before and same else ())}),
            "files": sorted({*files, *(others if same else ())}),
        }
        self._write_record(name, record.model_copy(update=gathered))

    def _retract(self, name: str, files: set[str]) -> None:
        """Remove a video's record, then some of its files."""
        self._record_path(name).unlink(missing_ok=True)
        for file in files:
            (self.folder / name / file).unlink(missing_ok=True)
        with suppress(OSError):  # it still holds pictures, or there is none
            (self.folder / name / PICTURES).rmdir()

    def _write_record(self, name: str, record: ResultRecord) -> None:
        path = self._record_path(name)
        write_file(path.parent, path.name, record.model_dump_json().encode())

    def _record_path(self, name: str) -> Path:
        return self._hidden / "records" / f"{_digest(name)}.json"

    def _records(self) -> Iterator[ResultRecord]:
        for entry in os.scandir(self._hidden / "records"):
            if entry.name.endswith(".json") and (record := self._record(Path(entry.path))):
                yield record

    def _record(self, path: Path) -> ResultRecord | None:
        """A record, read again only where it changed; None if there is none, or it is damaged."""
        try:
            found = path.stat()
            state = (found.st_mtime_ns, found.st_ino)
            if self._read.get(path, (None, None))[0] != state:
                self._read[path] = state, ResultRecord.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None
        return self._read[path][1]


def check_there(folder: Path) -> None:
    """Look whether a results folder is still there, which is not made anew in another's place.

    Raises:
        OutputUnwritable: it has gone.
    """
    if not os.path.isdir(folder / HIDDEN):
        raise OutputUnwritable(
            f"{clean(folder.name)}: the results folder has gone",
            "bring it back, and repeat the command",
        )


def result_key(*parts: object) -> str:
    """A hash of what a result depends on; any that JSON can hold."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _alike(before: ResultRecord, now: ResultRecord) -> bool:
    """Whether an earlier result is the same as this one, but perhaps for its formats."""
    return before.key == now.key != "" and before.report.status is now.report.status


def _digest(name: str) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
