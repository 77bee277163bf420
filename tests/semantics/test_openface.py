"""Action units from OpenFace tables: one face, in range, with confidence; otherwise an error."""

import numpy as np
import pytest

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.errors import DataInvalid
from depmap_cli.semantics.openface import describe_au_table, read_au_table

AU12, AU43 = ([unit.code for unit in ACTION_UNITS].index(code) for code in ("AU12", "AU43"))
HEADER = "frame, face_id, timestamp, confidence, success, AU12_r"


def table(tmp_path, *rows, header=HEADER):
    path = tmp_path / "openface.csv"
    path.write_text("\n".join((header, *rows)) + "\n")
    return path


def smiles(path):
    au_table = read_au_table(path)
    return au_table.times.tolist(), au_table.au_probabilities[:, AU12].tolist()


def test_intensities_are_divided_by_five_and_take_precedence_over_presence(tmp_path):
    rows = ("1, 0, 0.0, 0.98, 1, 2.5, 1", "2, 0, 0.2, 0.98, 1, 5.0, 0")
    path = table(tmp_path, *rows, header=HEADER + ", AU12_c")
    assert smiles(path) == ([0.0, 0.2], [0.5, 1.0])
    rows = ("0.0, 1", "0.2, 0")
    assert smiles(table(tmp_path, *rows, header="timestamp, AU12_c")) == ([0.0, 0.2], [1.0, 0.0])


def test_a_table_with_semicolons_and_decimal_commas(tmp_path):
    header = HEADER.replace(", ", ";")
    path = table(tmp_path, "1;0;0,0;0,98;1;2,5", "2;0;0,2;0,98;1;5", header=header)
    assert smiles(path) == ([0.0, 0.2], [0.5, 1.0])


def test_rows_without_success_or_confidence_are_left_out(tmp_path):
    rows = (
        "1, 0, 0.0, 0.98, 1, 1.0",
        "2, 0, 0.2, 0.10, 1, 4.5",
        "3, 0, 0.4, 0.98, 0, 4.5",
        "4, 0, 0.6, 0.50, 1, 2.0",
    )
    assert smiles(table(tmp_path, *rows)) == ([0.0, 0.6], [0.2, 0.4])
    with pytest.raises(DataInvalid, match="no row with a face"):
        read_au_table(table(tmp_path, *rows[1:3]))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_faces_at_one_time_are_refused_in_any_order(tmp_path, order):
    faces = ("1, 0, 0.0, 0.98, 1, 0.5", "1, 1, 0.0, 0.98, 1, 4.5")
    path = table(tmp_path, *(faces[i] for i in order), "6, 0, 0.2, 0.98, 1, 0.5")
    with pytest.raises(DataInvalid, match="line 3: a second face at 0 s") as caught:
        read_au_table(path)
    assert "face_id" in caught.value.hint


def test_a_second_face_that_openface_did_not_find_is_no_second_face(tmp_path):
    path = table(tmp_path, "1, 0, 0.0, 0.98, 1, 0.5", "1, 1, 0.0, 0.0, 0, 0.0")
    assert smiles(path) == ([0.0], [0.1])


@pytest.mark.parametrize(
    ("column", "value", "largest"),
    [("AU12_r", "10.0", "5"), ("AU12_r", "-0.1", "5"), ("AU12_c", "2", "1")],
)
def test_values_out_of_range_are_refused(tmp_path, column, value, largest):
    path = table(tmp_path, "0.0, 0", f"0.2, {value}", header=f"timestamp, {column}")
    with pytest.raises(DataInvalid, match=f"line 3: {column} is .* 0 to {largest}"):
        read_au_table(path)


def test_a_table_without_the_columns_is_refused(tmp_path):
    for header in ("timestamp, gaze_0_x", "frame, AU12_r"):
        with pytest.raises(DataInvalid, match="the columns timestamp and AU01_r"):
            read_au_table(table(tmp_path, "1, 2", header=header))


