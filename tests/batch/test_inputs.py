"""Which videos a command line names, and the exit code of a batch."""

import os
import sys

import pytest

from depmap_cli.batch.inputs import find_videos, select_part
from depmap_cli.batch.run import exit_code
from depmap_cli.errors import UsageProblem
from depmap_cli.results import Report, SourceVideo, Status


def make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def names(*given, recursive=False):
    return [item.name for item in find_videos(map(str, given), recursive)]


def test_videos_of_a_folder_are_sorted_and_named_by_relative_path(tmp_path):
    make(tmp_path, "b.MP4", "a.mov", "notes.txt", "deep/a.mov")
    assert names(tmp_path) == ["a.mov", "b.MP4"]
    assert names(tmp_path, recursive=True) == ["a.mov", "b.MP4", "deep/a.mov"]


@pytest.mark.parametrize("ending", ["MP4", "m2ts", "vob", "asf", "3g2", "mod", "mxf"])
def test_endings_of_cameras_are_videos(tmp_path, ending):
    (tmp_path / f"a.{ending}").write_bytes(b"")
    assert [v.name for v in find_videos([str(tmp_path)], recursive=False)] == [f"a.{ending}"]


def test_what_is_passed_over_in_a_folder_is_counted_and_told(tmp_path):
    for name in ("a.mp4", "b.txt", "c.TXT", "notes", ".hidden"):
        (tmp_path / name).write_bytes(b"")
    told = []
    find_videos([str(tmp_path), str(tmp_path / "a.mp4")], recursive=False, tell=told.append)
    (line,) = told
    assert line.endswith("files that are no videos are passed over (.txt: 2, notes: 1)")


def test_a_video_given_twice_is_scored_once(tmp_path):
    make(tmp_path, "a.mp4")
    assert names(tmp_path / "a.mp4", tmp_path) == ["a.mp4"]


def test_the_parent_of_a_link_is_the_parent_of_its_target(tmp_path, monkeypatch):
    make(tmp_path, "far/away/a.mp4", "far/v.mp4", "v.mp4")
    (tmp_path / "link").symlink_to(tmp_path / "far" / "away")
    monkeypatch.chdir(tmp_path)
    (found,) = find_videos(["link/../v.mp4"], recursive=False)
    assert found.path == tmp_path / "far" / "v.mp4"
    (found,) = find_videos(["link/a.mp4"], recursive=False)
    assert found.path == tmp_path / "link" / "a.mp4"


def test_names_never_lead_out_of_the_results_folder(tmp_path, monkeypatch):
    make(tmp_path, "a/v.mp4", "v.mp4", "b/v.mp4")
    monkeypatch.chdir(tmp_path / "a")
    assert names("v.mp4", "../v.mp4", "../a/v.mp4") == ["a/v.mp4", f"{tmp_path.name}/v.mp4"]
    assert names("../b", "../a/../b/v.mp4", ".") == ["b/v.mp4", "a/v.mp4"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_folder_without_permission_raises_nothing(tmp_path):
    make(tmp_path, "closed/v.mp4")
    (tmp_path / "closed").chmod(0)
    try:
        assert names(tmp_path / "closed" / "v.mp4") == ["v.mp4"]  # its report will say why it fails
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_a_path_that_is_too_long_is_kept_for_its_report():
    assert names("x" * 300 + ".mp4") == ["x" * 300 + ".mp4"]


def test_clashing_names_get_as_many_parent_folders_as_needed(tmp_path):
    make(tmp_path, "1/x/v.mp4", "2/x/v.mp4", "2/y/v.mp4", "w.mp4")
    paths = [tmp_path / n for n in ("1/x/v.mp4", "2/x/v.mp4", "2/y/v.mp4", "w.mp4")]
    assert names(*paths) == ["1/x/v.mp4", "2/x/v.mp4", "y/v.mp4", "w.mp4"]


def test_a_missing_file_is_kept_for_its_report(tmp_path):
    assert names(tmp_path / "none.mp4") == ["none.mp4"]


def test_a_file_whose_name_looks_like_a_pattern(tmp_path):
    make(tmp_path, "v[1].mp4")
    assert names(tmp_path / "v[1].mp4") == ["v[1].mp4"]


def test_nothing_found_is_a_usage_problem(tmp_path):
    make(tmp_path, "deep/a.mp4")
    with pytest.raises(UsageProblem, match="no video"):
        names(tmp_path)
    with pytest.raises(UsageProblem, match="no file matches"):
        names(str(tmp_path / "*.avi"))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_not_utf8_stay_distinct(tmp_path):
    for byte in (b"\xff", b"\xfe"):
        (tmp_path / os.fsdecode(b"v" + byte + b".mp4")).write_bytes(b"x")
    found = names(tmp_path)
    assert len(set(found)) == 2
    assert [name.encode().decode() for name in found] == found


def test_no_video_takes_a_reserved_name(tmp_path):
    make(tmp_path, "scores.csv")
    assert names(tmp_path / "scores.csv") == ["scores.csv~2"]


def test_parts_divide_all_videos(tmp_path):
    make(tmp_path, *(f"{n}.mp4" for n in range(7)))
    items = find_videos([str(tmp_path)], recursive=False)
    parts = [select_part(items, f"{i}/3") for i in (1, 2, 3)]
    assert [len(part) for part in parts] == [3, 2, 2]
    assert sorted((i for part in parts for i in part), key=items.index) == items
    assert select_part(items, None) == items
    assert select_part(items, "9/9") == []


@pytest.mark.parametrize("part", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3", "1/3/5", ""])
def test_a_part_is_i_of_n(part):
    with pytest.raises(UsageProblem, match="i/n"):
        select_part([], part)


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ([], 0),
        (["scored"], 0),
        (["scored", "scored"], 0),
        (["scored", "failed"], 3),
        (["scored", "refused"], 3),
        (["refused"], 4),
        (["refused", "failed"], 4),
        (["failed"], 1),
        (["failed", "failed"], 1),
    ],
)
def test_exit_codes(statuses, code):
    reports = [
        Report(depmap_version="0", source=SourceVideo(name="v"), status=Status(status))
        for status in statuses
    ]
    assert exit_code(reports) == code
