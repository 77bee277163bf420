"""Protects the user's table of people: groups as given, errors that name file and line."""

import pytest

from depmap_cli.errors import DataInvalid
from depmap_cli.evaluation.subgroups import NOT_GIVEN, groups_of, read_attributes
from tests.support.evaluation_sample import some_clips, some_report

PEOPLE = {"1", "2", "3"}


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "people.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_columns_become_attributes(tmp_path):
    path = written(tmp_path, "\ufeffsex, subject ,skin tone\r\nf,1, IV\r\nm,2,\r\n\r\nm,2,\r\n")
    assert read_attributes(path, PEOPLE) == {
        "sex": {"1": "f", "2": "m"},
        "skin tone": {"1": "IV", "2": ""},
    }


@pytest.mark.parametrize("mark", [";", "\t"])
def test_semicolons_and_tabs_part_cells_as_in_lists(tmp_path, mark):
    table = "subject,place\n1,Köln\n2,Ulm".replace(",", mark) + ", by the river\n"
    assert read_attributes(written(tmp_path, table), PEOPLE) == {
        "place": {"1": "Köln", "2": "Ulm, by the river"}
    }


def test_quotes_after_a_space_and_a_subject_in_capitals_are_read_as_in_lists(tmp_path):
    path = written(tmp_path, 'Subject, Place of work\n1, "Ulm, by the river"\n')
    assert read_attributes(path, PEOPLE) == {"Place of work": {"1": "Ulm, by the river"}}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("person,sex\n1,f\n", 1, "no column subject"),
        ("subject\n1\n", 1, "no column besides subject"),
        ("subject,sex,sex\n1,f,f\n", 1, "empty or repeated"),
        ("subject,sex,\n1,f,f\n", 1, "empty or repeated"),
        ("subject,SUBJECT,sex\n1,1,f\n", 1, "empty or repeated"),
        ("subject,sex\n1,f\n9,m\n", 3, "no subject '9'"),
        ("subject,sex\n1,f\n2,m\n1,m\n", 4, "has other values in line 2"),
        ("subject,sex\n1,f,x\n", 2, "3 cells, but the header has 2"),
        ("subject,sex\n1\n", 2, "1 cells"),
        ("subject,sex\n", 2, "no row after the header"),
        ("", 1, "no column subject"),
    ],
)
def test_errors_name_file_and_line(tmp_path, text, line, message):
    with pytest.raises(DataInvalid, match=message) as error:
        read_attributes(written(tmp_path, text), PEOPLE)
    assert error.value.message.startswith(f"{tmp_path}/people.csv, line {line}: ")


def test_a_column_of_names_is_no_grouping(tmp_path):
    people = [str(i) for i in range(30)]
    rows = "".join(f"{p},name {p},{int(p) * 1.5}\n" for p in people)
    with pytest.raises(DataInvalid, match=r"line 1: column 'who' has more than 20"):
        read_attributes(written(tmp_path, "subject,who,age\n" + rows), people)


def test_spaces_before_quotes_and_a_capital_do_not_matter(tmp_path):
    path = written(tmp_path, 'Subject, Sex\n1, "f, too"\n2, "m"\n')
    assert read_attributes(path, PEOPLE) == {"Sex": {"1": "f, too", "2": "m"}}


@pytest.mark.parametrize(("content", "line"), [(b"\xff\xfe\x00", 1), (b"subject,sex\n1,\x80\n", 2)])
def test_what_is_no_text_is_told(tmp_path, content, line):
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    with pytest.raises(DataInvalid, match=rf"people\.csv, line {line}: not UTF-8 text"):
        read_attributes(path, PEOPLE)


def test_a_missing_table_is_told(tmp_path):
    with pytest.raises(DataInvalid, match=r"none\.csv: No such file"):
        read_attributes(tmp_path / "none.csv", PEOPLE)


def test_categories_are_kept_and_sorted():
    values = {"1": "m", "2": "f", "3": "", "9": "x"}
    assert groups_of(values, ["1", "2", "2", "3", "4"]) == {
        "f": ["2"],
        "m": ["1"],
        NOT_GIVEN: ["3", "4"],
    }
    assert list(groups_of({"1": "10", "2": "9", "3": "2"}, "123")) == ["2", "9", "10"]


def test_many_numbers_are_cut_into_thirds_of_the_people_evaluated():
    values = {str(i): str(20 + i) for i in range(9)} | {"other": "99"}
    found = groups_of(values, [str(i) for i in range(9)])
    assert found == {
        "20 to 22": ["0", "1", "2"],
        "23 to 25": ["3", "4", "5"],
        "26 to 28": ["6", "7", "8"],
    }


def test_equal_numbers_stay_together():
    numbers = [1, 1, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7]
    found = groups_of({str(i): str(n) for i, n in enumerate(numbers)}, map(str, range(13)))
    assert [len(people) for people in found.values()] == [7, 2, 4]
    assert sum(found.values(), []) == [str(i) for i in range(13)]


def test_words_among_numbers_are_categories():
    values = {str(i): str(i) for i in range(8)} | {"8": "unknown"}
    assert len(groups_of(values, values)) == 9


def test_group_errors_are_those_of_its_people():
    clips = some_clips(n_people=12)
    people = sorted({c.subject for c in clips})
    sex = {p: "f" if i < 4 else "m" for i, p in enumerate(people[:-1])}
    (found,) = some_report(clips=clips, attributes={"sex": sex}).subgroups
    f, m, unknown = (group.errors for group in found.groups)
    rows = [c for c in clips if sex.get(c.subject) == "f"]
    bias = sum(c.estimate - c.score for c in rows) / len(rows)
    assert (found.attribute, f.n, f.people) == ("sex", len(rows), 4)
    assert f.bias.value == pytest.approx(bias)
    assert f.rmse.low is None  # fewer than five people
    assert m.rmse.low < m.rmse.value < m.rmse.high
    assert m.coverage.value is not None
    assert unknown.people == 1