def test_a_full_openface_table_of_half_an_hour_is_read_in_seconds(tmp_path):
    """25 rows per second and 700 columns, of which only those needed are kept."""
    others = ", ".join(f"x_{i}" for i in range(700))
    path = tmp_path / "long.csv"
    cells = ", ".join(["0.5"] * 700)
    rows = (f"{i}, 0, {i / 25:.3f}, 0.98, 1, 2.5, {cells}\n" for i in range(2000))
    path.write_text(f"{HEADER}, {others}\n" + "".join(rows))
    au_table = read_au_table(path)
    assert au_table.span == (0.0, 79.96)
    np.testing.assert_array_equal(au_table.au_probabilities[:, AU12], 0.5)


OWN = "frame,face_id,timestamp,confidence,success,pose_Rx,pose_Ry,pose_Rz,AU12_r,AU43_r,AU45_r"


def test_a_table_of_depmap_holds_five_times_the_raw_probability(tmp_path):
    rows = ("1,0,0.0,0.98,1,,,,2.5,1.0,1.0", "2,0,0.2,0.98,1,,,,5.0,0.0,0.0")
    path = table(tmp_path, *rows, header=OWN)
    assert smiles(path) == ([0.0, 0.2], [0.5, 1.0])
    assert read_au_table(path).is_raw
    assert not read_au_table(table(tmp_path, "1, 0, 0.0, 0.98, 1, 2.5")).is_raw


def test_a_table_of_the_first_depmap_holds_probabilities_relative_to_the_neutral_face(tmp_path):
    header = "frame,timestamp,confidence,success,AU12_r,AU43_r"
    path = table(tmp_path, "1,0.0,0.98,1,0.5,0.0", "2,0.2,0.98,1,1.0,0.0", header=header)
    assert smiles(path) == ([0.0, 0.2], [0.5, 1.0])
    assert not read_au_table(path).is_raw
    path = table(tmp_path, "1,0.0,0.98,1,2.5,0.0", header=header)
    with pytest.raises(DataInvalid, match="AU12_r is 2.5, but values are 0 to 1"):
        read_au_table(path)


def test_closed_eyes_of_depmap_take_precedence_over_blinks(tmp_path):
    path = table(tmp_path, "1,0,0.0,0.98,1,,,,2.5,4.0,1.0", header=OWN)
    assert read_au_table(path).au_probabilities[0, AU43] == pytest.approx(0.8)
    path = table(tmp_path, "0.0,1.0,1", header="timestamp,AU45_r,AU45_c")
    assert read_au_table(path).au_probabilities[0, AU43] == pytest.approx(0.2)


def test_depmap_uses_all_rows_of_its_own_table(tmp_path):
    """Their confidence is that of the face detector, and depmap used the frame all the same."""
    path = table(tmp_path, "1,0,0.0,0.1,1,,,,2.5,0,0", "2,0,0.2,0.1,0,,,,,,", header=OWN)
    assert smiles(path) == ([0.0], [0.5])


ANGLES_HEADER = "timestamp,success,gaze_angle_x,gaze_angle_y,pose_Rx,pose_Ry,pose_Rz,AU12_r"


def rotation(pitch, yaw, roll):
    """Rx(pitch) Ry(yaw) Rz(roll), written out."""
    (a, b, c), (d, e, f) = np.cos([pitch, yaw, roll]), np.sin([pitch, yaw, roll])
    x = np.array([[1, 0, 0], [0, a, -d], [0, d, a]])
    y = np.array([[b, 0, e], [0, 1, 0], [-e, 0, b]])
    z = np.array([[c, -f, 0], [f, c, 0], [0, 0, 1]])
    return x @ y @ z


@pytest.mark.parametrize("head", [(0, 0, 0), (0.4, 0, 0), (0, -0.5, 0), (0.3, -0.4, 0.2)])
@pytest.mark.parametrize("eyes", [(0, 0), (0.2, -0.3)])
def test_gaze_of_openface_is_turned_into_gaze_relative_to_the_head(tmp_path, head, eyes):
    x, y, z = rotation(*head) @ [np.tan(eyes[0]), np.tan(eyes[1]), -1]
    seen = (np.arctan2(x, -z), np.arctan2(y, -z))  # as OpenFace computes gaze_angle
    cells = ",".join(f"{value:.6f}" for value in (*seen, *head))
    angles = read_au_table(table(tmp_path, f"0,1,{cells},1", header=ANGLES_HEADER)).angles
    np.testing.assert_allclose(angles[0], np.degrees([*head, *eyes]), atol=1e-3)


