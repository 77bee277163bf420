"""Corpora as they lie on disk: every layout is found, and every error names file and line."""

import re
from contextlib import chdir
from pathlib import Path

import pytest

from depmap_cli.config import FaceConfig
from depmap_cli.data.corpus import of_split, read_corpus
from depmap_cli.data.labelled_video import LabelledVideo, split_named
from depmap_cli.errors import DataInvalid
from depmap_cli.workflows.labelled_data import LabelledData
from tests.support.videos import write_video

COLUMNS = "path,subject,session,task,split,score"


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def write(root, name, content):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def summary(videos):
    return [(r.split, r.subject, r.session, r.task, r.score) for r in videos]


def refusal(data):
    """The error of reading ``data``, given relative to its parent: one line, with a hint.

    Paths are those that the user gave, so nothing above ``data`` appears.
    """
    with chdir(data.parent), pytest.raises(DataInvalid) as caught:
        read_corpus(Path(data.name))
    error = caught.value
    assert error.hint
    for text in (error.message, error.hint):
        assert "\n" not in text
        assert str(data.parent) not in text
    return error.message


# AVEC's folders


def test_avec2014(tmp_path):
    touch(
        tmp_path,
        "Training/Freeform/203_1_Freeform_video.mp4",
        "Training/Northwind/203_1_Northwind_video.mp4",
        "Development/Freeform/310_2_Freeform_video.mp4",
    )
    write(tmp_path, "Training/DepressionLabels/203_1_Depression.csv", "7\n")
    write(tmp_path, "Development/DepressionLabels/310_2_Depression.csv", "\ufeff41")
    assert summary(read_corpus(tmp_path).videos) == [
        ("Development", "310", "2", "Freeform", 41),
        ("Training", "203", "1", "Freeform", 7),
        ("Training", "203", "1", "Northwind", 7),
    ]


VIDEOS = [
    ("{}/Freeform/1_1_Freeform_video.mp4", "Freeform"),
    ("{}/Northwind/1_1.mp4", "Northwind"),
    ("AVEC2014_AudioVisual/Video/{}/Freeform/1_1_Freeform_video.MP4", "Freeform"),
    ("{0}_AudioVisual/{0}/1_1_cut_combined.mp4", ""),
    ("{}/1_1_cut_combined.avi", ""),
]
LABELS = [
    "{}/DepressionLabels/1_1_Depression.csv",
    "{}_DepressionLabels/1_1_Depression.csv",
    "Final_Labels/{}_DepressionLabels/1_1_Depression.csv",
    "AVEC2014_Labels_Testset/{}/DepressionLabels/1_1_Depression.csv",
    "Label/{}/DepressionLabels/1_1_DEPRESSION.CSV",
]


@pytest.mark.parametrize("split", ["Training", "Development", "Testing"])
@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize(("video", "task"), VIDEOS)
def test_every_layout_of_folders(tmp_path, video, task, label, split):
    touch(tmp_path, video.format(split))
    write(tmp_path, label.format(split), "20")
    assert summary(read_corpus(tmp_path).videos) == [(split, "1", "1", task, 20)]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("Training", "Training"),
        ("TrainingSet", "Training"),
        ("train_2014", "Training"),
        ("DEV", "Development"),
        ("val", "Development"),
        ("development-labels", "Development"),
        ("AVEC2014_Labels_Testset", "Testing"),
        ("Testing_AudioVisual", "Testing"),
        ("train_dev", None),
        ("retrained", None),
        ("contest", None),
        ("devices", None),
    ],
)
def test_names_that_tell_a_split(name, split):
    assert split_named(name) == split


def test_linked_folders_are_followed_and_loops_are_not(tmp_path):
    touch(tmp_path, "elsewhere/Freeform/1_1_Freeform_video.mp4")
    data = tmp_path / "data"
    data.mkdir()
    (data / "Training").symlink_to(tmp_path / "elsewhere")
    (data / "Training" / "loop").symlink_to(data)
    write(data, "Training/1_1_Depression.csv", "3")
    assert summary(read_corpus(data).videos) == [("Training", "1", "1", "Freeform", 3)]


