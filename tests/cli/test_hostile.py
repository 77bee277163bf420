"""Malicious names and files: nothing is executed, nothing is written elsewhere, all is escaped."""

import csv
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names"),
]

ROOT = Path(__file__).parents[2]
GOOD = b"<script>alert(1)</script>.mp4"  # a folder and a video in it
NAMES = [
    b"new\nline.mp4",
    b"tab\tand\rreturn.mp4",
    b"quote\"'`.mp4",
    GOOD,
    b"$(touch pwned).mp4",
    b"; touch pwned #.mp4",
    b"-rf.mp4",
    b"=HYPERLINK(1).mp4",
    b"@SUM(1).mp4",
    b"a" * 251 + b".mp4",
    "\u00e9".encode() * 125 + b".mp4",
    b"\xff\xfe.mp4",
    b"\xff\xfd.mp4",
    b"..mp4",
    b" .mp4",
    b"\x1b[31mred\x1b]0;title\x07.mp4",
    "\u202egnp.mp4".encode(),
    b"{{ 7*7 }}{% raw %}.mp4",
    b"%s%n%d.mp4",
    b"[bold]markup[/].mp4",
]


def depmap(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "depmap_cli", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=300,
    )


def files_below(folder):
    found = set()
    for place, _, names in os.walk(os.fsencode(folder)):
        found |= {os.path.join(place, name) for name in names}
    return found


@pytest.fixture(scope="module")
def scored(tmp_path_factory, interview):
    """Parent of a folder of such names after `depmap score`, the process, and the files before."""
    home = tmp_path_factory.mktemp("secret_home")
    given = home / "in"
    given.mkdir()
    for name in NAMES:
        path = Path(os.fsdecode(os.path.join(os.fsencode(given), name)))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(interview.read_bytes() if name == GOOD else b"no video")
    outside = home / "outside.mp4"
    outside.write_text("no video")
    (given / "link.mp4").symlink_to(outside)
    (given / "broken.mp4").symlink_to(home / "nowhere")
    (given / "loop.mp4").symlink_to(given / "loop.mp4")
    (given / "itself").symlink_to(given)
    (given / "up").symlink_to(home)
    before = files_below(home)
    done = depmap("score", "in", "-r", "-o", "out", "--frames", "12", "--device", "cpu", cwd=home)
    return home, done, before


def test_all_videos_have_a_row_and_the_good_one_a_score(scored):
    home, done, _ = scored
    assert done.returncode == 3
    rows = list(csv.DictReader((home / "out" / "scores.csv").open(newline="", encoding="utf-8")))
    assert len(rows) == len(NAMES) + 1  # and link.mp4
    assert [row["status"] for row in rows].count("scored") == 1
    assert len({row["name"] for row in rows}) >= len(rows) - 1  # control characters look alike


def test_nothing_is_written_outside_the_results_folder(scored):
    home, _, before = scored
    written = files_below(home) - before
    assert written
    assert all(path.startswith(os.fsencode(home / "out") + b"/") for path in written)


def test_no_text_contains_code_or_terminal_escapes(scored):
    home, done, _ = scored
    said = (done.stdout + done.stderr).decode()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", said)
    assert "Traceback" not in said
    assert "[bold]markup[/]" in said
    for row in csv.reader((home / "out" / "scores.csv").open(newline="", encoding="utf-8")):
        assert not any(cell[:1] in ("=", "+", "-", "@") for cell in row)
    pages = list((home / "out").rglob("report.html"))
    assert len(pages) == len(NAMES) + 1
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<script" not in text.lower()
        assert "49" not in re.findall(r"<h1[^>]*>(.*?)</h1>", text, re.DOTALL)[0]


def test_names_in_errors_contain_no_terminal_escapes(tmp_path):
    (tmp_path / "ev\x1b[31mil\n").mkdir()
    done = depmap("score", "ev\x1b[31mil\n", cwd=tmp_path)
    assert done.returncode == 2
    assert "ev�[31mil�: no video in this folder" in done.stderr.decode()
    assert b"\x1b[31mil" not in done.stderr


def test_no_text_reveals_the_parent_folders(scored):
    home, done, _ = scored
    assert b"secret_home" not in done.stdout + done.stderr
    for path in files_below(home / "out"):
        assert b"secret_home" not in Path(os.fsdecode(path)).read_bytes(), path
    for path in (home / "out").rglob("score.json"):
        if ".depmap" not in path.parts:
            json.loads(path.read_text(encoding="utf-8"))


class Bomb:
    def __reduce__(self):
        return (os.system, ("touch pwned",))


@pytest.mark.parametrize("name", ["evil.safetensors", "evil.bin"])
def test_a_pickle_as_weights_is_not_run(tmp_path, name, interview):
    (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
    command = ("score", interview)
    option = "--weights" if name != "evil.bin" else "--semantic-weights"
    done = depmap(*command, option, name, cwd=tmp_path)
    assert done.returncode == 1
    assert [line[:6] for line in done.stderr.splitlines()].count(b"error:") == 1
    assert b"Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]
