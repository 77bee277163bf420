"""Files: complete, read back equal, never half-written, harmless in a spreadsheet."""

import csv
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.errors import OutputUnwritable
from depmap_cli.report import FORMATS, json_line, report_schema, write_result, write_scores_csv
from depmap_cli.results import Report, ScoreResult, SourceVideo, Status
from tests.support.report_sample import INVALID, N_FRAMES

ALL = frozenset(FORMATS)
PICTURES = ["01_00-09.63.png", "02_00-02.99.png", "03_00-15.44.png", "04_00-07.97.png"]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _named(report: Report, name: str) -> Report:
    source = SourceVideo(**{**report.source.model_dump(), "name": name})
    return report.model_copy(update={"source": source})


def _files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_all_formats_write_the_files_promised_and_no_others(
    sample_result: ScoreResult, tmp_path: Path
) -> None:
    report = write_result(sample_result, tmp_path / "new" / "out", ALL, "drawing")
    pictures = {f"keyframes/{name}" for name in PICTURES}
    assert _files(tmp_path / "new" / "out") == pictures | {
        "score.json", "frames.csv", "aus.csv", "report.html"
    }  # fmt: skip
    assert [frame.image for frame in report.keyframes] == sorted(pictures)
    assert report.settings["pictures"] == "drawing"


@pytest.mark.parametrize(
    ("formats", "expected"),
    [
        ({"json"}, {"score.json"}),
        ({"csv"}, {"frames.csv", "aus.csv"}),
        ({"html"}, {"report.html"}),
    ],
)
def test_each_format_writes_its_own_and_the_pictures(
    sample_result: ScoreResult, tmp_path: Path, formats: set[str], expected: set[str]
) -> None:
    write_result(sample_result, tmp_path, frozenset(formats), "drawing")
    assert _files(tmp_path) == expected | {f"keyframes/{name}" for name in PICTURES}


def test_no_format_writes_nothing(sample_result: ScoreResult, tmp_path: Path) -> None:
    assert write_result(sample_result, tmp_path, frozenset(), "drawing") == sample_result.report
    assert not list(tmp_path.iterdir())


def test_score_json_reads_back_equal(sample_result: ScoreResult, tmp_path: Path) -> None:
    report = write_result(sample_result, tmp_path, ALL, "drawing")
    text = (tmp_path / "score.json").read_text(encoding="utf-8")
    assert Report.model_validate_json(text) == report
    assert json.loads(text)["estimate"]["score"] == 17.43
    assert text.startswith("{\n  ")
    assert text.endswith("}\n")


def test_each_list_of_numbers_in_score_json_is_on_one_line(
    sample_result: ScoreResult, tmp_path: Path
) -> None:
    report = write_result(sample_result, tmp_path, frozenset({"json"}), "drawing")
    text = (tmp_path / "score.json").read_text(encoding="utf-8")
    plain = report.model_dump_json(indent=2)
    assert json.loads(text) == json.loads(plain)
    assert report.timeline is not None
    assert len(report.timeline.traces) > 10
    numbers_alone = re.compile(r"^ *-?\d[\d.e-]*,?$", re.MULTILINE)
    assert len(numbers_alone.findall(plain)) > 1000
    assert not numbers_alone.findall(text)
    assert len(text) < 0.65 * len(plain)


def test_the_schema_names_every_field_and_forbids_others(
    sample_result: ScoreResult, tmp_path: Path
) -> None:
    write_result(sample_result, tmp_path, ALL, "drawing")
    schema = report_schema()
    written = json.loads((tmp_path / "score.json").read_text(encoding="utf-8"))
    assert set(written) == set(schema["properties"])
    assert schema["additionalProperties"] is False
    assert schema["$id"] == "urn:depmap:report:3.0"
    assert "score.json" in schema["title"]
    assert json.loads(json.dumps(schema)) == schema


