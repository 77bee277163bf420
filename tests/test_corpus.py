"""Corpora as they lie on disk: layouts, labels, splits, and errors that name file and line."""

import pytest

from depmap_cli.data.corpus import find_recordings, of_split
from depmap_cli.errors import DataInvalid


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def label(root, name, text):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_avec2014(tmp_path):
    touch(
        tmp_path,
        "Training/Freeform/203_1_Freeform_video.mp4",
        "Training/Northwind/203_1_Northwind_video.mp4",
        "Development/Freeform/310_2_Freeform_video.mp4",
    )
    label(tmp_path, "Training/DepressionLabels/203_1_Depression.csv", "7\n")
    label(tmp_path, "Development/DepressionLabels/310_2_Depression.csv", "\ufeff41")
    found = find_recordings(tmp_path)
    assert [(r.split, r.subject, r.session, r.task, r.score) for r in found] == [
        ("Development", "310", "2", "Freeform", 41),
        ("Training", "203", "1", "Freeform", 7),
        ("Training", "203", "1", "Northwind", 7),
    ]


@pytest.mark.parametrize(
    ("video", "labels"),
    [
        (
            "AVEC2014_AudioVisual/Video/Testing/Freeform/1_1_Freeform_video.mp4",
            "AVEC2014_Labels_Testset/Testing/DepressionLabels/1_1_Depression.csv",
        ),
        (
            "Testing/1_1_cut_combined.mp4",
            "Final_Labels/Testing_DepressionLabels/1_1_Depression.csv",
        ),
        ("Testing/1_1_cut_combined.mp4", "Label/Testing/DepressionLabels/1_1_Depression.csv"),
        (
            "Testing_AudioVisual/Testing/1_1_cut_combined.mp4",
            "Testing_DepressionLabels/1_1_Depression.csv",
        ),
    ],
)
def test_other_layouts(tmp_path, video, labels):
    touch(tmp_path, video)
    label(tmp_path, labels, "20")
    (found,) = find_recordings(tmp_path)
    assert (found.split, found.score) == ("Testing", 20)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("64", "outside 0 to 63"),
        ("-1", "outside"),
        ("high", "is not a score"),
        ("", "is not a score"),
    ],
)
def test_bad_labels_name_file_and_line(tmp_path, text, words):
    touch(tmp_path, "Training/1_1_a.mp4")
    label(tmp_path, "Training/1_1_Depression.csv", text)
    with pytest.raises(DataInvalid, match=words) as caught:
        find_recordings(tmp_path)
    assert "1_1_Depression.csv, line 1" in str(caught.value)


def test_a_video_without_label_is_named(tmp_path):
    touch(tmp_path, "Training/1_1_a.mp4")
    label(tmp_path, "Development/1_1_Depression.csv", "3")  # another split's label does not serve
    with pytest.raises(DataInvalid, match="1_1_a.mp4: no label"):
        find_recordings(tmp_path)


def test_manifest(tmp_path):
    touch(tmp_path, "videos/x.mp4", "videos/y.mp4")
    header = "path,subject,session,task,split,score\n"
    label(
        tmp_path,
        "m.csv",
        header + "videos/x.mp4,p1,1,talk,training,12\nvideos/y.mp4,p2,1,,Testing,0\n",
    )
    found = find_recordings(tmp_path / "m.csv")
    assert [(r.split, r.subject, r.score) for r in found] == [
        ("Testing", "p2", 0),
        ("Training", "p1", 12),
    ]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("none.mp4,p,1,t,Training,3", "line 2: no such video"),
        ("x.mp4,p,1,t,Holdout,3", "line 2: unknown split"),
        ("x.mp4,p,1,t,Training,99", "line 2: score 99"),
        ("x.mp4,p,1,t,Training,3\nx.mp4,p,1,t,Testing,3", "is in"),
    ],
)
def test_bad_manifest_rows(tmp_path, row, words):
    touch(tmp_path, "x.mp4")
    label(tmp_path, "m.csv", "path,subject,session,task,split,score\n" + row + "\n")
    with pytest.raises(DataInvalid, match=words):
        find_recordings(tmp_path / "m.csv")


def test_manifest_without_columns(tmp_path):
    label(tmp_path, "m.csv", "path,label\nx.mp4,3\n")
    with pytest.raises(DataInvalid, match="no column subject"):
        find_recordings(tmp_path / "m.csv")


def test_empty_folder_and_empty_split(tmp_path):
    with pytest.raises(DataInvalid, match="no labelled video"):
        find_recordings(tmp_path)
    with pytest.raises(DataInvalid, match="Testing split is empty"):
        of_split([], "Testing")
