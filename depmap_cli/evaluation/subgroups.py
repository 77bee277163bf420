"""Groups of people from a table of the user's: what they have in common is given, never guessed."""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from depmap_cli.data.labelled_video import read_text
from depmap_cli.data.lists import delimiter_of
from depmap_cli.errors import DataInvalid

NOT_GIVEN = "not given"
_FEW = 6
"""So many different numbers are categories, such as the six Fitzpatrick types; more are cut."""
_MOST_GROUPS = 20

_MARKS = {",": "comma", ";": "semicolon", "\t": "tab"}

Attributes = dict[str, dict[str, str]]
"""attribute -> subject -> value, "" where none is given"""


def read_attributes(path: Path, subjects: Collection[str]) -> Attributes:
    """Attributes of people from a CSV with a column ``subject``; all other columns are attributes.

    Cells are parted as in lists of recordings: by commas, semicolons or tabs, with or without
    quotes and spaces; ``Subject`` may be written in capitals.

    Args:
        subjects: everybody in the data, evaluated or not.

    Raises:
        DataInvalid: no such file or column, no text, a subject that the data does not have, rows
            of one subject that disagree, or a column that does not form groups; names file and
            line.
    """
    lines: dict[str, int] = {}
    values: dict[str, dict[str, str]] = {}
    for line, row in _rows(path):
        where, subject = f"{path.name}, line {line}", row.pop("subject")
        if subject not in subjects:
            raise DataInvalid(
                f"{where}: no subject {subject!r} in the data", "write subjects as the data does"
            )
        if values.setdefault(subject, row) != row:
            raise DataInvalid(
                f"{where}: subject {subject} is described otherwise in line {lines[subject]}",
                "one row a subject",
            )
        lines.setdefault(subject, line)
    if not values:
        raise DataInvalid(f"{path.name}, line 2: no subject follows", "one row a subject")
    columns = list(next(iter(values.values())))
    attributes = {c: {subject: row[c] for subject, row in values.items()} for c in columns}
    for column, given in attributes.items():
        if len(set(given.values())) > _MOST_GROUPS and not _are_numbers(given.values()):
            raise DataInvalid(
                f"{path.name}, line 1: column {column!r} has more than {_MOST_GROUPS} categories",
                "leave it out, or give groups",
            )
    return attributes


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers and rows, checked against the header, cells stripped."""
    text = io.StringIO(read_text(path, path.parent), newline="")
    delimiter = delimiter_of(text.readline())
    text.seek(0)
    reader = csv.reader(text, delimiter=delimiter, skipinitialspace=True)
    try:
        header = [_column(name) for name in next(reader, [])]
        _check_header(header, path.name)
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(header):
                raise DataInvalid(
                    f"{path.name}, line {reader.line_num}: {len(cells)} cells, the header "
                    f"has {len(header)}",
                    f"quote cells that hold a {_MARKS[delimiter]}",
                )
            yield reader.line_num, dict(zip(header, (c.strip() for c in cells), strict=True))
    except csv.Error as error:
        raise DataInvalid(
            f"{path.name}, line {reader.line_num}: {error}", "check the quotes from there on"
        ) from error


def _column(name: str) -> str:
    """As it is written, but that of the subjects."""
    name = name.strip()
    return name.lower() if name.lower() == "subject" else name


def _check_header(header: list[str], name: str) -> None:
    if "subject" not in header:
        raise DataInvalid(f"{name}, line 1: no column subject", "one row a subject")
    if len(header) < 2:
        raise DataInvalid(f"{name}, line 1: no column beside subject", "e.g. subject,sex,age")
    if "" in header or len(set(header)) < len(header):
        raise DataInvalid(f"{name}, line 1: column names are empty or repeated", "name each once")


def groups_of(values: Mapping[str, str], people: Iterable[str]) -> dict[str, list[str]]:
    """Group -> its people. Many different numbers are cut into thirds of these people.

    Args:
        values: subject -> value of one attribute, "" where none is given.
        people: those who were evaluated.
    """
    given = {person: values.get(person, "") for person in sorted(set(people))}
    known = {person: value for person, value in given.items() if value}
    if len(set(known.values())) > _FEW and _are_numbers(known.values()):
        groups = _thirds({person: float(value) for person, value in known.items()})
    else:
        groups = defaultdict(list)
        for person in sorted(known, key=lambda p: _order(known[p])):
            groups[known[person]].append(person)
    unknown = [person for person, value in given.items() if not value]
    return {**groups, NOT_GIVEN: unknown} if unknown else dict(groups)


def _thirds(numbers: dict[str, float]) -> dict[str, list[str]]:
    """Three groups of like size, equal numbers together, each named by its range."""
    ranked = sorted(numbers.values())
    cuts = [ranked[math.ceil(len(ranked) * i / 3) - 1] for i in (1, 2)]
    parts: list[list[str]] = [[], [], []]
    for person in sorted(numbers, key=lambda p: numbers[p]):
        parts[sum(numbers[person] > cut for cut in cuts)].append(person)
    return {f"{numbers[part[0]]:g} to {numbers[part[-1]]:g}": part for part in parts if part}


def _are_numbers(values: Iterable[str]) -> bool:
    return all(math.isfinite(_number(value)) for value in values if value)


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return math.inf


def _order(value: str) -> tuple[float, str]:
    """Numbers by size, then words."""
    return _number(value), value