def test_leftovers_of_other_systems_are_no_videos(tmp_path):
    touch(tmp_path, "Training/1_1_a.mp4", "Training/._1_1_a.mp4", "Training/.cache/2_1_b.mp4")
    write(tmp_path, "Training/1_1_Depression.csv", "3")
    assert read_corpus(tmp_path).notes == []


@pytest.mark.parametrize("content", ["7", " 7 \r\n", "\ufeff7\n\n", '"7"', "7,", "7.0"])
def test_labels_as_spreadsheets_write_them(tmp_path, content):
    touch(tmp_path, "Training/1_1_a.mp4")
    write(tmp_path, "Training/1_1_Depression.csv", content)
    assert read_corpus(tmp_path).videos[0].score == 7


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("64", "line 1: score 64 is outside 0 to 63"),
        ("-1", "line 1: score -1 is outside"),
        ("high", "line 1: 'high' is not a score"),
        ("7.5", "line 1: '7.5' is not a score"),
        ("1e1", "line 1: '1e1' is not a score"),
        ("nan", "line 1: 'nan' is not a score"),
        ("9" * 5000, "is not a score"),
        ("", "line 1: no score"),
        ("7\n\n8\n", "line 3: expected one score, found a second value"),
        (b"\xff\xfe7\x00", "line 1: not UTF-8"),
    ],
)
def test_bad_labels_name_file_and_line(tmp_path, content, words):
    touch(tmp_path, "Training/1_1_a.mp4")
    write(tmp_path, "Training/1_1_Depression.csv", content)
    message = refusal(tmp_path)
    assert message.startswith("Training/1_1_Depression.csv, line ")
    assert words in message


def test_a_video_without_label_is_named(tmp_path):
    touch(tmp_path, "Training/1_1_a.mp4")
    write(tmp_path, "Development/1_1_Depression.csv", "3")  # another split's label does not serve
    assert refusal(tmp_path) == "Training/1_1_a.mp4: no label"


def test_a_label_without_video_is_named(tmp_path):
    touch(tmp_path, "Training/1_1_a.mp4")
    write(tmp_path, "Training/1_1_Depression.csv", "3")
    write(tmp_path, "Training/2_1_Depression.csv", "4")
    assert refusal(tmp_path) == "Training/2_1_Depression.csv: no video 2_1 in Training"


def test_label_folders_that_disagree_are_both_named(tmp_path):
    touch(tmp_path, "Training/1_1_a.mp4")
    write(tmp_path, "Label/Training/1_1_Depression.csv", "3")
    write(tmp_path, "Training_DepressionLabels/1_1_Depression.csv", "3")
    assert len(read_corpus(tmp_path).videos) == 1
    write(tmp_path, "Training_DepressionLabels/1_1_Depression.csv", "4")
    assert refusal(tmp_path) == (
        "Training_DepressionLabels/1_1_Depression.csv: 1_1 in Training has score 4, "
        "but 3 in Label/Training/1_1_Depression.csv"
    )


def test_splits_that_organisers_keep_back_are_left_out_and_told(tmp_path):
    touch(tmp_path, "Training/1_1_a.mp4", "Testing/3_1_a.mp4", "Testing/3_2_a.mp4")
    write(tmp_path, "Training/1_1_Depression.csv", "3")
    write(tmp_path, "Development/2_1_Depression.csv", "4")
    corpus = read_corpus(tmp_path)
    assert summary(corpus.videos) == [("Training", "1", "1", "", 3)]
    assert corpus.notes == [
        "Testing: no labels, 2 videos left out",
        "Development: no videos, 1 label left out",
    ]
    write(tmp_path, "Testing/3_1_Depression.csv", "5")  # now some are there, so all must be
    assert refusal(tmp_path) == "Testing/3_2_a.mp4: no label"


