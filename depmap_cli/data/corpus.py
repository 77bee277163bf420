"""Read a corpus from disk: videos, scores and splits, from AVEC's folders, lists or a manifest."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from depmap_cli.data.avec import read_folders
from depmap_cli.data.labelled_video import (
    RUN_FILES,
    VIDEO_SUFFIXES,
    CorpusEntry,
    LabelledVideo,
    display_path,
    is_prepared,
)
from depmap_cli.data.video_lists import MANIFEST_COLUMNS, is_list, read_list
from depmap_cli.errors import DataInvalid
from depmap_cli.io.clean_text import clean


@dataclass(frozen=True)
class Corpus:
    """The labelled videos of a data folder, and notes for the user."""

    videos: list[LabelledVideo]
    notes: list[str]  # what was left out, and ``guesses``
    guesses: list[str]  # how subjects were guessed if no folder, number or column names them


def read_corpus(data: Path) -> Corpus:
    """Read the labelled videos of ``data``: a folder, a list ``path,label``, or a manifest.

    In a folder, lists and manifests define every split that they name; AVEC's label files define
    the others.

    Raises:
        DataInvalid: there are no labelled videos, or something is contradictory, missing or
            malformed; names file and line, never a folder above ``data``.
    """
    if data.is_file() and data.suffix.lower() in VIDEO_SUFFIXES:
        raise DataInvalid(
            f"{clean(str(data))}: a video, not a corpus",
            "give a folder, a list or a manifest as --data",
        )
    notes: list[str] = []
    if data.is_file():
        entries = list(read_list(data, data.parent))
    elif data.is_dir():
        entries, notes = _read_folder(data)
    else:
        raise DataInvalid(f"{clean(str(data))}: no such folder or list", "check --data")
    if not entries:
        raise DataInvalid(f"{clean(str(data))}: no labelled video found", _expected(notes))
    guesses = _guesses(entries)
    return Corpus(sorted(_consistent(entries)), notes + guesses, guesses)


def of_split(videos: list[LabelledVideo], split: str) -> list[LabelledVideo]:
    """Return the videos of one split, in order.

    Raises:
        DataInvalid: there are none.
    """
    chosen = [video for video in videos if video.split == split]
    if not chosen:
        raise DataInvalid(
            f"the {split} split is empty",
            "check that its videos, labels or list are below --data; the split is read from a "
            "folder, the list's name or the manifest's column",
        )
    return chosen


def _read_folder(root: Path) -> tuple[list[CorpusEntry], list[str]]:
    files = list(_files(root, root, frozenset()))
    listed = [e for path in files if is_list(path, root) for e in read_list(path, root)]
    entries, notes = read_folders(root, files, listed)
    return listed + entries, notes


def _files(folder: Path, root: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Yield every file below ``folder``, sorted; follow links, skip hidden files and loops.

    A folder of prepared faces counts as one file. Run folders of `depmap train` are skipped.
    """
    real = folder.resolve()
    if real in above:
        return
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise DataInvalid(
            f"{display_path(folder, root)}: the folder cannot be read: {error.strerror}",
            "check its permissions",
        ) from error
    if folder != root and set(RUN_FILES) <= {path.name for path in paths}:
        return
    for path in paths:
        if path.is_dir() and not is_prepared(path):
            yield from _files(path, root, above | {real})
        else:
            yield path


def _expected(notes: list[str]) -> str:
    """The hint if there are no labelled videos: what was left out, or what is expected."""
    return "; ".join(notes) or (
        "give a folder in AVEC's layout, e.g. Training/Freeform/203_1_Freeform_video.mp4 and "
        "Training/DepressionLabels/203_1_Depression.csv, or lists path,label named train.csv, "
        "dev.csv and test.csv, or a manifest CSV with the columns " + ",".join(MANIFEST_COLUMNS)
    )


def _guesses(entries: list[CorpusEntry]) -> list[str]:
    guessed = [entry.video for entry in entries if entry.guessed]
    examples = [
        f"{display_path(video.path.name, Path())} is taken as person {video.subject!r}"
        for video in guessed[:1]
    ]
    return [f"people are guessed from file names, e.g. {example}" for example in examples]


def _consistent(entries: list[CorpusEntry]) -> Iterator[LabelledVideo]:
    """Yield each video once.

    AVEC's own splits share people, so that is not an error; the same *file* in two splits is.

    Raises:
        DataInvalid: a file has two different descriptions, or a session has two scores.
    """
    files: dict[Path, CorpusEntry] = {}
    sessions: dict[tuple[str, str, str], CorpusEntry] = {}
    for entry in entries:
        video = entry.video
        first = files.setdefault(video.path.resolve(), entry)
        session = sessions.setdefault((video.split, video.subject, video.session), entry)
        _refuse_other_description(entry, first)
        if video.score != session.video.score:
            raise DataInvalid(
                f"{entry.where}: score {video.score} for session {video.session!r} of person "
                f"{video.subject!r}, but {session.video.score} in {session.where}",
                "correct one of them, or number the sessions: a session has one score",
            )
        if first is entry:
            yield video


def _refuse_other_description(entry: CorpusEntry, other: CorpusEntry) -> None:
    """Refuse two rows that describe one file differently."""
    new, old = asdict(entry.video), asdict(other.video)
    for name in ("split", "score", "subject", "session", "task", "fps"):
        if new[name] != old[name]:
            raise DataInvalid(
                f"{entry.where}: {display_path(new['path'].name, Path())} has {name} "
                f"{new[name]!r}, but {old[name]!r} in {other.where}",
                "remove one of the two: a file belongs to one split, with one score",
            )
