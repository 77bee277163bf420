"""Tables as spreadsheets and people save them; every error names the file and the line."""

import re

import pytest

from depmap_cli.errors import DataInvalid
from depmap_cli.io.csv_reader import read_csv

PLAIN = "a,b\n1,0.5\n2,1.5\n"


def numbers(path):
    table = read_csv(path)
    return [[table.number(row, column) for column in table.columns] for row in table.rows]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace("\n", "\r\n").encode(),
        b"a, b\n 1 , 0.5\n2 ,1.5\n",
        b"a;b\n1;0.5\n2;1.5\n",
        b"a;b\n1;0,5\n2;1,5\n",
        b"a\tb\n1\t0,5\n2\t1.5\n",
        b"sep=;\na;b\n1;0,5\n2;1,5\n",
        b"SEP=,\na,b\n1,0.5\n2,1.5\n",
        b"# made by hand\n\na,b\n1,0.5\n\n# the rest\n2,1.5\n",
        b'"a","b"\n"1","0.5"\n"2","1.5"',
    ],
)
def test_forms_of_one_table(tmp_path, content):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert read_csv(path).columns == ["a", "b"]
    assert numbers(path) == [[1, 0.5], [2, 1.5]]


def test_rows_keep_their_line_and_the_columns_wanted(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("# note\na,b,c\n\n1,x,3\n")
    table = read_csv(path, keep=lambda column: column != "b")
    assert table.columns == ["a", "c"]
    assert [(row.line, row.cells) for row in table.rows] == [(4, {"a": "1", "c": "3"})]
    assert table.where(table.rows[0]) == f"{path}, line 4"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the table is empty"),
        (b"# only a comment\n", "the table is empty"),
        (b"a,a\n1,2\n", "line 1: several columns 'a'"),
        (b"a,b\n1,2\n1\n", "line 3: 1 cells, but the header has 2"),
        (b"a,b\n1,2,3\n", "line 2: 3 cells, but the header has 2"),
        (b"a,b\n\xff,2\n", "not UTF-8 text"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, content, message):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(DataInvalid, match=re.escape(message)) as caught:
        read_csv(path)
    assert caught.value.message.startswith(str(path))


@pytest.mark.parametrize("cell", ["", "x", "nan", "inf", "1.2.3"])
def test_cells_that_are_not_numbers(tmp_path, cell):
    path = tmp_path / "t.csv"
    path.write_text(f"a,b\n{cell},2\n")
    with pytest.raises(DataInvalid, match="line 2: a is .*, not a number"):
        numbers(path)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(DataInvalid, match="cannot be read"):
        read_csv(tmp_path)