def test_testing_alone_needs_its_labels(tmp_path):
    touch(tmp_path, "Testing/3_1_a.mp4")
    assert refusal(tmp_path) == "Testing/3_1_a.mp4: no label"


def test_videos_that_tell_nothing_are_told(tmp_path):
    touch(tmp_path, "Training/1_1_a.mp4", "Training/intro.mp4", "extra/2_1_b.mp4")
    write(tmp_path, "Training/1_1_Depression.csv", "3")
    (note,) = read_corpus(tmp_path).notes
    assert note.startswith("2 videos left out")
    assert "Training/intro.mp4" in note


def test_labels_in_folders_that_tell_no_split_are_told(tmp_path):
    touch(tmp_path, "Training/1_1_a.mp4")
    write(tmp_path, "labels/1_1_Depression.csv", "3")
    with pytest.raises(
        DataInvalid, match=r"1_1_a\.mp4: no label .*there is one in a folder that names"
    ):
        read_corpus(tmp_path)
    write(tmp_path, "Training/1_1_Depression.csv", "3")
    assert read_corpus(tmp_path).notes == [
        "1 label left out, no folder names the split: labels/1_1_Depression.csv ..."
    ]


def test_a_video_in_several_files_is_told(tmp_path):
    touch(tmp_path, "Training/Freeform/1_1_a.mp4", "Training/Northwind/1_1_a.mp4")
    write(tmp_path, "Training/1_1_Depression.csv", "3")
    assert read_corpus(tmp_path).notes == []
    touch(tmp_path, "copy/Training/Freeform/1_1_a.avi")
    assert read_corpus(tmp_path).notes == [
        "1 video in several files, each used as a separate video: Training/Freeform/1_1_a.mp4, "
        "copy/Training/Freeform/1_1_a.avi"
    ]


def test_empty_and_missing_videos(tmp_path):
    write(tmp_path, "Training/1_1_Depression.csv", "3")
    (tmp_path / "Training/1_1_a.mp4").write_bytes(b"")
    assert refusal(tmp_path) == "Training/1_1_a.mp4: the file is empty"
    (tmp_path / "Training/1_1_a.mp4").unlink()
    (tmp_path / "Training/1_1_a.mp4").symlink_to(tmp_path / "gone.mp4")
    assert refusal(tmp_path) == "Training/1_1_a.mp4: the link is broken"


def test_one_file_linked_into_two_splits(tmp_path):
    touch(tmp_path, "Training/1_1_a.mp4")
    (tmp_path / "Testing").mkdir()
    (tmp_path / "Testing/1_1_a.mp4").symlink_to(tmp_path / "Training/1_1_a.mp4")
    write(tmp_path, "Training/1_1_Depression.csv", "3")
    write(tmp_path, "Testing/1_1_Depression.csv", "3")
    assert "1_1_a.mp4 has split 'Training', but 'Testing' in Testing/1_1_Dep" in refusal(tmp_path)


def test_names_cannot_break_the_line(tmp_path):
    touch(tmp_path, "Training/1_1_a\n\x1b[31mb.mp4")
    assert refusal(tmp_path) == "Training/1_1_a��[31mb.mp4: no label"


def test_nothing_to_find(tmp_path, monkeypatch):
    assert "no labelled video" in refusal(tmp_path)
    assert refusal(tmp_path / "none") == "none: no such folder or list"
    touch(tmp_path, "a.mp4")
    assert refusal(tmp_path / "a.mp4") == "a.mp4: a video, not a corpus"
    with pytest.raises(DataInvalid, match=re.escape("1 video left out")):
        read_corpus(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataInvalid, match=r"^\.: no labelled video"):
        read_corpus(type(tmp_path)("."))


def test_labels_alone(tmp_path):
    write(tmp_path, "Training/1_1_Depression.csv", "3")
    with pytest.raises(DataInvalid, match="Training: no videos, 1 label left out"):
        read_corpus(tmp_path)


def test_an_empty_split():
    with pytest.raises(DataInvalid, match="Testing split is empty"):
        of_split([], "Testing")


