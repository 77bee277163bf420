"""The table of a simulated corpus, as `depmap train --data` reads it."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from depmap_cli.data.lists import MANIFEST_COLUMNS
from depmap_cli.io.atomic_files import atomic_write

MANIFEST = "manifest.csv"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One recording."""

    path: Path
    subject: str
    session: int
    task: str
    split: str
    score: int
    fps: float


def subject_name(seed: int, number: int) -> str:
    """What the manifest calls a person. Weights know people by that name, so nobody in two corpora
    may share it: plain numbers are AVEC's."""
    return f"s{seed}-{number}"


def write_manifest(out: Path, rows: Iterable[Row]) -> None:
    """List the recordings below ``out``, by paths from there on."""
    with (
        atomic_write(out / MANIFEST) as aside,
        aside.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*MANIFEST_COLUMNS, "fps"])
        for r in rows:
            path = r.path.relative_to(out).as_posix()
            writer.writerow([path, r.subject, r.session, r.task, r.split, r.score, f"{r.fps:g}"])
