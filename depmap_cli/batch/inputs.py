"""Finds the videos that a command line names, and gives each a name."""

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath

from depmap_cli.data.labelled_video import VIDEO_SUFFIXES
from depmap_cli.errors import UsageProblem
from depmap_cli.results import encodable

SCORES, RUN, HIDDEN = RESERVED = "scores.csv", "run.json", ".depmap"
"""Names in a results folder that do not belong to videos."""

_MAX_KINDS = 5
"""Most kinds of files that a line about them names."""


@dataclass(frozen=True)
class InputVideo:
    """One video to score."""

    path: Path
    name: str  # unique within the batch; also the folder of its results, relative to OUT


def find_videos(
    arguments: Iterable[str], recursive: bool, tell: Callable[[str], None] = lambda text: None
) -> list[InputVideo]:
    """Find files, the videos in folders, and the matches of glob patterns, in that order.

    The videos of a folder are named by their path relative to it. If two names would be equal,
    enough parent folders are put in front to tell them apart, or a number is appended if parents do
    not suffice. Names can be encoded in UTF-8.

    Args:
        arguments: files, folders and patterns.
        recursive: whether to search subfolders.
        tell: called with a line about files of a folder that are passed over.

    Raises:
        UsageProblem: a folder without videos, or a pattern without matches. A missing *file* is
            kept, so that scoring reports it like any other bad file.
    """
    videos: list[tuple[Path, PurePosixPath]] = []
    for text in arguments:
        path = Path(text)
        if os.path.isdir(path):  # unlike Path.is_dir, never raises
            videos += _in_folder(path, recursive, tell)
        elif not os.path.exists(path) and glob.has_magic(text):
            matches = sorted(Path(m) for m in glob.glob(text, recursive=True) if Path(m).is_file())
            if not matches:
                raise UsageProblem(f"no file matches {text!r}", "check the pattern")
            videos += [(m, PurePosixPath(m.name)) for m in matches]
        else:
            videos.append((path, PurePosixPath(path.name)))
    return _with_unique_names(videos)


def _in_folder(
    folder: Path, recursive: bool, tell: Callable[[str], None]
) -> list[tuple[Path, PurePosixPath]]:
    try:
        paths = sorted(
            p for p in (folder.rglob("*") if recursive else folder.iterdir()) if os.path.isfile(p)
        )
    except OSError as error:
        raise UsageProblem(
            f"{folder}: cannot read the folder: {error.strerror}", "check its permissions"
        ) from error
    videos = [p for p in paths if p.suffix.lower() in VIDEO_SUFFIXES]
    if not videos:
        hint = "name a folder with videos" if recursive else "add --recursive to search subfolders"
        raise UsageProblem(f"{folder}: no video in this folder", hint)
    chosen = set(videos)
    others = Counter(
        p.suffix.lower() or p.name for p in paths if p not in chosen and not p.name.startswith(".")
    )
    if others:
        kinds = ", ".join(f"{kind}: {n}" for kind, n in others.most_common(_MAX_KINDS))
        more = ", ..." if len(others) > _MAX_KINDS else ""
        tell(f"{folder}: files that are no videos are passed over ({kinds}{more})")
    return [(p, PurePosixPath(p.relative_to(folder).as_posix())) for p in videos]


def _with_unique_names(videos: list[tuple[Path, PurePosixPath]]) -> list[InputVideo]:
    names: dict[Path, PurePosixPath] = {}
    for path, name in videos:
        names.setdefault(_absolute(path), _encodable(name))
    while clashing := _clashing(names):
        for path in clashing:
            longer = path.parts[-len(names[path].parts) - 1 :]
            names[path] = _encodable(PurePosixPath(*longer))
    return [
        InputVideo(path, name) for path, name in zip(names, _numbered(names.values()), strict=True)
    ]


def _absolute(path: Path) -> Path:
    """Return an absolute path without "..".

    ".." after a link means the folder above the link's target; other links are not resolved.
    """
    if ".." in path.parts:
        path = Path(os.path.realpath(path.parent), path.name)
    return Path(os.path.abspath(path))


def _encodable(name: PurePosixPath) -> PurePosixPath:
    """Replace what UTF-8 cannot encode."""
    return PurePosixPath(str(encodable(str(name))))


def _clashing(names: dict[Path, PurePosixPath]) -> list[Path]:
    """Return the paths whose name equals that of a path in another folder.

    Paths are left out if all their parents are part of their name already.
    """
    folders: dict[PurePosixPath, set[Path]] = {}
    for path, name in names.items():
        folders.setdefault(name, set()).add(path.parent)
    return [
        path
        for path, name in names.items()
        if len(folders[name]) > 1 and len(name.parts) < len(path.parts) - 1
    ]


def _numbered(names: Iterable[PurePosixPath]) -> list[str]:
    """Append a number to names that still equal another name or a reserved one."""
    taken = set(RESERVED)
    unique = []
    for name in map(str, names):
        candidates = (name if n == 1 else f"{name}~{n}" for n in count(1))
        unique.append(next(candidate for candidate in candidates if candidate not in taken))
        taken.add(unique[-1])
    return unique


def select_part(items: Sequence[InputVideo], part: str | None) -> list[InputVideo]:
    """Select the share of the ``i``-th of ``n`` processes: every n-th video from the i-th.

    ``part`` is ``i/n``; None selects all videos.

    Raises:
        UsageProblem: ``part`` is not of the form i/n with 1 <= i <= n.
    """
    if part is None:
        return list(items)
    number, slash, total = part.partition("/")
    if not (slash and number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total)):
        raise UsageProblem(f"--part {part}: expected i/n, from 1/n to n/n", "e.g. --part 2/8")
    return list(items[int(number) - 1 :: int(total)])