# Lists of path and label


@pytest.mark.parametrize(
    "content",
    [
        "{a},3\n{b},12\n",
        "path,label\n{a},3\n{b},12\n",
        "\ufeffvideo,BDI\r\n{a},3\r\n\r\n{b},12\r\n,\r\n",
        '"path","label"\n"{a}", "3"\n\n"{b}","12"',
        "path;label\n{a};3\n{b};12.0\n",
        "{a}\t3\n{b}\t12",
        "path,label\r{a},3\r{b},12\r",
        "path,label,\n{a},3,,\n{b},12,\n",
        "\nwhere it lies,BDI-II total\n{a},3\n{b},12\n",
    ],
)
@pytest.mark.parametrize("slash", ["/", "\\"])
def test_a_list_however_it_is_written(tmp_path, content, slash):
    a, b = "clips one/203_1_Freeform_video.MP4", "clips one/204_2, last.mov"
    touch(tmp_path, a, b)
    written = [path.replace("/", slash) for path in (a, b)]
    if '"' not in content and ";" not in content and "\t" not in content:
        written[1] = f'"{written[1]}"'
    write(tmp_path, "train.csv", content.format(a=written[0], b=written[1]))
    for data in (tmp_path, tmp_path / "train.csv"):
        assert summary(read_corpus(data).videos) == [
            ("Training", "203", "1", "Freeform", 3),
            ("Training", "204", "2, last", "", 12),
        ]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.csv", "Training"),
        ("TRAINING.CSV", "Training"),
        ("dev.csv", "Development"),
        ("val.csv", "Development"),
        ("development.csv", "Development"),
        ("avec14_test_labels.csv", "Testing"),
        ("lists/testing.csv", "Testing"),
    ],
)
def test_the_name_of_a_list_tells_the_split(tmp_path, name, split):
    touch(tmp_path, "Training/203_1_a.mp4")
    write(tmp_path, name, "Training/203_1_a.mp4,3\n")  # the lab's split, not that of the folder
    assert summary(read_corpus(tmp_path).videos) == [(split, "203", "1", "", 3)]


def test_paths_tell_the_split_where_the_name_does_not(tmp_path):
    videos = ["Training/1_1.mp4", "Development/2_1.mp4", "x/Testing/Freeform/3_1.mp4"]
    touch(tmp_path, *videos)
    write(tmp_path, "all.csv", "path,label\n" + "".join(f"{v},5\n" for v in videos))
    for data in (tmp_path, tmp_path / "all.csv"):
        assert [r.split for r in read_corpus(data).videos] == [
            "Development",
            "Testing",
            "Training",
        ]


def test_a_list_in_the_folder_of_a_split(tmp_path):
    touch(tmp_path, "Training/clips/1_1.mp4", "videos/2_1.mp4")
    write(tmp_path, "Training/labels.csv", "path,label\nclips/1_1.mp4,5\nvideos/2_1.mp4,6\n")
    assert [r.split for r in read_corpus(tmp_path).videos] == ["Training", "Training"]


def test_a_list_that_tells_no_split(tmp_path):
    touch(tmp_path, "1_1.mp4")
    write(tmp_path, "all.csv", "path,label\n1_1.mp4,5\n")
    assert refusal(tmp_path / "all.csv") == "all.csv, line 2: the split is unknown"


def test_absolute_paths(tmp_path):
    data, away = tmp_path / "data", tmp_path / "away"
    touch(data, "in/1_1.mp4")
    touch(away, "2_1.mp4")
    write(data, "dev.csv", f"{data}/in/1_1.mp4,5\n{away}/2_1.mp4,6\n")
    assert [r.path for r in read_corpus(data).videos] == [data / "in/1_1.mp4", away / "2_1.mp4"]
    write(data, "dev.csv", f"{data}/in/9_1.mp4,5\n")
    assert refusal(data) == "dev.csv, line 1: no such video: in/9_1.mp4"
    for path in (f"{away}/9_1.mp4", "../away/9_1.mp4", "C:\\Users\\someone\\9_1.mp4"):
        write(data, "dev.csv", f"{path},5\n")
        assert refusal(data) == "dev.csv, line 1: no such video: 9_1.mp4"


