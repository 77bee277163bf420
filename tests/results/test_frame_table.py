"""``frames.csv``, ``aus.csv`` and the DataFrame: names, units, and one row for each frame."""

import csv
import io
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas
import pytest

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.report.score.columns import csv_of
from depmap_cli.results import FrameRow, ScoreResult
from depmap_cli.results.columns import names_of
from depmap_cli.results.frame_table import FRAMES, OPENFACE
from depmap_cli.semantics.openface import read_au_table
from tests.support.report_sample import INVALID, N_FRAMES, frame_rows, scored_report

OPENFACE_HEADER = (
    "frame,face_id,timestamp,confidence,success,gaze_angle_x,gaze_angle_y,pose_Rx,pose_Ry,pose_Rz,"
    "AU01_r,AU02_r,AU04_r,AU05_r,AU06_r,AU07_r,AU09_r,AU10_r,AU12_r,AU14_r,AU15_r,AU17_r,AU20_r,"
    "AU23_r,AU25_r,AU26_r,AU45_r,"
    "AU01_c,AU02_c,AU04_c,AU05_c,AU06_c,AU07_c,AU09_c,AU10_c,AU12_c,AU14_c,AU15_c,AU17_c,AU20_c,"
    "AU23_c,AU25_c,AU26_c,AU45_c"
)
"""The columns of an OpenFace 2.2 table that depmap has values for, in OpenFace's order."""
OPENFACE_ORDER = OPENFACE_HEADER.split(",")
ONLY_DEPMAP = {"AU24_r", "AU24_c", "AU43_r", "AU43_c", "au_source"}


@pytest.fixture
def rows() -> list[FrameRow]:
    return frame_rows()