def test_frames_csv_holds_each_frame(sample_result: ScoreResult, tmp_path: Path) -> None:
    write_result(sample_result, tmp_path, ALL, "drawing")
    rows = _rows(tmp_path / "frames.csv")
    expected = (
        "frame,time,valid,reason,origin,n_faces,probability,x0,y0,x1,y1,"
        "x_0,x_1,x_2,x_3,x_4,y_0,y_1,y_2,y_3,y_4,weight,score,"
        "logit_minimal,logit_mild,logit_moderate,logit_severe,"
        "AU01,AU02,AU04,AU05,AU06,AU07,AU09,AU10,AU12,AU14,AU15,AU17,AU20,AU23,AU24,AU25,AU26,AU43,"
        "pitch_deg,yaw_deg,roll_deg,gaze_x_deg,gaze_y_deg"
    )
    assert ",".join(rows[0]) == expected
    assert len(rows) == N_FRAMES
    assert [int(r["frame"]) for r in rows] == [row.number for row in sample_result.frame_rows]
    assert {i: r["reason"] for i, r in enumerate(rows) if r["valid"] == "0"} == INVALID
    row, frame = rows[3], sample_result.frame_rows[3]
    assert frame.landmarks is not None
    assert frame.box is not None
    assert frame.logits is not None
    assert [float(row[f"x_{i}"]) for i in range(5)] == list(frame.landmarks[:, 0])
    assert [float(row[f"y_{i}"]) for i in range(5)] == list(frame.landmarks[:, 1])
    assert [float(row[k]) for k in ("x0", "y0", "x1", "y1")] == list(frame.box)
    assert float(row["logit_severe"]) == pytest.approx(frame.logits[3], abs=1e-5)
    assert float(row["weight"]) == 0.22
    assert frame.action_units is not None
    assert [float(row[unit.column]) for unit in ACTION_UNITS] == list(frame.action_units)
    assert rows[5]["score"] == rows[5]["x0"] == rows[5]["logit_mild"] == rows[5]["AU12"] == ""


def test_the_page_embeds_the_very_pictures_written(
    sample_result: ScoreResult, tmp_path: Path
) -> None:
    from base64 import b64encode

    write_result(sample_result, tmp_path, ALL, "blur")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for name in PICTURES:
        assert b64encode((tmp_path / "keyframes" / name).read_bytes()).decode() in page
    assert "(blurred)" in page


def test_stale_pictures_go_and_other_files_stay(sample_result: ScoreResult, tmp_path: Path) -> None:
    write_result(sample_result, tmp_path, ALL, "drawing")
    (tmp_path / "keyframes" / "notes.txt").write_text("mine")
    fewer = sample_result.report.model_copy(
        update={"keyframes": sample_result.report.keyframes[:1]}
    )
    write_result(replace(sample_result, report=fewer), tmp_path, ALL, "drawing")
    assert {p.name for p in (tmp_path / "keyframes").iterdir()} == {PICTURES[0], "notes.txt"}


def test_a_refused_video_leaves_no_pictures(
    sample_result: ScoreResult, refused_report: Report, tmp_path: Path
) -> None:
    write_result(sample_result, tmp_path, ALL, "drawing")
    report = write_result(ScoreResult(report=refused_report), tmp_path, ALL, "drawing")
    assert not (tmp_path / "keyframes").exists()
    assert report.status is Status.refused
    assert report.estimate is None
    assert len((tmp_path / "frames.csv").read_text().splitlines()) == 1