def test_the_folder_a_user_works_in_names_no_split(tmp_path):
    data = tmp_path / "testing" / "data"
    touch(data, "1_1.mp4")
    write(data, "all.csv", f"path,label\n{data}/1_1.mp4,5\n")
    assert "the split is unknown" in refusal(data)


def test_people_in_lists(tmp_path):
    people = {"203_1_x": ("203", "1"), "p03_visit2_x": ("p03", "visit2"), "interview_7": None}
    touch(tmp_path, *(f"{stem}.mp4" for stem in people))
    write(tmp_path, "train.csv", "".join(f"{stem}.mp4,4\n" for stem in people))
    corpus = read_corpus(tmp_path)
    found = {r.path.stem: (r.subject, r.session) for r in corpus.videos}
    assert found == people | {"interview_7": ("interview_7", "1")}
    (note,) = corpus.notes
    assert "people are guessed from file names" in note
    with pytest.raises(DataInvalid, match="--folds 3: people are guessed from file names") as told:
        LabelledData(data=tmp_path, fold=(0, 3)).read()
    assert "column subject" in told.value.hint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("1_1.mp4,3\n\n1_2.mp4,64\n", "line 3: score 64 is outside"),
        ("path,label\n1_1.mp4,\n", "line 2: no score"),
        ("1_1.mp4\n1_2.mp4,3\n", "line 1: no score"),
        ("1_1.mp4,high\n", "line 1: 'high' is not a score"),
        ("1_1.mp4,3.5\n", "line 1: '3.5' is not a score"),
        ("1_1.mp4,3\n9_9.mp4,3\n", "line 2: no such video: 9_9.mp4"),
        ("path,label\n,3\n", "line 2: no path"),
        ("path,label\na,b.mp4,3\n", "line 2: 3 values, but path,label has 2"),
        ("1_1.mp4,3\n1_1.mp4,4\n", "line 2: 1_1.mp4 has score 4, but 3 in train.csv, line 1"),
        ("1_1.mp4,3\nsub/1_1.mp4,4\n", "line 2: score 4 for session '1' of person '1', but 3 in"),
        ("path,label\n", "line 1: the table has only a header"),
        ("void.mp4,3\n", "line 1: void.mp4: the file is empty"),
        ('path,label\n"1_1.mp4,3\n1_2.mp4,4\n', "line 2: unexpected end of data"),
        ("path,label\nM\xfcller.mp4,3\n".encode("latin-1"), "line 2: not UTF-8"),
        ("path,label\n1_1.mp4,3\n".encode("utf-16"), "line 1: not UTF-8"),
        ("x" * 300 + ".mp4,3\n", "line 1: no such video"),
        ('path,label\n"1_1\n.mp4",3\n', "line 2: no such video: 1_1�.mp4"),
    ],
)
def test_bad_lists_name_file_and_line(tmp_path, content, words):
    touch(tmp_path, "1_1.mp4", "1_2.mp4", "sub/1_1.mp4")
    (tmp_path / "void.mp4").write_bytes(b"")
    write(tmp_path, "train.csv", content)
    for data in (tmp_path / "train.csv", tmp_path):
        message = refusal(data)
        assert message.startswith("train.csv, line ")
        assert words in message


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_list(tmp_path, content):
    write(tmp_path, "train.csv", content)
    assert refusal(tmp_path) == "train.csv: the file is empty"


@pytest.mark.parametrize("name", ["train.csv", "manifest.csv", "Manifest_2014.CSV"])
def test_a_list_that_cannot_be_read_is_not_overlooked(tmp_path, name):
    (tmp_path / name).symlink_to(tmp_path / "gone.csv")
    assert refusal(tmp_path) == f"{name}: No such file or directory"
    (tmp_path / name).unlink()
    write(tmp_path, name, "")
    assert refusal(tmp_path) == f"{name}: the file is empty"


