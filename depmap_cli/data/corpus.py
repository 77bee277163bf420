"""Find recordings, their scores and their splits on disk: AVEC's folders, lists, or a manifest."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from depmap_cli.data.avec import read_folders
from depmap_cli.data.labelled_video import (
    RUN_FILES,
    SPLITS,
    VIDEO_SUFFIXES,
    LabelledVideo,
    ListedVideo,
    display_path,
    is_prepared,
)
from depmap_cli.data.lists import MANIFEST_COLUMNS, is_list, read_list
from depmap_cli.errors import DataInvalid

__all__ = [
    "SPLITS",
    "VIDEO_SUFFIXES",
    "Corpus",
    "LabelledVideo",
    "of_split",
    "read_corpus",
]


@dataclass(frozen=True)
class Corpus:
    """What was found below a data folder, and what to know of it, in words."""

    videos: list[LabelledVideo]
    notes: list[str]  # what was left out, and ``guesses``
    guesses: list[str]  # how people were told where no folder, number or column tells them


def read_corpus(data: Path) -> Corpus:
    """The labelled videos of ``data``: a folder, a list ``path,label``, or a manifest.

    In a folder, a list or a manifest speaks for every split that it names; AVEC's label files for
    the others.

    Raises:
        DataInvalid: nothing found, or something contradictory, missing or malformed; names file
            and line, never a folder above ``data``.
    """
    if data.is_file() and data.suffix.lower() in VIDEO_SUFFIXES:
        raise DataInvalid(f"{data.name}: a video", "--data is a folder, a list or a manifest")
    notes: list[str] = []
    if data.is_file():
        entries = list(read_list(data, data.parent))
    elif data.is_dir():
        entries, notes = _read_folder(data)
    else:
        raise DataInvalid(f"{data.name}: no such folder or list", "check --data")
    if not entries:
        raise DataInvalid(f"{data.resolve().name}: no labelled video found", _expected(notes))
    guesses = _guesses(entries)
    return Corpus(sorted(_consistent(entries)), notes + guesses, guesses)


def of_split(videos: list[LabelledVideo], split: str) -> list[LabelledVideo]:
    """The recordings of one split, in order.

    Raises:
        DataInvalid: there is none.
    """
    chosen = [r for r in videos if r.split == split]
    if not chosen:
        raise DataInvalid(
            f"the {split} split is empty",
            "are its videos, labels or list below --data? a folder, the list's name or the "
            "manifest's column tells the split",
        )
    return chosen


def _read_folder(root: Path) -> tuple[list[ListedVideo], list[str]]:
    files = list(_files(root, root, frozenset()))
    listed = [e for path in files if is_list(path, root) for e in read_list(path, root)]
    entries, notes = read_folders(root, files, listed)
    return listed + entries, notes


def _files(folder: Path, root: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Every file below ``folder`` in order, through links; hidden ones and loops left out.

    A folder of prepared faces counts as one file; what `depmap train` wrote is no data.
    """
    real = folder.resolve()
    if real in above:
        return
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise DataInvalid(
            f"{display_path(folder, root)}: {error.strerror}", "the folder cannot be read"
        ) from error
    if folder != root and set(RUN_FILES) <= {path.name for path in paths}:
        return
    for path in paths:
        if path.is_dir() and not is_prepared(path):
            yield from _files(path, root, above | {real})
        else:
            yield path


def _expected(notes: list[str]) -> str:
    """The hint where nothing was found: why, or what is looked for."""
    return "; ".join(notes) or (
        "expected AVEC's layout, e.g. Training/Freeform/203_1_Freeform_video.mp4 and "
        "Training/DepressionLabels/203_1_Depression.csv, or lists path,label named train.csv, "
        "dev.csv and test.csv, or a manifest CSV with the columns " + ",".join(MANIFEST_COLUMNS)
    )


def _guesses(entries: list[ListedVideo]) -> list[str]:
    guessed = [entry.video for entry in entries if entry.guessed]
    example = [f"{display_path(r.path.name, Path())} is of {r.subject!r}" for r in guessed[:1]]
    return [f"people are told from names of files, e.g. {text}" for text in example]


def _consistent(entries: list[ListedVideo]) -> Iterator[LabelledVideo]:
    """Each recording once.

    AVEC's own splits share people, so shared ones are no error; the same *file* in two splits is.

    Raises:
        DataInvalid: a file is described twice differently, or a session has two scores.
    """
    files: dict[Path, ListedVideo] = {}
    sessions: dict[tuple[str, str, str], ListedVideo] = {}
    for entry in entries:
        new = entry.video
        same = files.setdefault(new.path.resolve(), entry)
        session = sessions.setdefault((new.split, new.subject, new.session), entry)
        _refuse_other_description(entry, same)
        if new.score != session.video.score:
            raise DataInvalid(
                f"{entry.where}: score {new.score} for session {new.session!r} of person "
                f"{new.subject!r}, but {session.video.score} in {session.where}",
                "a session has one score: correct one, or number the sessions",
            )
        if same is entry:
            yield new


def _refuse_other_description(entry: ListedVideo, other: ListedVideo) -> None:
    """Refuse two rows that say different things of one file."""
    new, old = asdict(entry.video), asdict(other.video)
    for name in ("split", "score", "subject", "session", "task", "fps"):
        if new[name] != old[name]:
            raise DataInvalid(
                f"{entry.where}: {display_path(new['path'].name, Path())} has {name} {new[name]!r}, "
                f"but {old[name]!r} in {other.where}",
                "a file is one recording of one split: keep one of the two",
            )