def test_a_failed_rename_leaves_the_old_file_whole_and_nothing_aside(
    sample_result: ScoreResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_result(sample_result, tmp_path, ALL, "drawing")
    before = {name: (tmp_path / name).read_bytes() for name in _files(tmp_path)}

    def no_space(aside: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("depmap_cli.io.atomic_files.os.replace", no_space)
    changed = _named(sample_result.report, "other.mp4")
    with pytest.raises(OutputUnwritable, match="No space left"):
        write_result(replace(sample_result, report=changed), tmp_path, ALL, "drawing")
    assert {name: (tmp_path / name).read_bytes() for name in _files(tmp_path)} == before


def test_score_json_is_written_last(
    sample_result: ScoreResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    original = os.replace

    def noted(aside: Path, target: Path) -> None:
        order.append(target.name)
        original(aside, target)

    monkeypatch.setattr("depmap_cli.io.atomic_files.os.replace", noted)
    write_result(sample_result, tmp_path, ALL, "drawing")
    assert order[-1] == "score.json"
    assert order[: len(PICTURES)] == PICTURES


def test_an_unwritable_folder_is_told_in_one_line_without_its_parents(
    sample_result: ScoreResult, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("a file, not a folder")
    folder = tmp_path / "secret" / "out"
    with pytest.raises(OutputUnwritable) as caught:
        write_result(sample_result, folder, ALL, "drawing")
    assert caught.value.message.startswith("cannot write out/keyframes/01_")
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert str(tmp_path) not in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(OutputUnwritable, match="cannot write out/scores.csv"):
        write_scores_csv([sample_result.report], folder / "scores.csv")


def test_scores_csv_has_one_row_a_video(
    sample_result: ScoreResult, refused_report: Report, tmp_path: Path
) -> None:
    write_scores_csv([sample_result.report, refused_report], tmp_path / "scores.csv")
    scored, refused = _rows(tmp_path / "scores.csv")
    assert scored == {
        "name": "clinic/visit_03.mp4", "status": "scored", "reason": "", "score": "17.43",
        "low": "8.1", "high": "27.9", "interval_level": "0.9", "band": "mild",
        "bands": "minimal; mild; moderate", "quality": "warn", "usable_share": "0.7917",
        "duration": "20.4", "training_distance": "1.9", "is_out_of_distribution": "1",
        "weights_sha256": "9f2c" * 16,
    }  # fmt: skip
    assert refused["status"] == "refused"
    assert refused["reason"].startswith("a face in 2")
    assert refused["score"] == refused["bands"] == ""


@pytest.mark.parametrize("name", ["=1+1.mp4", "+a.mp4", "-a.mp4", "@sum.mp4", '=a,"b".mp4'])
def test_names_cannot_become_formulas(
    sample_result: ScoreResult, tmp_path: Path, name: str
) -> None:
    write_scores_csv([_named(sample_result.report, name)], tmp_path / "s.csv")
    assert _rows(tmp_path / "s.csv")[0]["name"] == f"'{name}"


def test_numbers_keep_their_sign_and_names_their_line(
    sample_result: ScoreResult, tmp_path: Path
) -> None:
    write_result(sample_result, tmp_path, ALL, "drawing")
    assert float(_rows(tmp_path / "frames.csv")[3]["logit_severe"]) < 0
    write_scores_csv([_named(sample_result.report, "a\n=b\t.mp4")], tmp_path / "s.csv")
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 2


def test_json_line_is_one_line_that_fits_the_schema(sample_result: ScoreResult) -> None:
    line = json_line(_named(sample_result.report, "a\nb.mp4"))
    assert "\n" not in line
    brief = Report.model_validate_json(line)
    assert brief.timeline is None
    assert brief.estimate == sample_result.report.estimate
    assert len(brief.action_units) == 18


def test_a_name_that_is_not_utf8_can_be_written(sample_result: ScoreResult, tmp_path: Path) -> None:
    report = _named(sample_result.report, os.fsdecode(b"caf\xe9.mp4"))
    write_result(replace(sample_result, report=report), tmp_path, ALL, "drawing")
    write_scores_csv([report], tmp_path / "s.csv")
    assert "caf�.mp4" in (tmp_path / "score.json").read_text(encoding="utf-8")
    assert _rows(tmp_path / "s.csv")[0]["name"] == "caf�.mp4"
    assert json.loads(json_line(report))["source"]["name"] == "caf�.mp4"