def test_a_file_in_two_lists(tmp_path):
    touch(tmp_path, "1_1.mp4")
    write(tmp_path, "train.csv", "1_1.mp4,3\n")
    write(tmp_path, "training_again.csv", "path,label\n1_1.mp4,3\n")
    assert len(read_corpus(tmp_path).videos) == 1
    write(tmp_path, "val.csv", "1_1.mp4,3\n")
    assert refusal(tmp_path) == (
        "val.csv, line 1: 1_1.mp4 has split 'Development', but 'Training' in train.csv, line 1"
    )


def test_other_tables_are_no_lists(tmp_path):
    touch(tmp_path, "1_1.mp4")
    write(tmp_path, "dev.csv", "1_1.mp4,3\n")
    write(tmp_path, "train_openface.csv", "frame,timestamp,confidence,AU01_r\n1,0.0,0.98,0.3\n")
    write(tmp_path, "people.csv", "name,age\nNN,30\n")
    write(tmp_path, "notes.csv", b"\xff\xfe\x00")
    write(tmp_path, "ground_truth/deep/er/x.csv", "path,label\nnone.mp4,3\n")
    assert len(read_corpus(tmp_path).videos) == 1


@pytest.mark.parametrize("place", ["depmap-run", "runs/seed-3407"])
def test_what_training_wrote_below_the_data_is_no_data(tmp_path, place):
    touch(tmp_path, "1_1.mp4", "clips/2_1.mp4", f"{place}/kept.mp4")
    write(tmp_path, "dev.csv", "1_1.mp4,3\n")
    write(tmp_path, "clips/train.csv", "2_1.mp4,4\n")
    write(tmp_path, "clips/run.json", "{}")  # somebody else's
    write(tmp_path, f"{place}/development.csv", "video,subject,session,task,score,estimate\n")
    write(tmp_path, f"{place}/config.yaml", "")
    write(tmp_path, f"{place}/run.json", "{}")
    assert summary(read_corpus(tmp_path).videos) == [
        ("Development", "1", "1", "", 3),
        ("Training", "2", "1", "", 4),
    ]


# Lists beside label files


def test_a_list_speaks_for_its_split_and_label_files_for_the_others(tmp_path):
    touch(tmp_path, "Training/1_1_Freeform.mp4", "Training/1_1_Northwind.mp4", "Testing/2_1_a.mp4")
    write(tmp_path, "Training/1_1_Depression.csv", "3")
    write(tmp_path, "test.csv", "Testing/2_1_a.mp4,9\n")
    assert [r.score for r in read_corpus(tmp_path).videos] == [9, 3, 3]
    write(tmp_path, "train.csv", "Training/1_1_Freeform.mp4,3\n")
    corpus = read_corpus(tmp_path)
    assert [r.task for r in corpus.videos] == ["", "Freeform"]
    assert corpus.notes == ["1 video left out, not in any list: Training/1_1_Northwind.mp4 ..."]


def test_a_list_that_disagrees_with_a_label_file(tmp_path):
    touch(tmp_path, "Training/1_1_a.mp4")
    write(tmp_path, "Label/Training/1_1_Depression.csv", "3")
    write(tmp_path, "dev.csv", "Training/1_1_a.mp4,4\n")
    assert refusal(tmp_path) == (
        "dev.csv, line 1: 1_1 in Training has score 4, but 3 in Label/Training/1_1_Depression.csv"
    )


# Manifests


