"""Groups of people from a table that the user supplies; attributes are never inferred."""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from depmap_cli.data.labelled_video import read_text
from depmap_cli.data.video_lists import delimiter_of
from depmap_cli.errors import DataInvalid
from depmap_cli.io.clean_text import clean

NOT_GIVEN = "not given"
_FEW = 6
"""Up to so many different numbers are categories (six Fitzpatrick types); more become thirds."""
_MOST_GROUPS = 20

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}

Attributes = dict[str, dict[str, str]]
"""attribute -> subject -> value, "" if none is given"""


def read_attributes(path: Path, subjects: Collection[str]) -> Attributes:
    """Read attributes of people from a CSV file with a column ``subject``.

    Every other column is an attribute. Cells are separated by commas, semicolons or tabs, with or
    without quotes and spaces, as in lists of videos. The case of ``subject`` does not matter.

    Args:
        subjects: all subjects of the data, evaluated or not.

    Raises:
        DataInvalid: the file or a column is missing, the file is not text, a subject is not in
            the data, rows of one subject disagree, or a column does not form groups. The message
            names file and line.
    """
    name = clean(str(path))
    lines: dict[str, int] = {}
    values: dict[str, dict[str, str]] = {}
    for line, row in _rows(path):
        where, subject = f"{name}, line {line}", row.pop("subject")
        if subject not in subjects:
            raise DataInvalid(
                f"{where}: no subject {subject!r} in the data", "write subjects as in the data"
            )
        if values.setdefault(subject, row) != row:
            raise DataInvalid(
                f"{where}: subject {subject} has other values in line {lines[subject]}",
                "write one row for each subject",
            )
        lines.setdefault(subject, line)
    if not values:
        raise DataInvalid(
            f"{name}, line 2: no row after the header", "write one row for each subject"
        )
    columns = list(next(iter(values.values())))
    attributes = {c: {subject: row[c] for subject, row in values.items()} for c in columns}
    for column, value_of in attributes.items():
        values_given = set(value_of.values())
        if len(values_given) > _MOST_GROUPS and not _are_numbers(values_given):
            raise DataInvalid(
                f"{name}, line 1: column {column!r} has more than {_MOST_GROUPS} categories",
                "remove the column, or write groups into it",
            )
    return attributes


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line numbers and rows, checked against the header, with cells stripped."""
    name = clean(str(path))
    text = io.StringIO(read_text(path, path.parent), newline="")
    delimiter = delimiter_of(text.readline())
    text.seek(0)
    reader = csv.reader(text, delimiter=delimiter, skipinitialspace=True)
    try:
        header = [_column(name) for name in next(reader, [])]
        _check_header(header, name)
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(header):
                raise DataInvalid(
                    f"{name}, line {reader.line_num}: {len(cells)} cells, but the header "
                    f"has {len(header)}",
                    f"quote cells that contain a {_DELIMITERS[delimiter]}",
                )
            yield reader.line_num, dict(zip(header, (c.strip() for c in cells), strict=True))
    except csv.Error as error:
        raise DataInvalid(
            f"{name}, line {reader.line_num}: {error}", "check the quotes from this line on"
        ) from error


def _column(name: str) -> str:
    """The name without spaces around it; ``subject`` in lower case."""
    name = name.strip()
    return name.lower() if name.lower() == "subject" else name


def _check_header(header: list[str], name: str) -> None:
    if "subject" not in header:
        raise DataInvalid(f"{name}, line 1: no column subject", "add a column subject")
    if len(header) < 2:
        raise DataInvalid(
            f"{name}, line 1: no column besides subject", "add columns, e.g. subject,sex,age"
        )
    if "" in header or len(set(header)) < len(header):
        raise DataInvalid(
            f"{name}, line 1: column names are empty or repeated", "give each column its own name"
        )


def groups_of(values: Mapping[str, str], people: Iterable[str]) -> dict[str, list[str]]:
    """Return group -> its people. Many different numbers are divided into thirds of these people.

    Args:
        values: subject -> value of one attribute, "" if none is given.
        people: the evaluated people.
    """
    value_of = {person: values.get(person, "") for person in sorted(set(people))}
    known = {person: value for person, value in value_of.items() if value}
    if len(set(known.values())) > _FEW and _are_numbers(known.values()):
        groups = _thirds({person: float(value) for person, value in known.items()})
    else:
        groups = defaultdict(list)
        for person in sorted(known, key=lambda p: _order(known[p])):
            groups[known[person]].append(person)
    unknown = [person for person, value in value_of.items() if not value]
    return {**groups, NOT_GIVEN: unknown} if unknown else dict(groups)


def _thirds(numbers: dict[str, float]) -> dict[str, list[str]]:
    """Three groups of similar size, equal numbers together, each named by its range."""
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
    """Sort key: numbers by size, then words."""
    return _number(value), value
