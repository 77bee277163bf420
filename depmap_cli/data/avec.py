"""AVEC's folders: videos named by person and session, and one label file for each session.

The folders differ between releases (``Training/Freeform/``, ``AVEC2014_AudioVisual/Video/``,
``Final_Labels/Training_DepressionLabels/``), so only the split is read from them.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from depmap_cli.data.labelled_video import (
    CorpusEntry,
    LabelledVideo,
    display_path,
    is_video,
    parse_score,
    read_text,
    refuse_empty_video,
    split_of_folders,
    task_of,
)
from depmap_cli.errors import DataInvalid

_VIDEO = re.compile(r"(?P<subject>\d+)_(?P<session>\d+)(?:_.*)?", re.DOTALL)
_LABEL = re.compile(r"(?P<subject>\d+)_(?P<session>\d+)_Depression\.csv", re.IGNORECASE)

Session = tuple[str, str, str]
"""(split, subject, session)."""


@dataclass(frozen=True)
class Label:
    """The score of one session, and the file it was read from."""

    score: int
    where: str


@dataclass(frozen=True)
class _Video:
    session: Session
    path: Path
    relative_path: Path  # below the data folder

    @property
    def name(self) -> str:
        """The video for messages."""
        return display_path(self.relative_path, Path())


def is_label(path: Path) -> bool:
    """Return whether a file is named like AVEC's label files."""
    return _LABEL.fullmatch(path.name) is not None


def read_folders(
    root: Path, files: Iterable[Path], listed: list[CorpusEntry]
) -> tuple[list[CorpusEntry], list[str]]:
    """Read the labelled videos in AVEC's folders; return them, and notes on what was left out.

    Splits with ``listed`` videos are defined by their lists alone. In the other splits, labels are
    skipped if the split has no videos at all, and Testing videos are skipped if Testing has no
    labels at all, because organisers may withhold either.

    Raises:
        DataInvalid: a video without label, a label without video, an empty video, or a score that
            differs from the listed one.
    """
    labels, unused_labels = _read_labels(root, files)
    videos, unused_videos = _find_videos(root, files)
    known = {entry.video.path.resolve(): entry for entry in listed}
    _compare_scores(videos, known, labels)
    listed_splits = {entry.video.split for entry in listed}
    unlisted = [video for video in videos if video.path.resolve() not in known]
    own = [video for video in unlisted if video.session[0] not in listed_splits]
    entries = [_entry(video, labels[video.session]) for video in own if video.session in labels]
    in_listed_split = [video.name for video in unlisted if video.session[0] in listed_splits]
    notes = _note_left_out(in_listed_split, "video", "not in any list")
    may_withhold = bool(entries or listed)
    notes += _note_unlabelled(own, labels, unused_labels, may_withhold)
    notes += _note_missing_videos(labels, {video.session for video in videos}, listed_splits)
    notes += _note_repeated(entries)
    notes += _note_left_out(
        [display_path(path, root) for path in unused_labels],
        "label",
        "no folder names the split",
    )
    notes += _note_left_out(
        [display_path(path, root) for path in unused_videos if path.resolve() not in known],
        "video",
        "folder and name do not contain split, person and session",
    )
    return entries, notes


def _read_labels(root: Path, files: Iterable[Path]) -> tuple[dict[Session, Label], list[Path]]:
    """Read the label files in folders that name a split; return them, and the other label files.

    Raises:
        DataInvalid: a file is malformed, or two files of a session differ.
    """
    labels: dict[Session, Label] = {}
    unused = []
    for path in files:
        match, split = _LABEL.fullmatch(path.name), split_of_folders(path.relative_to(root))
        if match and not split:
            unused.append(path)
        elif match and split:
            session = split, match["subject"], match["session"]
            label = Label(_label_score(path, root), display_path(path, root))
            _refuse_other_score(label, labels.setdefault(session, label), session)
    return labels, unused


def _find_videos(root: Path, files: Iterable[Path]) -> tuple[list[_Video], list[Path]]:
    """Find videos whose path contains split, person and session; return them, and the others."""
    videos, unused = [], []
    for path in files:
        if not is_video(path):
            continue
        match, split = _VIDEO.fullmatch(path.stem), split_of_folders(path.relative_to(root))
        if match and split:
            session = split, match["subject"], match["session"]
            videos.append(_Video(session, path, path.relative_to(root)))
        else:
            unused.append(path)
    return videos, unused