def test_manifest(tmp_path):
    touch(tmp_path, "videos/x.mp4", "videos/y.mp4")
    rows = "videos/x.mp4,p1,1,talk,training,12\nvideos/y.mp4,p2,1,,Testing,0\n"
    write(tmp_path, "m.csv", f"{COLUMNS}\n{rows}")
    write(tmp_path, "folder/training_and_testing.csv", f"{COLUMNS}\n{rows}")  # says the same
    for data in (tmp_path / "m.csv", tmp_path):
        assert read_corpus(data).videos == [
            LabelledVideo(
                split="Testing",
                subject="p2",
                session="1",
                task="",
                path=tmp_path / "videos/y.mp4",
                score=0,
            ),
            LabelledVideo(
                split="Training",
                subject="p1",
                session="1",
                task="talk",
                path=tmp_path / "videos/x.mp4",
                score=12,
            ),
        ]
        assert read_corpus(data).notes == []


def test_a_manifest_from_a_spreadsheet(tmp_path):
    touch(tmp_path, "a b/x.mp4", "y.mp4")
    rows = 'Score; Split;subject;session;task;PATH;fps\r\n12;dev;p1;;;"a b\\x.mp4";29.97\r\n'
    write(tmp_path, "m.csv", f"\ufeff{rows};;;;;;\r\n3;test;p2;;;y.mp4\r\n")
    dev, test = read_corpus(tmp_path / "m.csv").videos
    assert (dev.split, dev.subject, dev.score, dev.fps) == ("Development", "p1", 12, 29.97)
    assert (test.split, test.fps) == ("Testing", None)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("none.mp4,p,1,t,Training,3", "line 2: no such video: none.mp4"),
        ("x.mp4,p,1,t,Training,3\n\nnone.mp4,p,2,t,Testing,3", "line 4: no such video"),
        ("x.mp4,p,1,t,Holdout,3", "line 2: unknown split 'Holdout'"),
        ("x.mp4,p,1,t,,3", "line 2: unknown split ''"),
        ("x.mp4,,1,t,Training,3", "line 2: no subject"),
        ("x.mp4,p,1,t,Training,99", "line 2: score 99"),
        ("x.mp4,p,1,t,Training", "line 2: no score"),
        ("x.mp4,p,1,t,Training,3,0", "line 2: fps '0' is not a frame rate"),
        ("x.mp4,p,1,t,Training,3,-5", "line 2: fps '-5'"),
        ("x.mp4,p,1,t,Training,3,nan", "line 2: fps 'nan'"),
        ("x.mp4,p,1,t,Training,3,inf", "line 2: fps 'inf'"),
        ("x.mp4,p,1,t,Training,3,fast", "line 2: fps 'fast'"),
        ("x.mp4,p,1,t,Training,3,90000", "line 2: fps '90000'"),
        ("x.mp4,p,1,t,Training,3,25,x", "line 2: 8 values for 7 columns"),
        (
            "x.mp4,p,1,t,Training,3\nx.mp4,p,1,t,Testing,3",
            "line 3: x.mp4 has split 'Testing', but 'Training' in m.csv, line 2",
        ),
        (
            "x.mp4,p,1,t,Training,3\nx.mp4,q,1,t,Training,3",
            "line 3: x.mp4 has subject 'q', but 'p' in m.csv, line 2",
        ),
        ("x.mp4,p,1,t,Training,3\nx.mp4,p,1,t,Training,3,25", "line 3: x.mp4 has fps 25.0, but"),
        (
            "x.mp4,p,1,t,Training,3\ny.mp4,p,1,u,Training,4",
            "line 3: score 4 for session '1' of person 'p', but 3 in m.csv, line 2",
        ),
    ],
)
def test_bad_manifest_rows(tmp_path, rows, words):
    touch(tmp_path, "x.mp4", "y.mp4")
    write(tmp_path, "m.csv", f"{COLUMNS},fps\n{rows}\n")
    message = refusal(tmp_path / "m.csv")
    assert message.startswith("m.csv, line ")
    assert words in message


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("path,subject,score", "session, task, split"),
        ("a,b,c,d,e,f", ", ".join(COLUMNS.split(","))),
    ],
)
def test_manifest_without_columns(tmp_path, header, missing):
    write(tmp_path, "m.csv", f"{header}\nx.mp4,p,3\n")
    assert refusal(tmp_path / "m.csv") == f"m.csv, line 1: no column {missing}"


