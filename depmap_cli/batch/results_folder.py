"""A results folder, which several processes may write to at once.

``OUT/<video>/`` holds the files of a video; if ``OUT/<video>`` is an existing file, as when OUT is
the folder of the videos itself, the folder is called ``OUT/<video>.results/``.
``OUT/.depmap/records/`` holds one record for each video that is done: settings, weights and state
of the file that it was made with, the names of its files, and its row of ``scores.csv``. A record
is written last: a video without a record is not done, and the table is made from the records alone.
``OUT/.depmap/claims/`` holds one lock file for each video, locked by the process that scores it;
the operating system releases the lock when that process ends, however it ends.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel, ConfigDict, ValidationError

from depmap_cli.batch.inputs import HIDDEN, SCORES
from depmap_cli.batch.job import TRACEBACK
from depmap_cli.errors import OutputUnwritable
from depmap_cli.io.atomic_files import STALE_AGE, TEMP_PATTERN, remove_stale_temp
from depmap_cli.io.clean_text import clean
from depmap_cli.io.file_identity import file_state
from depmap_cli.io.locks import Claim, claim, locked
from depmap_cli.io.output_files import unwritable, write_file
from depmap_cli.report.score.files import PICTURES, brief, write_scores_csv
from depmap_cli.results import Report, Status

FULL_REPORT = "score.json"
Files = Mapping[str, bytes | Path]
"""File contents by name relative to the video's folder, in the order of writing; a path is that of
a complete file in ``scratch``, which is moved."""
FOLDER_SUFFIX = ".results"
"""Added to the name of a video's results folder if a file has that name."""


class VideoOrigin(BaseModel):
    """The video file that a result was made from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    place: str  # hash of its absolute path
    state: tuple[int, int] | None  # size and modification time, None if the file is missing

    @classmethod
    def of(cls, path: Path) -> "VideoOrigin":
        """Describe the file at ``path`` as it is now."""
        return cls(place=_digest(os.path.abspath(path)), state=file_state(path))

    def is_another(self, other: "VideoOrigin") -> bool:
        """Return whether ``other`` is a different video, not this one after a change or a move."""
        return self.place != other.place and self.state != other.state


class ResultRecord(BaseModel):
    """The record of a video that is done."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    origin: VideoOrigin
    key: str  # hash of settings, weights and video; "" if the video must be scored again
    formats: list[str] = []  # and "overlay"
    files: list[str] = []  # relative to the video's folder
    report: Report  # without its timeline


