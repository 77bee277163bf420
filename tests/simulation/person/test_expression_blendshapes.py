import numpy as np
import pytest

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.simulation.person.expression_blendshapes import (
    AU_BLENDSHAPES,
    BlendshapeMixer,
    SparseBlendshapes,
)
from depmap_cli.simulation.person.face_model import FaceModel
from depmap_cli.simulation.person.skin_furrows import FURROWS, furrow_gains
from tests.simulation.small_face import expression_names

NAMES = expression_names()
AHEAD = np.zeros(2)


def _unit(code: str, intensity: float = 1.0) -> np.ndarray:
    return np.array([intensity if unit.code == code else 0.0 for unit in ACTION_UNITS])


def test_every_action_unit_has_a_mix() -> None:
    assert set(AU_BLENDSHAPES) == {unit.code for unit in ACTION_UNITS}


@pytest.mark.parametrize("code", list(AU_BLENDSHAPES))
def test_every_action_unit_moves_something(code: str) -> None:
    assert np.abs(BlendshapeMixer(NAMES).weights(_unit(code), AHEAD)).max() > 0.2


def test_weights_follow_the_table_on_both_sides() -> None:
    weights = dict(
        zip(NAMES, BlendshapeMixer(NAMES).weights(_unit("AU26", 0.5), AHEAD), strict=True)
    )
    assert weights.pop("jawOpen") == pytest.approx(0.25)
    assert not any(weights.values())
    weights = dict(zip(NAMES, BlendshapeMixer(NAMES).weights(_unit("AU12"), AHEAD), strict=True))
    assert weights["mouthSmile_L"] == weights["mouthSmile_R"] == 1


def test_gaze_turns_both_eyes_the_same_way() -> None:
    weights = BlendshapeMixer(NAMES).weights(np.zeros(18), np.array([0.5, -0.25]))
    moved = {n: w for n, w in zip(NAMES, weights.tolist(), strict=True) if w}
    assert moved == {
        "eyeLookOut_L": 0.5,
        "eyeLookIn_R": 0.5,
        "eyeLookDown_L": 0.25,
        "eyeLookDown_R": 0.25,
    }


def test_a_mixer_names_the_shape_that_a_model_lacks() -> None:
    with pytest.raises(KeyError, match="jawOpen"):
        BlendshapeMixer([name for name in NAMES if name != "jawOpen"])


def test_blend_adds_weighted_displacements() -> None:
    shapes = np.zeros((2, 3, 3))
    shapes[0, 0], shapes[1, 0], shapes[1, 2] = [1, 0, 0], [0, 2, 0], [0, 0, 4]
    base = np.arange(9, dtype=np.float32).reshape(3, 3)
    out = np.empty_like(base)
    SparseBlendshapes(shapes).blend(base, np.array([0.5, 0.25], np.float32), out)
    np.testing.assert_allclose(out - base, [[0.5, 0.5, 0], [0, 0, 0], [0, 0, 1]])


def test_furrows_name_action_units_that_exist() -> None:
    codes = {unit.code for unit in ACTION_UNITS}
    assert all(set(furrow.units) <= codes for furrow in FURROWS.values())
    assert furrow_gains().shape == (len(ACTION_UNITS), len(FURROWS))


@pytest.mark.parametrize(
    ("code", "above", "below"),
    [("AU43", (43, 44), (47, 46)), ("AU26", (61, 62), (67, 66))],
)
def test_lids_meet_and_lips_part(
    real_face: FaceModel, code: str, above: tuple[int, ...], below: tuple[int, ...]
) -> None:
    from depmap_cli.simulation.person.simulated_person import SimulatedPerson

    for seed in range(3):
        person = SimulatedPerson(real_face, seed)
        out = np.empty_like(real_face.vertices)
        gaps = []
        for intensity in (0.0, 1.0):
            person.move(person.weights(_unit(code, intensity), AHEAD), out)
            points = out[real_face.landmarks, 1]
            gaps.append(float((points[list(above)] - points[list(below)]).mean()))
        rest, full = gaps
        if code == "AU43":
            assert rest > 0.4
            assert full == pytest.approx(0.04, abs=0.03)
        else:
            assert rest < 0.12  # closed at rest
            assert full > 1.0