@pytest.mark.parametrize("name", ["score", "fps"])
def test_a_column_that_is_there_twice(tmp_path, name):
    write(tmp_path, "m.csv", f"{COLUMNS},fps,{name.upper()}\nx.mp4,p,1,t,Training,3,25,4\n")
    assert refusal(tmp_path / "m.csv") == f"m.csv, line 1: 2 columns {name}"


def test_a_third_column_is_not_overlooked(tmp_path):
    write(tmp_path, "train.csv", "path,label,age\nx.mp4,3,40\n")
    assert "line 1: no column subject" in refusal(tmp_path)


def test_an_entry_without_a_face_is_refused_by_name(tmp_path):
    from depmap_cli.data.prepared_faces import write_entry

    with pytest.raises(DataInvalid, match="a.mp4: no face found"):
        write_entry(tmp_path, "a.mp4", [], 1.0)
    assert not list(tmp_path.iterdir())


# Videos that cannot be read


def undecodable(path, face_frames):
    """A video whose header is whole and whose pictures are not."""
    write_video(path, face_frames[:3])
    content = path.read_bytes()
    start = content.index(b"mdat") + 4
    end = content.index(b"moov")
    assert start < end
    path.write_bytes(content[:start] + b"\0" * (end - 4 - start) + content[end - 4 :])


@pytest.mark.parametrize(
    ("table", "place"),
    [
        (None, "Training/Freeform/1_1.mp4"),
        ("x/train.csv", "x/train.csv, line 2: Training/Freeform/1_1.mp4"),
        ("all.csv", "all.csv, line 3: Training/Freeform/1_1.mp4"),
    ],
)
def test_an_unreadable_video_is_named_with_folder_and_line(tmp_path, table, place):
    video = "Training/Freeform/1_1.mp4"
    touch(tmp_path, video)
    write(tmp_path, "Training/1_1_Depression.csv", "3")
    if table == "all.csv":
        write(tmp_path, table, f"{COLUMNS}\n\n{video},1,1,Freeform,Training,3\n")
    elif table:
        write(tmp_path, table, f"path,label\n{video},3\n")
    source = LabelledData(data=tmp_path)
    with pytest.raises(DataInvalid) as caught:
        source.check_videos(source.read()[0])
    assert caught.value.message == f"{place}: not a video that FFmpeg can read"


@pytest.mark.slow
def test_faces_cannot_be_prepared_of_an_unreadable_video_and_it_is_named_alike(tmp_path):
    touch(tmp_path, "clips/1_1.mp4")
    write(tmp_path, "train.csv", "clips/1_1.mp4,3\n")
    source = LabelledData(data=tmp_path, cache=tmp_path / ".cache", jobs=1)
    with pytest.raises(DataInvalid, match="^train.csv, line 1: clips/1_1.mp4: not a video"):
        source.prepare(source.read()[0], FaceConfig(), lambda *_: None)


@pytest.mark.slow
def test_a_video_whose_header_alone_is_whole_is_found_before_training(tmp_path, face_frames):
    path = tmp_path / "Training" / "1_1.mp4"
    path.parent.mkdir()
    write(tmp_path, "Training/1_1_Depression.csv", "3")
    write_video(path, face_frames[:3])
    source = LabelledData(data=tmp_path)
    source.check_videos(source.read()[0])
    undecodable(path, face_frames)
    with pytest.raises(
        DataInvalid, match="^Training/1_1.mp4: the file contains no decodable image"
    ):
        source.check_videos(source.read()[0])


def test_prepared_faces_that_are_not_whole_are_named_with_their_folder(tmp_path):
    touch(tmp_path, "Training/1_1.faces/faces.npy")
    write(tmp_path, "Training/1_1_Depression.csv", "3")
    source = LabelledData(data=tmp_path)
    with pytest.raises(DataInvalid, match="^Training/1_1.faces: not a folder of prepared faces"):
        source.check_videos(source.read()[0])