def test_a_head_that_is_bowed_while_the_eyes_stay_on_the_camera(tmp_path):
    path = table(tmp_path, "0,1,0,0,0.3,0,0,1", header=ANGLES_HEADER)
    angles = read_au_table(path).angles[0]
    assert angles[0] == pytest.approx(17.19, abs=0.01)  # head bowed
    assert angles[4] == pytest.approx(-17.19, abs=0.01)  # eyes up, relative to the head


def test_angles_of_the_nearest_row(tmp_path):
    rows = ("0.0,1,,,0.1,0,0,1", "1.0,1,,,0.2,0,0,1")
    au_table = read_au_table(table(tmp_path, *rows, header=ANGLES_HEADER))
    pitch = np.degrees([0.2, 0.1])
    np.testing.assert_allclose(au_table.angles_at(np.array([0.9, 0.2]))[:, 0], pitch)
    assert np.isnan(au_table.angles_at(np.array([0.0]))[:, 3:]).all()  # empty cells


def test_a_table_without_pose_has_no_angles(tmp_path):
    assert np.isnan(read_au_table(table(tmp_path, "1, 0, 0.0, 0.98, 1, 2.5")).angles).all()
    header = "timestamp,success,gaze_angle_x,gaze_angle_y,AU12_r"
    path = table(tmp_path, "0,1,0.1,0.1,1", header=header)
    assert np.isnan(read_au_table(path).angles).all()  # relative to what is unknown


@pytest.mark.parametrize("value", ["45", "-3.3", "x", "nan"])
def test_angles_that_are_no_radians_are_refused(tmp_path, value):
    path = table(tmp_path, f"0,1,0,0,{value},0,0,1", header=ANGLES_HEADER)
    with pytest.raises(DataInvalid, match="line 2: pose_Rx is"):
        read_au_table(path)


OWN_HEADER = "timestamp,success,pose_Rx,AU12_r,AU43_r,au_source"


@pytest.mark.parametrize(
    ("source", "is_raw", "description"),
    [
        ("semantics", True, "depmap table"),
        ("OpenFace", False, "OpenFace table"),
        ("depmap-0.1", False, "depmap table"),
    ],
)
def test_a_depmap_table_says_who_has_read_its_action_units(tmp_path, source, is_raw, description):
    rows = (f"0.0,1,,2.5,0.0,{source}", "0.2,0,,,,")
    path = table(tmp_path, *rows, header=OWN_HEADER)
    au_table = read_au_table(path)
    assert au_table.is_raw == is_raw
    assert au_table.description == describe_au_table(path) == description
    assert au_table.au_probabilities[0, AU12] == 0.5  # on OpenFace's scale, whoever has read it


@pytest.mark.parametrize("second", ["OpenFace", "", "nonsense"])
def test_an_unknown_or_changing_source_is_refused(tmp_path, second):
    rows = ("0.0,1,,2.5,0.0,semantics", f"0.2,1,,2.5,0.0,{second}")
    with pytest.raises(DataInvalid, match=f"line 3: au_source is '{second}'"):
        read_au_table(table(tmp_path, *rows, header=OWN_HEADER))


def test_a_depmap_table_without_any_action_unit_is_refused(tmp_path):
    with pytest.raises(DataInvalid, match="no action unit has a value"):
        read_au_table(table(tmp_path, "0.0,1,0.1,,,OpenFace", header=OWN_HEADER))


def test_a_table_that_cannot_be_read_is_called_so(tmp_path):
    assert describe_au_table(tmp_path / "none.csv") == "AU table that cannot be read"
    assert (
        describe_au_table(table(tmp_path, "1, 2", header="a, b")) == "AU table that cannot be read"
    )
    path = table(tmp_path, "1, 0, 0.0, 0.98, 1, 2.5")
    assert describe_au_table(path) == "OpenFace table"
