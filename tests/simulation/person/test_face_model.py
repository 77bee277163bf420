from pathlib import Path

import numpy as np
import pytest

from depmap_cli.errors import DataInvalid
from depmap_cli.simulation.graphics.triangle_mesh import Material
from depmap_cli.simulation.person.face_model import FaceModel
from tests.simulation.small_face import packed_arrays


def test_parts_become_materials(face: FaceModel) -> None:
    made_of = {Material(m) for m in np.unique(face.material)}
    assert made_of == {
        Material.FACE,
        Material.HEAD,
        Material.MOUTH,
        Material.TEETH,
        Material.EYE,
        Material.LASH,
    }


def test_eye_corners_hold_the_angle_from_the_axis(face: FaceModel) -> None:
    eye = face.material == Material.EYE
    angle = np.linalg.norm(face.uv[eye], axis=-1)
    assert angle.min() < 0.4  # near the pupil
    assert 1.0 < angle.max() < np.pi


def test_packing_loses_nothing(face: FaceModel, tmp_path: Path) -> None:
    face.pack(tmp_path / "again.npz")
    again = FaceModel.load(tmp_path / "again.npz")
    np.testing.assert_array_equal(again.vertices, face.vertices)
    np.testing.assert_array_equal(again.uv, face.uv)
    assert again.expression_names == face.expression_names


def test_atlas_finds_texels_of_places_on_the_face(face: FaceModel) -> None:
    place = np.array([[2.0, 5.0], [-3.5, -2.0]])
    column, row = np.round(face.uv_maps.texels(place)).astype(int).T
    np.testing.assert_allclose(face.uv_maps.face[row, column, :2], place, atol=0.15)


@pytest.mark.parametrize("name", ["missing.npz", "missing"])
def test_a_missing_model_says_how_to_fetch_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataInvalid, match="the file does not exist") as error:
        FaceModel.load(tmp_path / name)
    assert "git clone" in error.value.hint
    assert "\n" not in str(error.value)


def _write(path: Path, content: object) -> None:
    if isinstance(content, dict):
        np.savez(path, **content)
    else:
        path.write_bytes(content)  # type: ignore[arg-type]


def _broken() -> dict[str, object]:
    arrays = packed_arrays()
    return {
        "text": b"not an archive",
        "empty": b"",
        "other arrays": {"a": np.zeros(3)},
        "short shapes": {**arrays, "exp_deltas": arrays["exp_deltas"][:, :5]},
        "wild indices": {**arrays, "faces": arrays["faces"] + 60000},
        "few landmarks": {**arrays, "landmarks68": np.arange(5)},
    }


@pytest.mark.parametrize("kind", list(_broken()))
def test_a_foreign_file_is_refused(tmp_path: Path, kind: str) -> None:
    _write(tmp_path / "model.npz", _broken()[kind])
    with pytest.raises(DataInvalid, match=r"model\.npz is not a packed face model"):
        FaceModel.load(tmp_path / "model.npz")


@pytest.mark.parametrize("content", [None, "v 0 0 0\nf 1/1 1/1 1/1\n"])
def test_a_foreign_folder_is_refused(tmp_path: Path, content: str | None) -> None:
    if content:
        (tmp_path / "generic_neutral_mesh.obj").write_text(content)
    with pytest.raises(DataInvalid, match="is not ICT-FaceKit's FaceXModel folder") as error:
        FaceModel.load(tmp_path)
    assert "git clone" in error.value.hint


def test_reads_the_obj_files_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two triangles of the face and a fan of the teeth, quads cut in two."""
    monkeypatch.setattr("depmap_cli.simulation.person.face_model.PARTS", {"face": 4, "teeth": 4})
    square = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"
    texels = "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
    quads = "usemtl M_Face\nf 1/1 2/2 3/3 4/4\nusemtl M_Teeth\nf 5/1 6/2 7/3 8/4\n"
    behind = square.replace(" 0\n", " -1\n")
    (tmp_path / "generic_neutral_mesh.obj").write_text(square + behind + texels + quads)
    (tmp_path / "identity000.obj").write_text(square.replace("1", "2") + behind)
    (tmp_path / "jawOpen.obj").write_text(square + behind.replace("v 0", "v 3"))
    numbers = ", ".join(str(i % 8) for i in range(68))
    (tmp_path / "vertex_indices.json").write_text(f'{{"idx_to_landmark_verts": [{numbers}]}}')
    face = FaceModel.load(tmp_path)
    assert face.faces.tolist() == [[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]]
    assert face.material.tolist() == [Material.FACE] * 2 + [Material.TEETH] * 2
    assert face.identity[0, 2].tolist() == [1, 1, 0]
    assert face.expression("jawOpen")[4].tolist() == [3, 0, 0]
    assert face.landmarks[9] == 1
