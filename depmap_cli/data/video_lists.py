"""Tables of videos: a manifest, or lists with two columns ``path,label``, one for each split.

Cells are separated by commas, semicolons or tabs. Paths use ``/`` or ``\\`` and start at the
table's own folder or at the data folder. A byte-order mark, quotes, blank lines and, with two
columns, a header are optional.
"""

import csv
import io
import math
import re
from collections.abc import Iterator
from pathlib import Path

from depmap_cli.data.avec import is_label
from depmap_cli.data.labelled_video import (
    SPLITS,
    CorpusEntry,
    LabelledVideo,
    below_root,
    display_path,
    exists,
    is_video,
    parse_score,
    read_text,
    refuse_empty_video,
    split_named,
    split_of_folders,
    task_of,
)
from depmap_cli.errors import DataInvalid
from depmap_cli.video.limits import MAX_FPS

MANIFEST_COLUMNS = ("path", "subject", "session", "task", "split", "score")
_RATE_COLUMN = "fps"
_SCORE_WORDS = frozenset(("label", "score", "bdi", "bdi2", "bdi-ii", "bdi_ii", "depression"))
_PATH_WORDS = frozenset(("path", "file", "filename", "file_name", "video", "clip"))
# Subject and session, as in 203_1_Freeform and p03_visit2; any other name is a subject by itself.
_PERSON = re.compile(r"(?P<subject>[^_]*\d[^_]*)_(?P<session>[^_]+)(?:_.*)?", re.DOTALL)
_HEAD = 1 << 16
"""Number of bytes that are read to recognise a table and its delimiter."""

ListRow = tuple[str, list[str]]
"""The file and line for messages, and the cells."""


def is_list(path: Path, root: Path) -> bool:
    """Return whether a file is a manifest or a list, judging by its first two rows.

    It must lie in ``root`` or in a folder of it. A file that is named after a split or "manifest"
    but is empty or not text counts as well: reading it then reports the error.
    """
    near = len(path.relative_to(root).parts) <= 2
    if not near or path.suffix.lower() != ".csv" or is_label(path):
        return False
    (first, second), split = _first_lines(path), split_named(path.stem)
    if not first or "\0" in first:
        return bool(split) or "manifest" in path.stem.lower()
    names = [cell.lower() for cell in _cells(first, delimiter_of(first))]
    first_name, last_name = (names[0], names[-1]) if names else ("", "")
    if is_video(first_name) or first_name in _PATH_WORDS:
        pair = len(names) == 2 and (is_video(first_name) or last_name in _SCORE_WORDS)
        if pair or split:
            return True
    if split and is_video("".join(_cells(second, delimiter_of(second))[:1])):
        return True  # the header has other words
    return "path" in names and len(set(MANIFEST_COLUMNS).intersection(names)) > 2


def _first_lines(path: Path) -> tuple[str, str]:
    """Return the first two lines that are not blank, whatever the encoding; "" if missing."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).decode("utf-8-sig", errors="replace")
    except OSError:
        return "", ""
    first, second, *_ = [*(line for line in head.splitlines() if line.strip()), "", ""]
    return first, second


def read_list(path: Path, root: Path) -> Iterator[CorpusEntry]:
    """Yield the videos that a manifest or a list names; messages name paths below ``root``.

    Raises:
        DataInvalid: the table is malformed, or a video does not exist; names file and line.
    """
    rows = _rows(path, root)
    where, first = rows[0]
    if len(first) == 2 or is_video(first[0]):
        body = rows[_is_header(first) :]
        entries = [_pair(row, path, root) for row in body]
    else:
        columns = _columns(where, first)
        entries = [_manifest_row(row, columns, path, root) for row in rows[1:]]
    if not entries:
        raise DataInvalid(f"{where}: the table has only a header", "add a line for each video")
    yield from entries


def _is_header(cells: list[str]) -> bool:
    """Return whether a first row is a header: it has neither a video first nor a number last."""
    try:
        float(cells[-1])
    except ValueError:
        return not is_video(cells[0])
    return False


def _rows(path: Path, root: Path) -> list[ListRow]:
    """Return the rows that are not blank, with stripped cells and without empty last cells."""
    name, text = display_path(path, root), read_text(path, root)
    if not text.strip():
        raise DataInvalid(
            f"{name}: the file is empty", "add a line for each video, or remove the file"
        )
    first = next(line for line in text.splitlines() if line.strip())
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter_of(first),
        skipinitialspace=True,
        strict=True,
    )
    rows, line = [], 1
    try:
        for row in reader:
            cells = _trimmed(row)
            rows += [(f"{name}, line {line}", cells)] if cells else []
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataInvalid(
            f"{name}, line {line}: {error}", "check the quotes from this line on"
        ) from None
    return rows


def delimiter_of(line: str) -> str:
    """Return the delimiter of a table by its first row: comma, semicolon or tab."""
    return max(",;\t", key=lambda mark: len(_cells(line, mark)))


def _cells(line: str, delimiter: str) -> list[str]:
    return _trimmed(
        next(csv.reader([line[:_HEAD]], delimiter=delimiter, skipinitialspace=True), [])
    )


def _trimmed(row: list[str]) -> list[str]:
    """Strip white space from the cells, and remove empty cells at the end."""
    cells = [cell.strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _pair(row: ListRow, table: Path, root: Path) -> CorpusEntry:
    """Read a row ``path,label``; the split comes from the table's name, or else from folders."""
    where, cells = row
    if len(cells) > 2:
        raise DataInvalid(
            f"{where}: {len(cells)} values, but path,label has 2",
            "put quotes around a path that contains a comma",
        )
    written, score = [*cells, ""][:2]
    video = _video(written, where, table, root)
    below = below_root(video, root)
    folders = split_of_folders(below) or split_of_folders(below_root(table, root))
    split = split_named(table.stem) or folders
    if split is None:
        raise DataInvalid(
            f"{where}: the split is unknown",
            "name the list train.csv, dev.csv or test.csv, or write a manifest with the columns "
            + ",".join(MANIFEST_COLUMNS),
        )
    match = _PERSON.fullmatch(video.stem)
    subject, session = (match["subject"], match["session"]) if match else (video.stem, "1")
    labelled = LabelledVideo(
        split=split,
        subject=subject,
        session=session,
        task=task_of(below),
        path=video,
        score=parse_score(score, where),
        source=_source(written, where, root),
    )
    return CorpusEntry(labelled, where, guessed=not subject.isdigit())


