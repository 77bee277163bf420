"""AVEC's folders: videos named by person and session, and one label file a session.

The folders differ from release to release (``Training/Freeform/``, ``AVEC2014_AudioVisual/Video/``,
``Final_Labels/Training_DepressionLabels/``), so only the split is read from them.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from depmap_cli.data.labelled_video import (
    LabelledVideo,
    ListedVideo,
    display_path,
    is_recording,
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
    """The score of one session, and the file that says so."""

    score: int
    where: str


@dataclass(frozen=True)
class _Video:
    session: Session
    path: Path
    below: Path  # the same from the data folder on

    @property
    def name(self) -> str:
        """For messages."""
        return display_path(self.below, Path())


def is_label(path: Path) -> bool:
    """Whether a file is named as AVEC names its labels."""
    return _LABEL.fullmatch(path.name) is not None


def read_folders(
    root: Path, files: Iterable[Path], listed: list[ListedVideo]
) -> tuple[list[ListedVideo], list[str]]:
    """The labelled videos in AVEC's folders, and what was left out, in words.

    Splits of which ``listed`` has recordings are left to it. Of the others, one of which no video
    is here is left out with its labels, and Testing of which no label is here with its videos:
    organisers keep either back.

    Raises:
        DataInvalid: a video without label, a label without video, an empty video, or a score that
            differs from the listed one.
    """
    (labels, lost), (videos, astray) = _labels(root, files), _videos(root, files)
    known = {entry.video.path.resolve(): entry for entry in listed}
    _compare(videos, known, labels)
    spoken = {entry.video.split for entry in listed}
    rest = [v for v in videos if v.path.resolve() not in known]
    own = [v for v in rest if v.session[0] not in spoken]
    entries = [_entry(v, labels[v.session]) for v in own if v.session in labels]
    notes = _unlisted([v.name for v in rest if v.session[0] in spoken])
    notes += _without_labels(own, labels, lost, alone=not (entries or listed))
    notes += _without_videos(labels, {v.session for v in videos}, spoken)
    notes += _repeated(entries) + _lost([display_path(p, root) for p in lost])
    return entries, notes + _astray(
        [display_path(p, root) for p in astray if p.resolve() not in known]
    )


def _labels(root: Path, files: Iterable[Path]) -> tuple[dict[Session, Label], list[Path]]:
    """Those in folders that name a split, two of one session must agree; and the other files."""
    labels: dict[Session, Label] = {}
    lost = []
    for path in files:
        match, split = _LABEL.fullmatch(path.name), split_of_folders(path.relative_to(root))
        if match and not split:
            lost.append(path)
        elif match and split:
            session = split, match["subject"], match["session"]
            label = Label(_label_score(path, root), display_path(path, root))
            _refuse_other_score(label, labels.setdefault(session, label), session)
    return labels, lost


def _compare(
    videos: Iterable[_Video], known: dict[Path, ListedVideo], labels: dict[Session, Label]
) -> None:
    """Lists and label files must agree on the videos that both label."""
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


def _videos(root: Path, files: Iterable[Path]) -> tuple[list[_Video], list[Path]]:
    """Videos whose folder and name tell split, person and session; and the other videos."""
    videos, astray = [], []
    for path in files:
        if not is_recording(path):
            continue
        match, split = _VIDEO.fullmatch(path.stem), split_of_folders(path.relative_to(root))
        if match and split:
            session = split, match["subject"], match["session"]
            videos.append(_Video(session, path, path.relative_to(root)))
        else:
            astray.append(path)
    return videos, astray


def _entry(video: _Video, label: Label) -> ListedVideo:
    refuse_empty_video(video.path, video.name)
    split, subject, session = video.session
    found = LabelledVideo(
        split=split,
        subject=subject,
        session=session,
        task=task_of(video.below),
        path=video.path,
        score=label.score,
        place=video.name,
    )
    return ListedVideo(found, label.where)


def _without_labels(
    videos: list[_Video], labels: dict[Session, Label], lost: list[Path], alone: bool
) -> list[str]:
    """A note on Testing where it has no labels at all, unless its videos are ``alone`` here."""
    unlabelled = [v for v in videos if v.session not in labels]
    kept_back = not alone and all(split != "Testing" for split, _, _ in labels)
    for video in unlabelled:
        split, subject, session = video.session
        if split != "Testing" or not kept_back:
            name = f"{subject}_{session}_Depression.csv"
            hint = f"expected {name} in a {split} label folder"
            if any(path.name.lower() == name.lower() for path in lost):
                hint += "; there is one in a folder that tells no split"
            raise DataInvalid(f"{video.name}: no label", hint)
    if not unlabelled:
        return []
    return [f"Testing: no labels, {_counted(len(unlabelled), 'video')} left out"]


def _without_videos(
    labels: dict[Session, Label], sessions: set[Session], spoken: set[str]
) -> list[str]:
    """Notes on the splits that are here only as labels; a split is whole or absent."""
    here = {split for split, _, _ in sessions}
    unseen = {s: label for s, label in labels.items() if s not in sessions and s[0] not in spoken}
    for (split, subject, session), label in unseen.items():
        if split in here:
            raise DataInvalid(
                f"{label.where}: no video {subject}_{session} in {split}",
                "add the video, or remove the label",
            )
    lost = Counter(split for split, _, _ in unseen)
    return [f"{split}: no videos, {_counted(n, 'label')} left out" for split, n in lost.items()]


def _unlisted(names: list[str]) -> list[str]:
    """A note on videos of a split that lists speak for."""
    return [f"{_counted(len(names), 'video')} in no list left out: {names[0]} ..."] if names else []


def _repeated(entries: list[ListedVideo]) -> list[str]:
    """A note on recordings that are there in several files, each of which counts."""
    files: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for found in (entry.video for entry in entries):
        files[found.split, found.subject, found.session, found.task].append(found.place)
    several = [names for names in files.values() if len(names) > 1]
    return [
        f"{_counted(len(several), 'video')} in several files, each counted: {', '.join(names)}"
        for names in several[:1]
    ]


def _lost(names: list[str]) -> list[str]:
    told = "no folder tells the split"
    return [f"{_counted(len(names), 'label')} left out, {told}: {names[0]} ..."] if names else []


def _astray(names: list[str]) -> list[str]:
    told = "folder and name do not tell split, person and session"
    return [f"{_counted(len(names), 'video')} left out, {told}: {names[0]} ..."] if names else []


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _label_score(path: Path, root: Path) -> int:
    """The one number in a label file; quotes and a trailing comma are forgiven."""
    lines = [
        (number, line.strip(" \t\"',;"))
        for number, line in enumerate(read_text(path, root).splitlines(), 1)
        if line.strip()
    ]
    if len(lines) > 1:
        raise DataInvalid(
            f"{display_path(path, root)}, line {lines[1][0]}: a second value",
            "a label file holds one whole number",
        )
    number, text = lines[0] if lines else (1, "")
    return parse_score(text, f"{display_path(path, root)}, line {number}")
