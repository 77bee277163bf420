"""Writes ``manifest.csv``, the list of videos that `depmap train --data` reads."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from depmap_cli.data.video_lists import MANIFEST_COLUMNS
from depmap_cli.io.atomic_files import atomic_write

MANIFEST_NAME = "manifest.csv"


@dataclass(frozen=True, kw_only=True)
class ManifestRow:
    """One video, or one folder of prepared faces."""

    path: Path
    subject: str
    session: int
    task: str
    split: str
    score: int
    fps: float


def subject_name(seed: int, number: int) -> str:
    """Return the name of a person in the manifest.

    Weights files record the subjects they were trained on by name. Names therefore contain the
    seed, so that they are unique across corpora; plain numbers are AVEC's.
    """
    return f"s{seed}-{number}"


def write_manifest(out: Path, rows: Iterable[ManifestRow]) -> None:
    """Write the manifest of the corpus folder ``out``, with paths relative to it."""
    with (
        atomic_write(out / MANIFEST_NAME) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*MANIFEST_COLUMNS, "fps"])
        for row in rows:
            path = row.path.relative_to(out).as_posix()
            columns = [row.subject, row.session, row.task, row.split, row.score]
            writer.writerow([path, *columns, f"{row.fps:g}"])
