"""JSON files: the content is that of ``json.dumps``, and lists of numbers take one line."""

import json

import pytest
from pydantic import BaseModel

from depmap_cli.io.json_writer import json_file


class Bins(BaseModel):
    mean: list[float | None]
    name: str


def test_the_layout():
    content = {"mean": [0.5, None, 1e-7], "levels": [[1, 2], None], "reasons": ["", "no face"]}
    assert json_file(content) == (
        "{\n"
        '  "mean": [0.5, null, 1e-07],\n'
        '  "levels": [\n'
        "    [1, 2],\n"
        "    null\n"
        "  ],\n"
        '  "reasons": [\n'
        '    "",\n'
        '    "no face"\n'
        "  ]\n"
        "}\n"
    )


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        -1.5e-300,
        'line\nbreak, "quotes" and \\',
        {"a": {}, "b": [], "c": [[], {}], "d": {"e": [{"f": [True, False]}]}},
        [1, "two", [3, [4]], {"5": None}],
        (1, (2, 3)),
        {1: "a number as key"},
    ],
)
def test_the_content_is_that_of_json_dumps(content):
    assert json.loads(json_file(content)) == json.loads(json.dumps(content))


def test_names_are_utf_8_and_what_utf_8_cannot_encode_is_escaped():
    assert json_file({"name": "Köln"}).encode() == '{\n  "name": "Köln"\n}\n'.encode()
    broken = b"caf\xe9.mp4".decode("utf-8", "surrogateescape")
    assert json.loads(json_file([broken]).encode()) == [broken]


def test_a_model_is_written_as_pydantic_writes_it():
    bins = Bins(mean=[0.1, float("nan"), None], name="α")
    text = json_file(bins)
    assert json.loads(text) == json.loads(bins.model_dump_json())
    assert '"mean": [0.1, null, null],' in text
