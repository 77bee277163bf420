"""Find recordings, their scores and their splits on disk: AVEC's folders, or a manifest CSV."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from depmap_cli.errors import DataInvalid
from depmap_cli.severity import MAX_SCORE

SPLITS = ("Training", "Development", "Testing")
VIDEO_SUFFIXES = frozenset(
    f".{ending}"
    for ending in (
        *("mp4", "mov", "avi", "mkv", "webm", "m4v", "mpg"),
        *("mpeg", "wmv", "flv", "ts", "mts", "3gp", "ogv"),
    )
)
_RECORDING = re.compile(r"^(?P<subject>\d+)_(?P<session>\d+)(?:_(?P<rest>.*))?$")
_LABEL = re.compile(r"^(?P<subject>\d+)_(?P<session>\d+)_Depression\.csv$", re.IGNORECASE)
_MANIFEST_COLUMNS = ("path", "subject", "session", "task", "split", "score")


@dataclass(frozen=True, order=True)
class Recording:
    """One labelled video."""

    split: str  # one of SPLITS
    subject: str
    session: str
    task: str  # Freeform, Northwind, or "" where a corpus has no tasks
    path: Path
    score: int  # BDI-II, 0-63


def find_recordings(data: Path) -> list[Recording]:
    """The labelled videos below a folder in AVEC's layout, or those a manifest CSV lists; sorted.

    Raises:
        DataInvalid: nothing found, a video without a label, or a bad label; names file and line.
    """
    if not data.exists():
        raise DataInvalid(f"{data.name}: no such folder or manifest", "check --data")
    recordings = sorted(_from_manifest(data) if data.is_file() else _from_folders(data))
    if not recordings:
        raise DataInvalid(
            f"{data.name}: no labelled video found",
            "expected AVEC's layout, e.g. Training/Freeform/203_1_Freeform_video.mp4 and "
            "Training/DepressionLabels/203_1_Depression.csv, or a manifest CSV with the columns "
            + ",".join(_MANIFEST_COLUMNS),
        )
    _refuse_shared_people(recordings)
    return recordings


def of_split(recordings: list[Recording], split: str) -> list[Recording]:
    """The recordings of one split, in order.

    Raises:
        DataInvalid: there is none.
    """
    chosen = [r for r in recordings if r.split == split]
    if not chosen:
        raise DataInvalid(
            f"the {split} split is empty", "check the folder, or the manifest's split column"
        )
    return chosen


def _from_folders(root: Path) -> Iterator[Recording]:
    labels = _labels(root)
    for path in sorted(p for p in root.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES):
        match, split = _RECORDING.match(path.stem), _split_of(path.relative_to(root))
        if not match or not split:
            continue
        subject, session = match["subject"], match["session"]
        score = labels.get((split, subject, session))
        if score is None:
            raise DataInvalid(
                f"{path.relative_to(root)}: no label",
                f"expected {subject}_{session}_Depression.csv in a {split} label folder",
            )
        task = next((t for t in ("Freeform", "Northwind") if t.lower() in path.stem.lower()), "")
        yield Recording(split, subject, session, task, path, score)


def _labels(root: Path) -> dict[tuple[str, str, str], int]:
    """(split, subject, session) -> score, from every ``*_Depression.csv`` below ``root``."""
    labels = {}
    for path in root.rglob("*_*.csv"):
        match, split = _LABEL.match(path.name), _split_of(path.relative_to(root))
        if match and split:
            text = path.read_text(encoding="utf-8-sig").strip()
            where = f"{path.relative_to(root)}, line 1"
            labels[split, match["subject"], match["session"]] = _score(text, where)
    return labels


def _split_of(relative: Path) -> str | None:
    """The split that a folder on the way names, as in ``Training_DepressionLabels``."""
    for part in relative.parts[:-1][::-1]:
        for split in SPLITS:
            if part.lower().startswith((split.lower(), split[:-3].lower() + "set")):
                return split
    return None


def _score(text: str, where: str) -> int:
    try:
        score = int(text)
    except ValueError:
        raise DataInvalid(
            f"{where}: {text[:40]!r} is not a score", "a whole number is expected"
        ) from None
    if not 0 <= score <= MAX_SCORE:
        raise DataInvalid(
            f"{where}: score {score} is outside 0 to {MAX_SCORE}", "BDI-II is expected"
        )
    return score


def _from_manifest(path: Path) -> Iterator[Recording]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = [c for c in _MANIFEST_COLUMNS if c not in (reader.fieldnames or [])]
        if missing:
            raise DataInvalid(
                f"{path.name}, line 1: no column {', '.join(missing)}", "see README, Data"
            )
        for row in reader:
            where = f"{path.name}, line {reader.line_num}"
            video = path.parent / (row["path"] or "")
            if not video.is_file():
                raise DataInvalid(
                    f"{where}: no such video: {row['path']}", "paths are relative to the manifest"
                )
            split = next((s for s in SPLITS if s.lower() == (row["split"] or "").lower()), None)
            if split is None:
                raise DataInvalid(
                    f"{where}: unknown split {row['split']!r}", "one of " + ", ".join(SPLITS)
                )
            yield Recording(
                split,
                row["subject"],
                row["session"],
                row["task"] or "",
                video,
                _score(row["score"], where),
            )


def _refuse_shared_people(recordings: list[Recording]) -> None:
    """AVEC's own splits share people, so shared ones are no error; the same *file* twice is."""
    seen: dict[Path, Recording] = {}
    for recording in recordings:
        path = recording.path.resolve()
        if path in seen and seen[path].split != recording.split:
            raise DataInvalid(
                f"{recording.path.name} is in {seen[path].split} and in {recording.split}",
                "a recording belongs to one split",
            )
        seen[path] = recording
