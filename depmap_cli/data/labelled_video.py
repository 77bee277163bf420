"""One labelled video, and how its parts are read from names of files and from cells of tables."""

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
        *("mp4", "mov", "avi", "mkv", "webm", "m4v", "mpg"),
        *("mpeg", "wmv", "flv", "ts", "mts", "3gp", "ogv"),
    )
)
PREPARED_SUFFIX = ".faces"
"""Of a folder of aligned faces (``data/cache.py``) that stands in a video's place."""
RUN_FILES = ("config.yaml", "run.json")
"""In every folder that `depmap train` writes, and in no other."""
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
    """One labelled video, or the faces of one."""

    split: str  # one of SPLITS
    subject: str
    session: str
    task: str  # Freeform, Northwind, or "" where a corpus has no tasks
    path: Path  # a video, or a folder of prepared faces
    score: int  # BDI-II, 0-63
    fps: float | None = None  # frames/s, where a video's header lies; prepared faces have times
    place: str = field(default="", compare=False)  # for messages: below the data folder, with line

    @property
    def name(self) -> str:
        """How a message names it: the list and line that do so, if any, and the file."""
        return self.place or display_path(self.path.name, Path())


@dataclass(frozen=True)
class ListedVideo:
    """A recording, and where its label stands: the file below the data folder, and the line."""

    video: LabelledVideo
    where: str
    guessed: bool = False  # whether the person is guessed from the file's name


def is_prepared(path: str | Path) -> bool:
    """Whether a path is named as a folder of prepared faces."""
    return Path(path).suffix.lower() == PREPARED_SUFFIX


def is_recording(path: str | Path) -> bool:
    """Whether a path is named as a video, or as what stands in its place."""
    return Path(path).suffix.lower() in VIDEO_SUFFIXES or is_prepared(path)


def exists(path: Path) -> bool:
    """Whether a video, or the folder in its place, is there; unlike Path.is_file, never raises."""
    return os.path.isdir(path) if is_prepared(path) else os.path.isfile(path)


def split_named(text: str) -> str | None:
    """The split that a name tells, as in ``Training_DepressionLabels`` or ``dev.csv``.

    None where it tells none, or several.
    """
    told = set()
    for word in (w.lower() for w in _WORD.findall(text)):
        told |= {split for split in SPLITS if word.startswith(split.lower())}
        told |= {_SHORT_NAMES[word]} if word in _SHORT_NAMES else set()
    return told.pop() if len(told) == 1 else None


def split_of_folders(path: Path) -> str | None:
    """The split that the innermost telling folder on the way to ``path`` names."""
    named = (split_named(part) for part in reversed(path.parent.parts))
    return next((split for split in named if split), None)


def task_of(path: Path) -> str:
    """The task that the file's name tells, else its nearest folder's; "" where none does."""
    for part in (path.stem, *reversed(path.parent.parts)):
        for task in TASKS:
            if task.lower() in part.lower():
                return task
    return ""


def parse_score(text: str, where: str) -> int:
    """The BDI-II score, 0 to 63, that a cell or a label file holds; ``12.0`` is 12.

    Raises:
        DataInvalid: there is none, or it is not a whole number, or off the scale.
    """
    if not text:
        raise DataInvalid(f"{where}: no score", f"a whole number from 0 to {MAX_SCORE} is expected")
    if not _WHOLE_NUMBER.fullmatch(text):
        raise DataInvalid(
            f"{where}: {text[:40]!r} is not a score",
            f"a whole number from 0 to {MAX_SCORE} is expected",
        )
    score = int(text.partition(".")[0])
    if not 0 <= score <= MAX_SCORE:
        raise DataInvalid(
            f"{where}: score {score} is outside 0 to {MAX_SCORE}", "BDI-II is expected"
        )
    return score


def display_path(path: str | Path, root: Path) -> str:
    """``path`` as messages may print it: on one line, and nothing above the folder ``root``."""
    written = str(path).replace("\\", "/")
    below = below_root(Path(written), root)
    if below.is_absolute() or PureWindowsPath(written).is_absolute() or ".." in below.parts:
        below = Path(below.name)
    return "".join(c if c.isprintable() else "�" for c in str(below))


def below_root(path: Path, root: Path) -> Path:
    """``path`` from the folder ``root`` on; unchanged where it does not lie below."""
    for whole, top in ((path, root), (path.absolute(), root.absolute())):
        if whole.is_relative_to(top):
            return whole.relative_to(top)
    return path


def read_text(path: Path, root: Path) -> str:
    """A label file or table, with or without a byte-order mark.

    Raises:
        DataInvalid: it cannot be read, or is not UTF-8; names the line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataInvalid(
            f"{display_path(path, root)}: {error.strerror}", "check the file"
        ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataInvalid(
            f"{display_path(path, root)}, line {line}: not UTF-8 text", "save it as CSV UTF-8"
        ) from None


def refuse_empty_video(path: Path, where: str) -> None:
    """Refuse a video of no bytes, or one that a broken link stands for.

    Raises:
        DataInvalid: ``where`` and what is wrong.
    """
    if not exists(path):
        raise DataInvalid(f"{where}: a broken link", "link to the video, or remove the link")
    if not is_prepared(path) and path.stat().st_size == 0:
        raise DataInvalid(f"{where}: the video is an empty file", "copy it anew, or remove it")