class ResultsFolder:
    """One results folder, created if it does not exist.

    Raises:
        OutputUnwritable: the folder, or the hidden folder in it, cannot be created.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._hidden = folder / HIDDEN
        self._read: dict[Path, tuple[tuple[int, int], ResultRecord]] = {}
        self._unwritten: dict[str, Report] = {}  # results that could not be written
        try:
            for name in ("records", "claims"):
                (self._hidden / name).mkdir(parents=True, exist_ok=True)
            for parent in (folder, self._hidden, self._hidden / "records"):
                remove_stale_temp(parent.glob(TEMP_PATTERN), STALE_AGE)
        except OSError as error:
            raise unwritable(str(folder), error) from error

    @property
    def scratch(self) -> Path:
        """Absolute path of the folder in which workers make large files, on the same disk."""
        return Path(os.path.abspath(self._hidden))

    def folder_name(self, name: str) -> str:
        """Return the name of a video's folder, relative to the results folder.

        It is the name of the video, with ``FOLDER_SUFFIX`` if a file has that name already.
        """
        return name + FOLDER_SUFFIX if _is_file(self.folder / name) else name

    def check_video_folders(self, names: Iterable[str]) -> None:
        """Check, before hours of work, that each video can have a folder of its own.

        Raises:
            OutputUnwritable: a file is in the way, or two videos would share a folder.
        """
        owners: dict[str, str] = {}
        for name in names:
            folder = self.folder_name(name)
            levels = (Path(folder), *Path(folder).parents)
            if any(_is_file(self.folder / level) for level in levels):
                raise OutputUnwritable(
                    f"cannot create results folder {clean(str(self.folder / folder))}: "
                    "a file is in the way",
                    "choose another folder for --output",
                )
            if folder in owners:
                raise OutputUnwritable(
                    f"{clean(owners[folder])} and {clean(name)} would share the results folder "
                    f"{clean(str(self.folder / folder))}",
                    "choose another folder for --output",
                )
            owners[folder] = name

    def claim(self, name: str) -> Claim | None:
        """Lock a video until its result is written; None if another process has locked it.

        Raises:
            OutputUnwritable: the folder was deleted, or the lock file cannot be written.
        """
        check_exists(self.folder)
        try:
            return claim(self._hidden / "claims" / f"{_digest(name)}.lock")
        except OSError as error:
            raise unwritable(f"{self.folder}/{HIDDEN}", error) from error

    def state(self, name: str) -> object:
        """Return a value that changes when the record of a video is replaced."""
        try:
            status = self._record_path(name).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino

    def remember_unwritten(self, name: str, report: Report) -> None:
        """Remember, for the table, a report that could not be written."""
        self._unwritten[name] = brief(report)

    def finished(
        self, name: str, key: str, formats: Iterable[str], include_failed: bool = False
    ) -> Report | None:
        """Return the report of a video that is done with this key, in all these formats.

        None if it is not done. Failed videos do not count as done, because they are tried again,
        unless ``include_failed``.
        """
        record = self._record(self._record_path(name))
        if record is None or record.key != key:
            return None
        if record.report.status is Status.failed and not include_failed:
            return None
        folder = self._video_folder(name)
        complete = all(os.path.isfile(folder / file) for file in record.files)
        return record.report if complete and set(formats) <= set(record.formats) else None

    def origin(self, name: str) -> VideoOrigin | None:
        """Return the file that a video's result was made from; None if there is no result."""
        record = self._record(self._record_path(name))
        return None if record is None or record.report.status is Status.failed else record.origin

    def full_report(self, name: str) -> Report | None:
        """Read ``score.json`` of a video; None if it is missing or damaged."""
        try:
            return Report.model_validate_json((self._video_folder(name) / FULL_REPORT).read_bytes())
        except (OSError, ValidationError):
            return None

    def store(
        self, origin: VideoOrigin, key: str, formats: frozenset[str], report: Report, files: Files
    ) -> Report:
        """Write a video's files, then its record; return the report, marked failed if that fails.

        An earlier result stays if the disk is full.
        """
        name = report.source.name
        record = ResultRecord(origin=origin, key=key, formats=sorted(formats), report=brief(report))
        try:
            check_exists(self.folder)
            self._publish(name, record, files)
            self._unwritten.pop(name, None)
        except OutputUnwritable as error:
            update = {"status": Status.failed, "reason": error.message, "hint": error.hint}
            report = report.model_copy(update=update)
            _remove_made(files)
            self.remember_unwritten(name, report)
            if self._record(self._record_path(name)) is None:
                with suppress(OutputUnwritable):
                    check_exists(self.folder)
                    failed = {"key": "", "formats": [], "report": brief(report)}
                    self._write_record(name, record.model_copy(update=failed))
        return report

    def write_table(self) -> None:
        """Write ``scores.csv`` from all records, sorted by name, so that all processes agree.

        Raises:
            OutputUnwritable: the file cannot be written.
        """
        check_exists(self.folder)
        try:
            with locked(self._hidden / "table.lock"):
                rows = {r.report.source.name: r.report for r in self._records()} | self._unwritten
                write_scores_csv((rows[name] for name in sorted(rows)), self.folder / SCORES)
        except OSError as error:
            raise unwritable(f"{self.folder}/{SCORES}", error) from error

    def _publish(self, name: str, record: ResultRecord, files: Files) -> None:
        """Write all files to a temporary folder, move them into place, then write the record.

        ``score.json`` moves last. The record and ``score.json`` of an earlier result are removed
        first, so that neither is ever beside files of another result. Files in other formats stay
        if they have the same key; an earlier traceback never stays.
        """
        folder, before = self._video_folder(name), self._record(self._record_path(name))
        others = set(before.files) - set(files) if before else set()
        same = before is not None and _same_result(before, record)
        kept_files = others - {TRACEBACK} if same else set()
        replaced_files = {FULL_REPORT} & set(files) if same else {FULL_REPORT}
        try:
            with TemporaryDirectory(dir=self._hidden, prefix=TEMP_PATTERN.rstrip("*")) as temporary:
                for number, data in enumerate(files.values()):
                    if isinstance(data, Path):
                        os.replace(data, Path(temporary, str(number)))
                    else:
                        Path(temporary, str(number)).write_bytes(data)
                self._remove_result(name, replaced_files | (others - kept_files))
                for number, file in enumerate(files):
                    (folder / file).parent.mkdir(parents=True, exist_ok=True)
                    os.replace(Path(temporary, str(number)), folder / file)
        except OSError as error:
            raise unwritable(name, error) from error
        merged = {
            "formats": sorted({*record.formats, *(before.formats if before and same else ())}),
            "files": sorted({*files, *kept_files}),
        }
        self._write_record(name, record.model_copy(update=merged))

    def _remove_result(self, name: str, files: set[str]) -> None:
        """Remove a video's record, then some of its files."""
        self._record_path(name).unlink(missing_ok=True)
        folder = self._video_folder(name)
        for file in files:
            (folder / file).unlink(missing_ok=True)
        with suppress(OSError):  # the folder still holds pictures, or does not exist
            (folder / PICTURES).rmdir()

    def _video_folder(self, name: str) -> Path:
        return self.folder / self.folder_name(name)

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
        """Read a record, again only if it changed; None if it is missing or damaged."""
        try:
            status = path.stat()
            state = (status.st_mtime_ns, status.st_ino)
            if self._read.get(path, (None, None))[0] != state:
                self._read[path] = state, ResultRecord.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None
        return self._read[path][1]


def check_exists(folder: Path) -> None:
    """Check that a results folder still exists; a deleted or unmounted one is not created again.

    Raises:
        OutputUnwritable: it was deleted.
    """
    if not os.path.isdir(folder / HIDDEN):
        raise OutputUnwritable(
            f"{clean(str(folder))}: the results folder was deleted or unmounted during the run",
            "restore the folder and run the command again",
        )


def _same_result(before: ResultRecord, now: ResultRecord) -> bool:
    """Return whether two records describe the same result, perhaps in different formats."""
    return before.key == now.key != "" and before.report.status is now.report.status


def _remove_made(files: Files) -> None:
    """Remove the files that workers made for a result that cannot be stored."""
    for made in files.values():
        if isinstance(made, Path):
            with suppress(OSError):
                made.unlink(missing_ok=True)


def _is_file(path: Path) -> bool:
    """Return whether a path exists and is not a folder; a broken link counts as a file."""
    return os.path.lexists(path) and not os.path.isdir(path)


def _digest(name: str) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
