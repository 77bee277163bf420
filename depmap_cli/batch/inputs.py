"""Which videos a command line means, what each is called, and how a batch ends."""

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath

from depmap_cli.data.corpus import VIDEO_SUFFIXES
from depmap_cli.errors import EXIT_NO_SCORE, EXIT_OK, EXIT_PARTIAL, EXIT_RUN, UsageProblem
from depmap_cli.results import Report, Status, encodable

SCORES, RUN, HIDDEN = RESERVED = "scores.csv", "run.json", ".depmap"
"""What lies in a results folder beside the folders of videos."""


@dataclass(frozen=True)
class InputVideo:
    """One video to score."""

    path: Path
    name: str  # unique within the batch; also the folder of its results, relative to OUT


def find_videos(given: Iterable[str], recursive: bool) -> list[InputVideo]:
    """Files as given, the videos of folders, and what glob patterns match; in that order.

    A folder's videos are named by their path below it. Where two would have one name, enough of
    their folders is put in front to tell them apart, and a number behind where that is not enough.
    Names can be written in UTF-8.

    Raises:
        UsageProblem: a folder without videos, or a pattern without matches. A missing *file* is
            kept: scoring it reports it like any other bad file.
    """
    found: list[tuple[Path, PurePosixPath]] = []
    for text in given:
        path = Path(text)
        if os.path.isdir(path):  # unlike Path.is_dir, never raises
            found += _in_folder(path, recursive)
        elif not os.path.exists(path) and glob.has_magic(text):
            matches = sorted(Path(m) for m in glob.glob(text, recursive=True) if Path(m).is_file())
            if not matches:
                raise UsageProblem(f"no file matches {text!r}", "check the pattern")
            found += [(m, PurePosixPath(m.name)) for m in matches]
        else:
            found.append((path, PurePosixPath(path.name)))
    return _named(found)


def _in_folder(folder: Path, recursive: bool) -> list[tuple[Path, PurePosixPath]]:
    try:
        paths = sorted(
            p for p in (folder.rglob("*") if recursive else folder.iterdir()) if os.path.isfile(p)
        )
    except OSError as error:
        raise UsageProblem(
            f"{folder.name}: cannot be read: {error.strerror}", "check permissions"
        ) from error
    videos = [p for p in paths if p.suffix.lower() in VIDEO_SUFFIXES]
    if not videos:
        hint = "give a folder with videos" if recursive else "add --recursive for folders below it"
        raise UsageProblem(f"{folder.name or folder}: no video in this folder", hint)
    return [(p, PurePosixPath(p.relative_to(folder).as_posix())) for p in videos]


def _named(found: list[tuple[Path, PurePosixPath]]) -> list[InputVideo]:
    names: dict[Path, PurePosixPath] = {}
    for path, name in found:
        whole = _whole(path)
        names.setdefault(whole, _writable(name))
    while clashing := _clashing(names):
        for path in clashing:
            longer = path.parts[-len(names[path].parts) - 1 :]
            names[path] = _writable(PurePosixPath(*longer))
    return [
        InputVideo(path, name) for path, name in zip(names, _numbered(names.values()), strict=True)
    ]


def _whole(path: Path) -> Path:
    """From the root and without "..", which means the folder above where a link leads; other links
    stay as they are."""
    if ".." in path.parts:
        path = Path(os.path.realpath(path.parent), path.name)
    return Path(os.path.abspath(path))


def _writable(name: PurePosixPath) -> PurePosixPath:
    """The name with what UTF-8 cannot hold replaced."""
    return PurePosixPath(str(encodable(str(name))))


def _clashing(names: dict[Path, PurePosixPath]) -> list[Path]:
    """The paths that share their name with one of another folder, and have folders left to tell
    them apart."""
    folders: dict[PurePosixPath, set[Path]] = {}
    for path, name in names.items():
        folders.setdefault(name, set()).add(path.parent)
    return [
        path
        for path, name in names.items()
        if len(folders[name]) > 1 and len(name.parts) < len(path.parts) - 1
    ]


def _numbered(names: Iterable[PurePosixPath]) -> list[str]:
    """The names, told apart from each other and from our own files by a number behind where nothing
    else does."""
    seen: set[str] = set()
    told = []
    for name in map(str, names):
        numbers = (name if n == 1 else f"{name}~{n}" for n in count(1))
        told.append(next(n for n in numbers if n not in seen and n not in RESERVED))
        seen.add(told[-1])
    return told


def select_part(items: Sequence[InputVideo], part: str | None) -> list[InputVideo]:
    """The share of the ``i``-th of ``n`` processes, for ``i/n``: every n-th video from the i-th.

    Raises:
        UsageProblem: not of the form i/n with 1 <= i <= n.
    """
    if part is None:
        return list(items)
    number, slash, total = part.partition("/")
    if not (slash and number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total)):
        raise UsageProblem(f"--part {part}: i/n is expected, from 1/n to n/n", "e.g. --part 2/8")
    return list(items[int(number) - 1 :: int(total)])


def exit_code(reports: list[Report]) -> int:
    """0 all scored (or none asked for), 3 some; of none, 4 where the quality gate refused any, 1
    where all failed."""
    scored = sum(r.status == Status.scored for r in reports)
    if scored == len(reports):
        return EXIT_OK
    if scored:
        return EXIT_PARTIAL
    refused = any(r.status == Status.refused for r in reports)
    return EXIT_NO_SCORE if refused else EXIT_RUN