def _compare_scores(
    videos: Iterable[_Video], known: dict[Path, CorpusEntry], labels: dict[Session, Label]
) -> None:
    """Check that lists and label files agree on the videos that both label."""
    for video in videos:
        entry = known.get(video.path.resolve())
        if entry and video.session in labels:
            listed = Label(entry.video.score, entry.where)
            _refuse_other_score(listed, labels[video.session], video.session)


def _refuse_other_score(label: Label, other: Label, session: Session) -> None:
    if label.score != other.score:
        split, subject, number = session
        raise DataInvalid(
            f"{label.where}: {subject}_{number} in {split} has score {label.score}, "
            f"but {other.score} in {other.where}",
            "correct or remove one of them",
        )


def _entry(video: _Video, label: Label) -> CorpusEntry:
    refuse_empty_video(video.path, video.name)
    split, subject, session = video.session
    labelled = LabelledVideo(
        split=split,
        subject=subject,
        session=session,
        task=task_of(video.relative_path),
        path=video.path,
        score=label.score,
        source=video.name,
    )
    return CorpusEntry(labelled, label.where)


def _note_unlabelled(
    videos: list[_Video], labels: dict[Session, Label], unused: list[Path], may_withhold: bool
) -> list[str]:
    """A note on Testing videos if there are no Testing labels at all.

    Raises:
        DataInvalid: another video has no label, or labels of Testing may not be withheld because
            there are no other labelled videos.
    """
    unlabelled = [video for video in videos if video.session not in labels]
    withheld = may_withhold and all(split != "Testing" for split, _, _ in labels)
    for video in unlabelled:
        split, subject, session = video.session
        if split != "Testing" or not withheld:
            name = f"{subject}_{session}_Depression.csv"
            hint = f"add {name} to a {split} label folder"
            if any(path.name.lower() == name.lower() for path in unused):
                hint += "; there is one in a folder that names no split"
            raise DataInvalid(f"{video.name}: no label", hint)
    if not unlabelled:
        return []
    return [f"Testing: no labels, {_counted(len(unlabelled), 'video')} left out"]


def _note_missing_videos(
    labels: dict[Session, Label], sessions: set[Session], listed_splits: set[str]
) -> list[str]:
    """Notes on splits of which there are labels but no videos.

    Raises:
        DataInvalid: only some videos of a split are missing.
    """
    splits = {split for split, _, _ in sessions}
    missing = {
        session: label
        for session, label in labels.items()
        if session not in sessions and session[0] not in listed_splits
    }
    for (split, subject, session), label in missing.items():
        if split in splits:
            raise DataInvalid(
                f"{label.where}: no video {subject}_{session} in {split}",
                "add the video, or remove the label",
            )
    counts = Counter(split for split, _, _ in missing)
    return [f"{split}: no videos, {_counted(n, 'label')} left out" for split, n in counts.items()]


def _note_repeated(entries: list[CorpusEntry]) -> list[str]:
    """A note on sessions with several files of one task, each of which counts."""
    files: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for video in (entry.video for entry in entries):
        files[video.split, video.subject, video.session, video.task].append(video.source)
    repeated = [names for names in files.values() if len(names) > 1]
    return [
        f"{_counted(len(repeated), 'video')} in several files, each used as a separate video: "
        f"{', '.join(names)}"
        for names in repeated[:1]
    ]


def _note_left_out(names: list[str], noun: str, reason: str) -> list[str]:
    """A note on files that are not used, with the first of them as an example."""
    if not names:
        return []
    return [f"{_counted(len(names), noun)} left out, {reason}: {names[0]} ..."]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _label_score(path: Path, root: Path) -> int:
    """Read the only number in a label file; quotes and a trailing comma are allowed."""
    lines = [
        (number, line.strip(" \t\"',;"))
        for number, line in enumerate(read_text(path, root).splitlines(), 1)
        if line.strip()
    ]
    if len(lines) > 1:
        raise DataInvalid(
            f"{display_path(path, root)}, line {lines[1][0]}: expected one score, "
            "found a second value",
            "keep one whole number in each label file",
        )
    number, text = lines[0] if lines else (1, "")
    return parse_score(text, f"{display_path(path, root)}, line {number}")