def _columns(where: str, header: list[str]) -> dict[str, int]:
    """Return the index of each column of a manifest; those that are read must occur once."""
    names = [name.lower() for name in header]
    for name in (*MANIFEST_COLUMNS, _RATE_COLUMN):
        if names.count(name) > 1:
            raise DataInvalid(
                f"{where}: {names.count(name)} columns {name}",
                "keep one of them, or rename the others",
            )
    columns = {name: index for index, name in enumerate(names)}
    missing = [name for name in MANIFEST_COLUMNS if name not in columns]
    if missing:
        raise DataInvalid(
            f"{where}: no column {', '.join(missing)}",
            f"give a manifest the columns {','.join(MANIFEST_COLUMNS)}, or a list the two columns "
            "path,label",
        )
    return columns


def _manifest_row(row: ListRow, columns: dict[str, int], table: Path, root: Path) -> CorpusEntry:
    where, cells = row
    width = max(columns.values()) + 1
    if len(cells) > width:
        raise DataInvalid(
            f"{where}: {len(cells)} values for {width} columns",
            "put quotes around a value that contains a comma",
        )
    padded = cells + [""] * width
    values = {name: padded[index] for name, index in columns.items()}
    video = _video(values["path"], where, table, root)
    split = split_named(values["split"])
    if split is None:
        raise DataInvalid(
            f"{where}: unknown split {values['split'][:40]!r}", "give one of " + ", ".join(SPLITS)
        )
    if not values["subject"]:
        raise DataInvalid(
            f"{where}: no subject", "name the person, so that people in several splits are found"
        )
    labelled = LabelledVideo(
        split=split,
        subject=values["subject"],
        session=values["session"],
        task=values["task"],
        path=video,
        score=parse_score(values["score"], where),
        fps=_fps(values.get(_RATE_COLUMN, ""), where),
        source=_source(values["path"], where, root),
    )
    return CorpusEntry(labelled, where)


def _fps(text: str, where: str) -> float | None:
    """Parse a frame rate in frames per second; None if the cell is empty."""
    if not text:
        return None
    try:
        fps = float(text)
    except ValueError:
        fps = math.nan
    if not 0 < fps < MAX_FPS:
        raise DataInvalid(
            f"{where}: fps {text[:40]!r} is not a frame rate",
            f"give a number above 0 and below {MAX_FPS:g}, or leave the cell empty",
        )
    return fps


def _video(written: str, where: str, table: Path, root: Path) -> Path:
    """Find the file that a cell names, from the table's folder or from the data folder."""
    if not written:
        raise DataInvalid(f"{where}: no path", "give the path of the video")
    for folder in (table.parent, root):
        for path in (folder / written, folder / written.replace("\\", "/")):
            if exists(path):
                refuse_empty_video(path, _source(written, where, root))
                return path
    raise DataInvalid(
        f"{where}: no such video: {display_path(written, root)}",
        "give a path from the table's folder or from the data folder",
    )


def _source(written: str, where: str, root: Path) -> str:
    return f"{where}: {display_path(written, root)}"
