"""The installed command, as users run it: output, files and exit codes."""

import csv
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.support.videos import read_video, write_video

FRAMES = 20
"""Frames per video with which the intervals of the shipped weights were calibrated."""
FAST = ("--frames", str(FRAMES), "--device", "cpu")


@pytest.fixture(scope="module")
def _outputs() -> dict[Path, tuple[int, str, str]]:
    """Output of the command for each video that was scored alone."""
    return {}


@pytest.fixture
def scored(run, _outputs):
    """Runs ``depmap score VIDEO --json`` on one video, once for all tests."""

    def call(video: Path) -> tuple[int, str, str]:
        if video not in _outputs:
            _outputs[video] = run("score", video, "--json", *FAST)
        return _outputs[video]

    return call


@pytest.fixture(scope="module")
def _written() -> dict[str, tuple[int, str, Path]]:
    """Output of the command for the example, and the folder of its files."""
    return {}


@pytest.fixture
def written(run, _written, interview, tmp_path_factory) -> tuple[int, str, Path]:
    """Exit code and output of ``depmap score -o``, and its folder, which is only read: run once."""
    if not _written:
        out = tmp_path_factory.mktemp("written")
        _written["once"] = (*run("score", interview, "-o", out, *FAST)[:2], out / interview.name)
    return _written["once"]


@pytest.fixture(scope="module")
def result(interview):
    """The example, scored through Python; only read."""
    from depmap_cli import ScoreOptions, score_video

    return score_video(interview, device="cpu", options=ScoreOptions(frames=FRAMES))