def read(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_column_names_are_unique():
    for table in (FRAMES, OPENFACE):
        assert len(set(names_of(table))) == len(names_of(table))


def test_aus_csv_has_the_columns_of_openface_in_its_order():
    written = names_of(OPENFACE)
    assert [name for name in written if name not in ONLY_DEPMAP] == OPENFACE_ORDER
    assert set(written) - set(OPENFACE_ORDER) == ONLY_DEPMAP


def test_aus_csv_has_a_row_for_each_sampled_frame_and_the_videos_frame_numbers(rows):
    table = read(csv_of(OPENFACE, rows))
    assert [int(row["frame"]) for row in table] == [5 * i + 1 for i in range(N_FRAMES)]
    assert {row["face_id"] for row in table} == {"0"}
    assert [i for i, row in enumerate(table) if row["success"] == "0"] == list(INVALID)
    failed = table[next(iter(INVALID))]
    assert {failed[name] for name in OPENFACE_ORDER[5:]} == {""}


def test_intensities_are_five_times_the_raw_probability_and_presence_is_relative(rows):
    table, frame = read(csv_of(OPENFACE, rows)), rows[3]
    for unit, raw, relative in zip(
        ACTION_UNITS, frame.raw_action_units, frame.action_units, strict=True
    ):
        assert float(table[3][f"{unit.column}_r"]) == pytest.approx(5 * raw, abs=1e-4)
        assert table[3][f"{unit.column}_c"] == str(int(relative >= 0.5))
    assert {table[3][f"{unit.column}_c"] for unit in ACTION_UNITS} == {"0", "1"}
    assert table[3]["AU45_r"] == table[3]["AU43_r"]
    assert table[3]["AU45_c"] == table[3]["AU43_c"]


def test_presence_counts_from_one_half(rows):
    edge = np.full(len(ACTION_UNITS), 0.4999)
    edge[8] = 0.5
    row = replace(rows[0], action_units=edge, raw_action_units=np.ones(len(ACTION_UNITS)))
    (table,) = read(csv_of(OPENFACE, [row]))
    assert [u.column for u in ACTION_UNITS if table[f"{u.column}_c"] == "1"] == ["AU12"]
    assert {table[f"{u.column}_r"] for u in ACTION_UNITS} == {"5.0"}


def test_head_and_gaze_are_in_radians_in_aus_csv_and_in_degrees_in_frames_csv(rows):
    frame = replace(rows[0], angles=np.array([90.0, -45.0, 18.0, 9.0, -3.6]))
    (openface,), (own,) = read(csv_of(OPENFACE, [frame])), read(csv_of(FRAMES, [frame]))
    radians = [float(openface[name]) for name in OPENFACE_ORDER[5:10]]
    expected = [np.pi / 20, -np.pi / 50, np.pi / 2, -np.pi / 4, np.pi / 10]
    np.testing.assert_allclose(radians, expected, atol=1e-5)
    degrees = [own[f"{name}_deg"] for name in ("pitch", "yaw", "roll", "gaze_x", "gaze_y")]
    assert degrees == ["90.0", "-45.0", "18.0", "9.0", "-3.6"]


def test_angles_that_were_not_read_are_empty_cells(rows):
    for angles in (None, np.full(5, np.nan)):
        frame = replace(rows[0], angles=angles)
        (openface,), (own,) = read(csv_of(OPENFACE, [frame])), read(csv_of(FRAMES, [frame]))
        assert {openface[name] for name in OPENFACE_ORDER[5:10]} == {""}
        assert own["pitch_deg"] == own["gaze_y_deg"] == ""
        assert openface["success"] == "1"
        assert openface["AU12_r"] != ""


def test_an_openface_script_in_pandas_works(rows):
    """The lines with which OpenFace's users begin."""
    table = pandas.read_csv(io.BytesIO(csv_of(OPENFACE, rows)))
    table.columns = table.columns.str.strip()
    good = table[(table["success"] == 1) & (table["confidence"] > 0.8)]
    assert len(good) == N_FRAMES - len(INVALID)
    intensities = good.filter(regex=r"^AU\d\d_r$")
    assert intensities.shape[1] == 19
    assert intensities.min().min() >= 0
    assert 1 < intensities.max().max() <= 5
    assert set(good.filter(regex=r"_c$").to_numpy().ravel()) == {0, 1}
    turns = np.degrees(good[["pose_Rx", "pose_Ry", "pose_Rz"]])
    expected = [row.angles[:3] for row in rows if row.valid]
    np.testing.assert_allclose(turns, expected, atol=1e-3)


def test_aus_csv_reads_back_as_it_was_written(rows, tmp_path):
    path = tmp_path / "aus.csv"
    path.write_bytes(csv_of(OPENFACE, rows))
    table = read_au_table(path)
    valid = [row for row in rows if row.valid]
    assert table.is_raw
    np.testing.assert_allclose(table.times, [row.time for row in valid])
    expected = [row.raw_action_units for row in valid]
    np.testing.assert_allclose(table.au_probabilities, expected, atol=1.1e-5)
    np.testing.assert_allclose(table.angles, [row.angles for row in valid], atol=1e-3)


def test_units_of_a_table_given_back_that_it_does_not_have_are_not_read_again(rows, tmp_path):
    """OpenFace has neither AU24 nor AU43; its values are already relative to the neutral face."""
    unread = np.array([unit.code in ("AU24", "AU43") for unit in ACTION_UNITS])
    frames = [
        replace(
            row,
            raw_action_units=np.where(unread, np.nan, row.raw_action_units),
            au_source="OpenFace",
        )
        if row.valid
        else row
        for row in rows
    ]
    path = tmp_path / "aus.csv"
    path.write_bytes(csv_of(OPENFACE, frames))
    written = read(path.read_bytes())
    for name in ("AU24", "AU43", "AU45"):
        assert {row[f"{name}_{kind}"] for row in written for kind in "rc"} == {""}
    assert {row["au_source"] for row in written if row["success"] == "1"} == {"OpenFace"}
    table = read_au_table(path)
    assert not table.is_raw
    assert table.description == "OpenFace table"
    assert table.units == {u.code for u in ACTION_UNITS} - {"AU24", "AU43"}
    valid = [row for row in rows if row.valid]
    expected = [np.where(unread, 0, row.raw_action_units) for row in valid]
    np.testing.assert_allclose(table.au_probabilities, expected, atol=1.1e-5)
    np.testing.assert_allclose(table.angles, [row.angles for row in valid], atol=1e-3)


def test_frames_is_a_data_frame_with_a_row_for_each_frame(rows):
    result = ScoreResult(report=scored_report(), frame_rows=rows)
    frames = result.frames
    assert isinstance(frames, pandas.DataFrame)
    assert len(frames) == N_FRAMES
    assert set(names_of(FRAMES)) <= set(frames.columns)
    assert [n for n in names_of(OPENFACE) if n.startswith("AU")] == list(
        frames.filter(regex="^AU.._[rc]$").columns
    )
    assert frames["frame"].tolist() == [row.number for row in rows]
    assert frames["valid"].tolist() == [row.valid for row in rows]
    smile = [u.code for u in ACTION_UNITS].index("AU12")
    used = frames[frames["valid"]]
    relative = [row.action_units[smile] for row in rows if row.valid]
    raw = [5 * row.raw_action_units[smile] for row in rows if row.valid]
    np.testing.assert_allclose(used["AU12"], relative, atol=1e-4)
    np.testing.assert_allclose(used["AU12_r"], raw, atol=1e-4)
    np.testing.assert_array_equal(used["AU12_c"], np.array(relative) >= 0.5)
    np.testing.assert_allclose(used["yaw_deg"], [r.angles[1] for r in rows if r.valid], atol=0.01)
    assert frames.loc[~frames["valid"], ["score", "AU12", "AU12_r", "yaw_deg"]].isna().all().all()
    assert frames["reason"][5] == INVALID[5]


def test_the_types_of_the_data_frame_do_not_depend_on_its_rows(rows):
    full = ScoreResult(report=scored_report(), frame_rows=rows).frames
    none = ScoreResult(report=scored_report()).frames
    bare = [replace(row, angles=None, logits=None, score=None) for row in rows]
    without = ScoreResult(report=scored_report(), frame_rows=bare).frames
    numeric = full.dtypes.drop(["reason", "origin"])
    assert none.dtypes.drop(["reason", "origin"]).equals(numeric)
    assert without.dtypes.drop(["reason", "origin"]).equals(numeric)
    assert len(none) == 0


@pytest.mark.slow
def test_pandas_is_loaded_only_for_the_data_frame():
    program = (
        "import sys; from depmap_cli import cli, report, results; import depmap_cli.scoring.scorer;"
        "from depmap_cli.results import frame_table;"
        "loaded = 'pandas' in sys.modules; frame_table.data_frame([]);"
        "sys.exit(loaded or 'pandas' not in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
