"""A labelled video, and how its attributes are read from file names and table cells."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

from depmap_cli.domain.bdi import MAX_SCORE
from depmap_cli.errors import DataInvalid

SPLITS = ("Training", "Development", "Testing")
VIDEO_SUFFIXES = frozenset(
    f".{ending}"
    for ending in (
        *("mp4", "mov", "avi", "mkv", "webm", "m4v", "mpg", "mpeg", "wmv", "flv", "ts", "mts"),
        *("m2ts", "m2t", "mod", "tod", "vob", "asf", "3gp", "3g2", "ogv", "ogm", "mxf", "dv"),
        *("divx", "f4v", "qt", "m2v", "mpe", "mj2", "h264", "hevc", "wtv"),
    )
)
"""Endings by which the videos of a folder are found; a file that is named may have any."""
PREPARED_SUFFIX = ".faces"
"""Suffix of a folder of aligned faces (``face_cache.py``) that replaces a video."""
RUN_FILES = ("config.yaml", "run.json")
"""Files by which a run folder of `depmap train` is recognised."""
TASKS = ("Freeform", "Northwind")
_SHORT_NAMES = {
    **dict.fromkeys(("train", "trainset", "trn"), "Training"),
    **dict.fromkeys(("dev", "devel", "devset", "val", "valid", "validation"), "Development"),
    **dict.fromkeys(("test", "testset", "tst"), "Testing"),
}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.0*)?")


@dataclass(frozen=True, order=True, kw_only=True)
class LabelledVideo:
    """One video, or a folder of its prepared faces, with its label."""

    split: str  # one of SPLITS
    subject: str
    session: str
    task: str  # Freeform, Northwind, or "" if the corpus has no tasks
    path: Path  # a video, or a folder of prepared faces
    score: int  # BDI-II, 0-63
    fps: float | None = None  # frames per second, if the video's header is wrong
    source: str = field(default="", compare=False)  # e.g. "train.csv, line 3: a.mp4"

    @property
    def name(self) -> str:
        """The video for messages: the list and line that name it, if any, and the file."""
        return self.source or display_path(self.path.name, Path())


@dataclass(frozen=True)
class CorpusEntry:
    """A video, and where its label was read."""

    video: LabelledVideo
    where: str  # the file, below the data folder, and the line
    guessed: bool = False  # whether the subject is guessed from the file's name


def is_prepared(path: str | Path) -> bool:
    """Return whether a path has the suffix of prepared faces."""
    return Path(path).suffix.lower() == PREPARED_SUFFIX


def is_video(path: str | Path) -> bool:
    """Return whether a path has the suffix of a video or of prepared faces."""
    return Path(path).suffix.lower() in VIDEO_SUFFIXES or is_prepared(path)


def exists(path: Path) -> bool:
    """Return whether a video or its prepared faces exist; unlike Path.is_file, never raises."""
    return os.path.isdir(path) if is_prepared(path) else os.path.isfile(path)


def split_named(text: str) -> str | None:
    """Return the split in a name such as ``Training_DepressionLabels`` or ``dev.csv``.

    None if the name contains no split, or several.
    """
    splits = set()
    for word in (w.lower() for w in _WORD.findall(text)):
        splits |= {split for split in SPLITS if word.startswith(split.lower())}
        splits |= {_SHORT_NAMES[word]} if word in _SHORT_NAMES else set()
    return splits.pop() if len(splits) == 1 else None


def split_of_folders(path: Path) -> str | None:
    """Return the split of the innermost folder of ``path`` whose name contains one."""
    splits = (split_named(part) for part in reversed(path.parent.parts))
    return next((split for split in splits if split), None)


def task_of(path: Path) -> str:
    """Return the task in the file's name, or else in that of its nearest folder; "" if none."""
    for part in (path.stem, *reversed(path.parent.parts)):
        for task in TASKS:
            if task.lower() in part.lower():
                return task
    return ""


def parse_score(text: str, where: str) -> int:
    """Parse a BDI-II score, 0 to 63, from a cell or label file; ``12.0`` is 12.

    Raises:
        DataInvalid: it is missing, not a whole number, or outside the scale.
    """
    if not text:
        raise DataInvalid(f"{where}: no score", f"give a whole number from 0 to {MAX_SCORE}")
    if not _WHOLE_NUMBER.fullmatch(text):
        raise DataInvalid(
            f"{where}: {text[:40]!r} is not a score",
            f"give a whole number from 0 to {MAX_SCORE}",
        )
    score = int(text.partition(".")[0])
    if not 0 <= score <= MAX_SCORE:
        raise DataInvalid(
            f"{where}: score {score} is outside 0 to {MAX_SCORE}", "give a BDI-II score"
        )
    return score


def display_path(path: str | Path, root: Path) -> str:
    """Return ``path`` for messages: on one line, and without folders above ``root``."""
    written = str(path).replace("\\", "/")
    below = below_root(Path(written), root)
    if below.is_absolute() or PureWindowsPath(written).is_absolute() or ".." in below.parts:
        below = Path(below.name)
    return "".join(c if c.isprintable() else "�" for c in str(below))


def below_root(path: Path, root: Path) -> Path:
    """Return ``path`` relative to the folder ``root``; unchanged if it is not below it."""
    for whole, top in ((path, root), (path.absolute(), root.absolute())):
        if whole.is_relative_to(top):
            return whole.relative_to(top)
    return path


def read_text(path: Path, root: Path) -> str:
    """Read a label file or table in UTF-8, with or without a byte-order mark.

    Raises:
        DataInvalid: it cannot be read, or is not UTF-8; names the line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataInvalid(
            f"{display_path(path, root)}: {error.strerror}", "check the file and its permissions"
        ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataInvalid(
            f"{display_path(path, root)}, line {line}: not UTF-8 text", "save it as CSV UTF-8"
        ) from None


def refuse_empty_video(path: Path, where: str) -> None:
    """Refuse an empty video file or a broken link.

    Raises:
        DataInvalid: it is one; the message starts with ``where``.
    """
    if not exists(path):
        raise DataInvalid(f"{where}: the link is broken", "correct the link, or remove it")
    if not is_prepared(path) and path.stat().st_size == 0:
        raise DataInvalid(f"{where}: the file is empty", "copy it again, or remove it")