def one_line_error(err: str, *words: str) -> None:
    lines = [line for line in err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    assert "Traceback" not in err
    for word in words:
        assert word in err


def test_one_video_prints_a_report_and_writes_its_files(written):
    code, out, folder = written
    assert code == 0
    for words in ("BDI-II", "90 %", "Not a diagnosis", "AU12", "simulated"):
        assert words in out
    assert {p.name for p in folder.iterdir()} == {
        *("score.json", "frames.csv", "aus.csv", "report.html", "keyframes")
    }
    report = json.loads((folder / "score.json").read_text())
    assert report["status"] == "scored"
    assert 0 <= report["estimate"]["interval"]["low"] <= report["estimate"]["score"]
    assert sum(report["timeline"]["weight"]) == pytest.approx(1, abs=1e-4)
    assert sum(level["share"] for level in report["levels"]) == pytest.approx(1, abs=1e-3)
    assert [k["weight"] for k in report["keyframes"]] == sorted(
        (k["weight"] for k in report["keyframes"]), reverse=True
    )
    assert report["timeline"]["n_frames"] == FRAMES
    assert [trace["name"] for trace in report["timeline"]["traces"]][:2] == ["AU1", "AU2"]
    behaviour = report["behaviour"]
    assert behaviour["n_frames"] == report["quality"]["usable_frames"]
    assert behaviour["frames_per_second"] == pytest.approx(FRAMES / 30, rel=0.1)
    blinks = next(event for event in behaviour["events"] if event["name"] == "blink")
    assert blinks["number"] is None
    assert "--fps 15" in blinks["caution"]
    rows = list(csv.DictReader((folder / "frames.csv").open()))
    assert len(rows) == FRAMES
    used = [r for r in rows if float(r["weight"]) > 0]
    mean = sum(float(r["weight"]) * float(r["score"]) for r in used)
    assert mean == pytest.approx(report["estimate"]["score"], abs=0.02)
    for key in report["keyframes"]:
        assert (folder / key["image"]).is_file()


def test_without_output_nothing_is_written(run, interview, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("score", interview, *FAST)[0] == 0
    assert list(tmp_path.iterdir()) == []


def test_stdout_holds_nothing_but_json(run, interview, media, tmp_path):
    paths = [media("no_face.mp4"), interview, media("text.mp4"), tmp_path / "none.mp4"]
    code, out, err = run("score", *paths, "--json", *FAST)
    assert code == 3
    lines = [json.loads(line) for line in out.splitlines()]
    assert [r["source"]["name"] for r in lines] == [
        *("no_face.mp4", "interview.mp4", "text.mp4", "none.mp4")
    ]
    assert [r["status"] for r in lines] == ["refused", "scored", "failed", "failed"]
    assert all(r["reason"] for r in lines if r["status"] != "scored")
    assert lines[3]["reason"] == "no such file"


@pytest.mark.slow
def test_an_interval_says_if_it_was_calibrated_with_more_frames(run, scored, interview):
    default = json.loads(scored(interview)[1])["estimate"]["interval"]
    assert "more than here" in default["caution"]  # 20 frames
    cautions = []
    for frames in (12, 80):
        code, out, _ = run("score", interview, "--frames", frames, "--device", "cpu", "--json")
        assert code == 0
        cautions.append(json.loads(out)["estimate"]["interval"]["caution"])
    assert cautions == [
        "calibrated with estimates from 128 frames per video, more than here",
        "",
    ]


@pytest.mark.slow
def test_json_is_utf8_in_any_terminal(tmp_path):
    names = ["łódź.mp4", "b.mp4"]
    for name in names:
        (tmp_path / name).write_text("no video")
    command = [sys.executable, "-m", "depmap_cli", "score", *names, "--json"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONIOENCODING": "cp1252"}, capture_output=True
    )
    lines = done.stdout.decode("utf-8").splitlines()
    assert [json.loads(line)["source"]["name"] for line in lines] == names
    assert b"Traceback" not in done.stderr


def test_an_interrupted_batch_keeps_its_table(run, interview, media, tmp_path, monkeypatch):
    from depmap_cli.scoring.scorer import Scorer

    score, seen = Scorer.score, []

    def stopped(*arguments, **named):
        if seen:
            raise KeyboardInterrupt
        seen.append(score(*arguments, **named))
        return seen[0]

    monkeypatch.setattr(Scorer, "score", stopped)
    videos = interview, media("half.mp4"), media("gap.mp4")
    run("score", *videos, "-o", tmp_path, "-f", "json", *FAST)
    (row,) = csv.DictReader((tmp_path / "scores.csv").open(newline=""))
    assert (row["name"], row["status"]) == (interview.name, "scored")


@pytest.mark.slow
def test_without_key_frame_fusion_frames_are_sampled_evenly(run, interview, tmp_path):
    from depmap_cli.weights.locations import BASELINE_WEIGHTS, weights_folder

    plain = ("--weights", weights_folder() / BASELINE_WEIGHTS, "--keyframes", "4", "-o", tmp_path)
    code, out, _ = run("score", interview, *plain, *FAST)
    assert code == 0
    assert "Sample frames" in out
    assert "with the most weight" not in out
    report = json.loads((tmp_path / interview.name / "score.json").read_text())
    times = [frame["time"] for frame in report["keyframes"]]
    assert times[0] > 2
    assert times[-1] > 0.75 * report["source"]["duration"]
    assert np.diff(times).min() > 5
    page = (tmp_path / interview.name / "report.html").read_text(encoding="utf-8")
    for words in ("have the most weight", "prototypes", "to the severity levels", "losest level"):
        assert words not in page


def test_batch_of_a_folder(run, interview, media, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for target, source in (("a.mp4", interview), ("b.mp4", media("text.mp4"))):
        (tmp_path / "in" / target).write_bytes(source.read_bytes())
    (tmp_path / "in" / "deep" / "a.mp4").write_bytes(interview.read_bytes())
    (tmp_path / "in" / "notes.txt").write_text("x")
    code, out, err = run("score", tmp_path / "in", "-r", "-o", tmp_path / "out", *FAST)
    assert code == 3
    rows = list(csv.DictReader((tmp_path / "out" / "scores.csv").open()))
    assert [(r["name"], r["status"]) for r in rows] == [
        *(("a.mp4", "scored"), ("b.mp4", "failed"), ("deep/a.mp4", "scored"))
    ]
    assert rows[0]["score"] == rows[2]["score"]
    assert (tmp_path / "out" / "deep" / "a.mp4" / "score.json").is_file()
    flat = run("score", tmp_path / "in", "--json", *FAST)[1].splitlines()
    assert len(flat) == 2


@pytest.mark.slow
def test_equal_names_do_not_overwrite_each_other(run, interview, tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "v.mp4").write_bytes(interview.read_bytes())
    code, out, _ = run("score", tmp_path / "x/v.mp4", tmp_path / "y/v.mp4", "--json", *FAST)
    assert [json.loads(line)["source"]["name"] for line in out.splitlines()] == [
        "x/v.mp4",
        "y/v.mp4",
    ]


def test_glob_patterns_are_expanded(run, interview, tmp_path):
    (tmp_path / "v1.mp4").write_bytes(interview.read_bytes())
    code, out, _ = run("score", str(tmp_path / "v*.mp4"), "--json", *FAST)
    assert (code, len(out.splitlines())) == (0, 1)
    code, _, err = run("score", str(tmp_path / "w*.mp4"))
    assert code == 2
    one_line_error(err, "no file matches")


@pytest.mark.parametrize(
    ("name", "code", "status", "words"),
    [
        ("no_face.mp4", 4, "refused", "usable face"),
        ("one_frame.mp4", 4, "refused", "length of the video"),
        ("tiny.mp4", 0, "scored", ""),
        ("two.mp4", 4, "refused", "other faces"),
        ("half.mp4", 0, "scored", ""),
        ("gap.mp4", 0, "scored", ""),
        ("rotated.mp4", 0, "scored", ""),
        ("vfr.mp4", 0, "scored", ""),
        ("truncated.mkv", 0, "scored", ""),
        ("text.mp4", 1, "failed", "not a video"),
        ("empty.mp4", 1, "failed", "empty"),
        ("audio.mp4", 1, "failed", ""),
        ("broken.mp4", 1, "failed", ""),
    ],
)
def test_every_kind_of_input_ends_as_documented(scored, media, name, code, status, words):
    found, out, err = scored(media(name))
    report = json.loads(out)
    assert (found, report["status"]) == (code, status)
    assert words in report["reason"]
    assert (report["estimate"] is None) == (status != "scored")
    assert "\n" not in report["reason"]


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("half.mp4", "usable_share"),
        ("half.mp4", "longest_gap"),
        ("tiny.mp4", "face_size"),
        ("truncated.mkv", "decoded_share"),
    ],
)
def test_doubtful_videos_get_a_warning(scored, media, name, check):
    _, out, _ = scored(media(name))
    found = {c["name"]: c for c in json.loads(out)["quality"]["checks"]}[check]
    assert found["verdict"] == "warn"
    if check in ("usable_share", "decoded_share"):
        assert found["value"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("name", ["half.mp4", "one_frame.mp4", "vfr.mp4"])
def test_complete_videos_are_decoded_completely(scored, media, name):
    _, out, _ = scored(media(name))
    found = {c["name"]: c["value"] for c in json.loads(out)["quality"]["checks"]}
    assert found["decoded_share"] == 1


@pytest.mark.slow
def test_a_video_of_two_people_is_refused_with_the_option_that_chooses_one(run, media):
    _, out, _ = run("score", media("two.mp4"), "--json", *FAST)
    assert "choose the person with --subject" in json.loads(out)["hint"]


def test_another_subject_can_be_chosen(run, media, tmp_path):
    edges = {}
    for side in ("left", "right"):
        out = tmp_path / side
        code, _, _ = run(
            "score", media("two.mp4"), "--subject", side, "-f", "csv", "-o", out, *FAST
        )
        assert code == 0  # the option answers the check for other faces
        with (out / "two.mp4" / "frames.csv").open(newline="") as file:
            edges[side] = [float(row["x0"]) for row in csv.DictReader(file) if row["x0"]]
    assert min(map(len, edges.values())) >= 8
    assert max(edges["left"]) < min(edges["right"])


def test_two_runs_give_the_same_bits(run, written, interview, tmp_path):
    first, second = written[2], tmp_path / "interview.mp4"
    assert run("score", interview, "-o", tmp_path, "-q", *FAST)[0] == 0
    for name in ("frames.csv", "aus.csv"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


@pytest.mark.slow
def test_a_score_does_not_depend_on_the_batch(run, scored, interview, media):
    alone = json.loads(scored(interview)[1])
    _, out, _ = run("score", media("half.mp4"), media("gap.mp4"), interview, "--json", *FAST)
    together = json.loads(out.splitlines()[2])
    assert alone["estimate"] == together["estimate"]
    assert alone["keyframes"] == together["keyframes"]


@pytest.mark.slow
def test_openface_table_replaces_clip(run, interview, tmp_path):
    table = tmp_path / "interview.csv"
    rows = "\n".join(f"{i}, {i / 6:.3f}, 1, 5.0, 0.0" for i in range(300))
    table.write_text("frame, timestamp, success, AU12_r, AU45_r\n" + rows + "\n")
    code, out, _ = run("score", interview, "--au-csv", table, "-o", tmp_path / "o", "--json", *FAST)
    report = json.loads(out)
    assert code == 0
    units = {u["code"]: u for u in report["action_units"]}
    assert units["AU12"]["mean"] == 1
    assert units["AU43"]["peak"] == 0
    assert report["weights"]["au_source"] == "OpenFace table"
    assert "action units from the semantic model" in report["estimate"]["interval"]["caution"]
    assert run("score", interview, "--au-csv", tmp_path, *FAST)[0] == 0  # found by name
    for cells in ("0.1, 1, nonsense", "0.1, 1, nan", "nan, 1, 2.0"):
        table.write_text(f"frame, timestamp, success, AU12_r\n1, {cells}\n")
        code, out, _ = run("score", interview, "--au-csv", table, "--json", *FAST)
        assert code == 1
        assert "interview.csv, line 2" in json.loads(out)["reason"]


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--frames", "20"), ("--fps", "2", "--start", "5")])
def test_its_own_table_given_back_yields_the_same_result(run, interview, tmp_path, options):
    """``aus.csv`` holds what the network takes, so the neutral face is subtracted once."""
    reports = []
    for folder, table in (("first", ()), ("second", ("--au-csv", tmp_path / "aus.csv"))):
        code, out, _ = run("score", interview, *options, *table, "-o", tmp_path / folder, "--json")
        assert code == 0
        reports.append(json.loads(out))
        (written,) = (tmp_path / folder).rglob("aus.csv")
        (tmp_path / "aus.csv").write_bytes(written.read_bytes())
    first, second = reports
    assert second["estimate"]["score"] == pytest.approx(first["estimate"]["score"], abs=0.1)
    assert second["estimate"]["interval"]["caution"] == first["estimate"]["interval"]["caution"]
    for a, b in zip(first["action_units"], second["action_units"], strict=True):
        assert b["mean"] == pytest.approx(a["mean"], abs=2e-3), a["code"]
        assert b["reliable"] == a["reliable"]
    sources = [report["weights"]["au_source"] for report in reports]
    assert sources == ["semantics", "depmap table"]


@pytest.mark.slow
def test_an_openface_table_that_depmap_wrote_again_yields_the_same_report(run, interview, tmp_path):
    from depmap_cli.semantics.openface import read_au_table

    table = tmp_path / "openface.csv"
    rows = "\n".join(
        f"{i / 25:.2f},{2 + 2 * np.sin(i / 40):.3f},1.5,0.1,0.2,0.3,0,0" for i in range(900)
    )
    header = "timestamp,AU12_r,AU45_r,gaze_angle_x,gaze_angle_y,pose_Rx,pose_Ry,pose_Rz"
    table.write_text(f"{header}\n{rows}\n")
    reports = []
    for folder in ("first", "second"):
        code, out, _ = run(
            "score", interview, "--au-csv", table, "-o", tmp_path / folder, "--json", *FAST
        )
        assert code == 0
        reports.append(json.loads(out))
        (table,) = (tmp_path / folder).rglob("aus.csv")
    first, second = reports
    assert first["weights"]["au_source"] == second["weights"]["au_source"] == "OpenFace table"
    assert second["estimate"]["score"] == pytest.approx(first["estimate"]["score"], abs=0.1)
    assert "action units from the semantic model" in second["estimate"]["interval"]["caution"]
    for a, b in zip(first["action_units"], second["action_units"], strict=True):
        assert b["mean"] == pytest.approx(a["mean"], abs=2e-4), a["code"]
        assert b["reliable"] is None
    assert read_au_table(table).units == {"AU12", "AU43"}  # others are still not read
    for a, b in zip(*(r["behaviour"]["head_gaze"] for r in reports), strict=True):
        assert b["mean"] == pytest.approx(a["mean"], abs=0.01), a["name"]


@pytest.mark.parametrize(
    ("header", "called"),
    [("timestamp,AU12_r", "OpenFace table"), ("timestamp,AU12_r,AU43_r,pose_Rx", "depmap table")],
)
def test_a_failed_video_names_the_kind_of_its_table(run, media, tmp_path, header, called):
    table = tmp_path / "table.csv"
    cells = ",".join("0" * len(header.split(",")))
    table.write_text(f"{header}\n{cells}\n")
    code, out, _ = run("score", media("text.mp4"), "--au-csv", table, "--json", *FAST)
    report = json.loads(out)
    assert (code, report["status"]) == (1, "failed")
    assert report["weights"]["au_source"] == called


def test_head_pose_of_an_openface_table_is_reported(run, interview, tmp_path):
    table = tmp_path / "interview.csv"
    rows = "\n".join(f"{i / 6:.3f},1,1.0,0.0,0.2,0.3,0.0,0.0" for i in range(300))
    header = "timestamp,success,AU12_r,gaze_angle_x,gaze_angle_y,pose_Rx,pose_Ry,pose_Rz"
    table.write_text(f"{header}\n{rows}\n")
    code, out, _ = run("score", interview, "--au-csv", table, "-o", tmp_path / "o", "--json", *FAST)
    assert code == 0
    angles = {a["name"]: a["mean"] for a in json.loads(out)["behaviour"]["head_gaze"]}
    assert angles["pitch"] == pytest.approx(17.19, abs=0.01)
    assert angles["gaze_y"] == pytest.approx(11.46 - 17.19, abs=0.01)
    (written,) = (tmp_path / "o").rglob("aus.csv")
    with written.open(newline="") as file:
        row = next(csv.DictReader(file))
    assert float(row["pose_Rx"]) == pytest.approx(0.3, abs=1e-4)
    assert float(row["AU12_r"]) == 1.0


@pytest.mark.slow
def test_a_table_of_another_video_is_refused(run, interview, tmp_path):
    table = tmp_path / "other.csv"
    table.write_text("frame, timestamp, success, AU12_r\n1, 500.0, 1, 3.0\n")
    code, out, _ = run("score", interview, "--au-csv", table, "--json", *FAST)
    report = json.loads(out)
    assert (code, report["status"]) == (4, "refused")
    assert "covers 500.0 to 500.0 s; check that it belongs to this video" in report["hint"]
    half = "\n".join(f"{i}, {i / 25:.3f}, 1, 5.0" for i in range(400))  # of 832
    table.write_text(f"frame, timestamp, success, AU12_r\n{half}\n")
    _, out, _ = run("score", interview, "--au-csv", table, "--json", *FAST)
    assert json.loads(out)["quality"]["usable_frames"] == FRAMES // 2


def foreign_weights(folder: Path) -> Path:
    path = folder / "foreign.safetensors"
    save_file({"x": np.zeros(3, np.float32)}, path)
    return path


def corrupt_weights(folder: Path) -> Path:
    from depmap_cli.weights.locations import DEFAULT_WEIGHTS, weights_folder

    path = folder / "corrupt.safetensors"
    path.write_bytes((weights_folder() / DEFAULT_WEIGHTS).read_bytes()[:500_000])
    return path


def pickled_weights(folder: Path) -> Path:
    import pickle

    path = folder / "pickled.pt"
    path.write_bytes(pickle.dumps({"x": 1}))
    return path


@pytest.mark.parametrize("make", [foreign_weights, corrupt_weights, pickled_weights])
def test_bad_weights(run, interview, tmp_path, make):
    code, out, err = run("score", interview, "--weights", make(tmp_path), *FAST)
    assert code == 1
    assert out == ""
    one_line_error(err, make(tmp_path).name)


def test_semantic_weights_are_refused_as_depmap_weights(run, interview):
    from depmap_cli.weights.locations import default_semantic_weights

    code, _, err = run("score", interview, "--weights", default_semantic_weights(), *FAST)
    assert code == 1
    one_line_error(err, "semantics")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--device", "tpu"), 2, "--device tpu"),
        (("--semantic-model", "no-such-model"), 1, "was trained with"),
        (("--semantic-model", "ViT-B-32", "--semantic-weights", "openai"), 1, "was trained with"),
        (("--semantic-weights", "openai"), 2, "neither a file nor a pretrained tag"),
        (("--weights", "nowhere.safetensors"), 1, "no such weights file"),
        (("--start", "5000"), 1, "--start"),
        (("--end", "1", "--start", "2"), 2, "--end"),
        (("--end", "nan"), 2, "--end"),
        (("--start", "inf"), 2, "--start"),
        (("--fps", "-1"), 2, "--fps"),
        (("--fps", "300"), 2, "--fps"),
        (("--fps", "9", "--frames", "20"), 2, "exclude each other"),
        (("--fps", "9", "--every-frame"), 2, "exclude each other"),
        (("--frames", "20", "--every-frame"), 2, "exclude each other"),
        (("--frames", "0"), 2, "--frames"),
        (("--frames", "200000"), 2, "--frames"),
        (("--format", "html"), 2, "--output"),
        (("--subject", "nearest"), 2, "nearest"),
        (("--pictures", "drawing"), 2, "--pictures needs --output"),
        (("--resume",), 2, "--resume needs --output"),
        (("--overwrite",), 2, "--overwrite needs --output"),
        (("--gpus-per-worker", "0"), 2, "--gpus-per-worker needs --engine ray"),
    ],
)
def test_wrong_options(run, interview, arguments, code, words):
    found, out, err = run("score", interview, "--device", "cpu", *arguments)
    assert found == code
    assert words in err + out
    assert "Traceback" not in err


def test_cuda_is_refused_where_there_is_none(run, interview):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    code, _, err = run("score", interview, "--device", "cuda")
    assert code == 2
    one_line_error(err, "not available")


def test_a_pretrained_tag_needs_permission_to_use_the_network(run, tmp_path, interview):
    from depmap_cli.errors import UsageProblem
    from depmap_cli.semantics.load_model import load_semantic_model

    with pytest.raises(UsageProblem, match="downloaded"):
        load_semantic_model("ViT-B-32", "openai")


def test_unwritable_output_is_an_error_and_no_score_is_lost(run, interview, tmp_path):
    (tmp_path / "file").write_text("in the way")
    code, out, err = run("score", interview, "-o", tmp_path / "file", "--json", *FAST)
    assert (code, out) == (1, "")  # checked before scoring
    one_line_error(err, f"cannot write to {tmp_path / 'file'}")
    shutil.copy(interview, tmp_path)
    taken = tmp_path / f"{interview.name}.results"
    taken.write_text("in the way")
    code, out, err = run("score", tmp_path / interview.name, "-o", tmp_path, *FAST)
    assert (code, out) == (1, "")
    one_line_error(err, f"cannot create results folder {taken}", "a file is in the way")
    (tmp_path / "out" / interview.name / "aus.csv").mkdir(parents=True)
    code, out, err = run("score", interview, "-o", tmp_path / "out", "--json", *FAST)
    report = json.loads(out)
    assert (code, report["status"]) == (1, "failed")
    assert report["estimate"]["score"] >= 0
    assert report["reason"]


def test_an_empty_folder_is_a_usage_error(run, tmp_path):
    code, _, err = run("score", tmp_path)
    assert code == 2
    one_line_error(err, "no video")


def test_quiet_prints_only_the_report(run, interview):
    code, out, err = run("score", interview, "--quiet", *FAST)
    assert (code, err) == (0, "")
    assert "BDI-II" in out


def test_pictures_are_deidentified_unless_raw_is_asked_for(
    run, written, result, interview, tmp_path
):
    import cv2

    face, likeness, paper = result.pictures[0].face, {}, {}
    assert run("score", interview, "-o", tmp_path, "--pictures", "raw", "-q", *FAST)[0] == 0
    for style, folder in (("drawing", written[2]), ("raw", tmp_path / "interview.mp4")):
        path = min((folder / "keyframes").glob("01_*.png"))
        image = cv2.resize(cv2.imread(str(path)), face.shape[:2])[..., ::-1]
        likeness[style] = np.corrcoef(image.ravel(), face.ravel())[0, 1]
        paper[style] = np.median(image[face > 0])
    assert likeness["raw"] > 0.7
    assert likeness["drawing"] < likeness["raw"] - 0.1  # brows and mouth stay where they are
    assert paper["raw"] < 200 < 220 < paper["drawing"]  # no skin, but heat


def test_python_api(result):
    assert result.report.estimate is not None
    assert len(result.frame_rows) == FRAMES
    assert len(result.pictures) == len(result.report.keyframes) == 6


def test_an_unexpected_error_in_one_video_does_not_stop_the_others(
    run, interview, media, monkeypatch
):
    from depmap_cli.scoring import scorer

    real, calls = scorer.assess_quality, []

    def assess_quality(*arguments):
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("planted")
        return real(*arguments)

    monkeypatch.setattr(scorer, "assess_quality", assess_quality)
    code, out, _ = run("score", media("gap.mp4"), interview, "--json", *FAST)
    first, second = map(json.loads, out.splitlines())
    assert (code, first["status"], second["status"]) == (3, "failed", "scored")
    assert "ZeroDivisionError" in first["reason"]
    assert "planted" not in out  # messages of unexpected errors may hold paths


def test_info_and_doctor(run):
    code, out, _ = run("info", "--json")
    found = json.loads(out)
    assert code == 0
    assert {w["kind"] for w in found["weights"]} == {"depmap", "semantics"}
    assert found["packages"]["facenet-pytorch"] == "2.5.3"
    schema = json.loads(run("info", "--schema")[1])
    assert "estimate" in schema["properties"]
    schema = json.loads(run("info", "--evaluation-schema")[1])
    assert "agreement" in schema["properties"]
    code, out, _ = run("doctor", "--device", "cpu")
    assert code == 0
    assert out.count("ok") >= 4
    assert "FAIL" not in out


def test_doctor_fails_without_weights(run, monkeypatch, tmp_path):
    monkeypatch.setenv("DEPMAP_WEIGHTS", str(tmp_path))
    code, out, _ = run("doctor", "--device", "cpu")
    assert code == 1
    assert "FAIL" in out


def seconds_of_children() -> float:
    """CPU time of child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_version_and_help():
    started = seconds_of_children()
    done = subprocess.run(
        [sys.executable, "-m", "depmap_cli", "--help"], capture_output=True, text=True, check=True
    )
    assert seconds_of_children() - started < 1.5  # torch alone would take about that
    assert "Exit codes" in done.stdout
    slow = "{'torch', 'cv2', 'numpy', 'jinja2', 'matplotlib'}"
    probe = f"import sys, depmap_cli.cli; print(sorted({slow} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_brow_and_lid_units_are_relative_to_the_neutral_face(run, interview, tmp_path, monkeypatch):
    """If the weights know the typical neutral face. The network, which ranks key frames, sees the
    raw probabilities, the regression on signals the relative ones."""
    from depmap_cli.semantics.clip_model import SemanticModel
    from depmap_cli.semantics.neutral_face import UNITS

    def scored(out: Path) -> tuple[dict, dict[str, np.ndarray]]:
        assert run("score", interview, "-o", out, "-q", *FAST)[0] == 0
        folder = out / interview.name
        columns = {}
        for table in ("aus.csv", "frames.csv"):
            with (folder / table).open(newline="") as file:
                rows = list(csv.DictReader(file))
            units = [name for name in rows[0] if name.startswith("AU")]
            columns |= {name: np.array([float(row[name]) for row in rows]) for name in units}
        return json.loads((folder / "score.json").read_text()), columns

    unknown = [0.0] * 18
    monkeypatch.setattr(SemanticModel, "typical_neutral", None)
    before, read = scored(tmp_path / "a")
    monkeypatch.setattr(
        SemanticModel, "typical_neutral", np.array(unknown)
    )  # probabilities of one half
    after, moved = scored(tmp_path / "b")
    assert after["estimate"]["score"] != before["estimate"]["score"]
    assert after["keyframes"][0]["time"] == before["keyframes"][0]["time"]
    for column in (name for name in read if not name.endswith("_c")):
        if f"AU{int(column[2:4])}" in UNITS and not column.endswith("_r"):
            assert (moved[column] > read[column]).all()
        else:
            np.testing.assert_array_equal(moved[column], read[column])
    shown = {unit["code"]: unit["mean"] for unit in after["action_units"]}
    assert shown["AU4"] == pytest.approx(moved["AU04"].mean(), abs=1e-3)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_frames(interview, tmp_path):
    """A video four times as long needs hardly more memory."""
    frames = read_video(interview)
    short, long = tmp_path / "short.mp4", tmp_path / "long.mp4"
    write_video(short, frames)
    write_video(long, frames * 4)
    peaks = []
    for path in (short, long):
        code = (
            "import resource, sys; from depmap_cli.config import FaceConfig, SamplingConfig;"
            "from pathlib import Path; from depmap_cli.video.reader import sample_frames;"
            "from depmap_cli.faces import extract_faces;"
            "from tests.support.stub_detector import StubDetector;"
            "d = StubDetector(lambda t: [(96, 96, 80)]);"
            "f = sample_frames(Path(sys.argv[1]), SamplingConfig(fps=6));"
            "n = sum(len(s) for s in extract_faces(f, d));"
            "print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
        )
        peaks.append(tuple(map(int, done.stdout.split())))
    assert peaks[1][0] > 3.5 * peaks[0][0]
    assert peaks[1][1] < peaks[0][1] * 1.15
