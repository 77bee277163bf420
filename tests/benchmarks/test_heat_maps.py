"""The planted test of heat maps: one that follows the acting region passes, a fixed spot fails."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.heat_maps import (
    ACTIONS,
    REGIONS,
    SIDE,
    hits_of,
    region_mask,
    rendered_faces,
)
from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.faces.align import TEMPLATE
from depmap_cli.simulation.rendering.rendered_frame import RenderedFrame
from tests.simulation.small_face import landmark_positions

PEOPLE = 6
COLUMN = {unit.code: i for i, unit in enumerate(ACTION_UNITS)}


class FrameRenderer:
    """A grey picture with a white spot on one landmark of each acting region."""

    def __init__(self, rng, size):
        self.size, self.shift = size, rng.uniform(-8, 8, 2)

    def render(self, au, pose, gaze):
        positions = landmark_positions() * (1, -1)
        landmarks = self.size / 2 + 8 * positions + self.shift
        image = np.full((self.size, self.size, 3), 90, np.uint8)
        for units, region in ACTIONS.values():
            if all(au[COLUMN[unit]] == 1 for unit in units):
                column, row = landmarks[REGIONS[region][1]].round().astype(int)
                image[row - 2 : row + 3, column - 2 : column + 3] = 255
        return RenderedFrame(image, landmarks.astype(np.float32))

    def pose_in_camera(self, pose):
        return pose


class Renderer:
    def check(self):
        pass

    def person(self, seed):
        return SimpleNamespace(seed=seed)

    def frame_renderer(self, person, rng, size):
        return FrameRenderer(rng, size)


@pytest.fixture(scope="module")
def faces():
    return rendered_faces(Renderer(), PEOPLE, seed=1)


def light(rendered):
    """A heat map that points at what changed: the brightest place of the face."""
    return rendered.face[..., 0].astype(float)


def chin(face):
    heat = np.zeros((SIDE, SIDE))
    heat[int(0.95 * SIDE), SIDE // 2] = 1
    return heat


def eyes(face):
    heat = np.zeros((SIDE, SIDE))
    column, row = (TEMPLATE[0] * SIDE).round().astype(int)
    heat[row, column] = 1
    return heat


def test_every_person_shows_every_action(faces):
    assert len(faces) == PEOPLE * (len(ACTIONS) + 1)
    assert {face.face.shape for face in faces} == {(SIDE, SIDE, 3)}
    changed = [f for f in faces if f.action != "neutral" and light(f).max() > 200]
    assert len(changed) == PEOPLE * len(ACTIONS)


def test_a_heat_map_that_follows_the_action_passes(faces):
    found = hits_of(faces, light)
    assert [hits.action for hits in found] == [*ACTIONS, "all"]
    for hits in found:
        assert hits.acting.value == 1
        assert 0.5 < hits.acting.low < 1
        assert hits.neutral < 0.5


def test_a_fixed_spot_reaches_the_same_on_neutral_faces(faces):
    assert all(hits.acting.value == hits.neutral == 0 for hits in hits_of(faces, chin))
    found = {hits.action: hits for hits in hits_of(faces, eyes)}
    assert found["eyes closed"].acting.value == found["eyes closed"].neutral == 1
    assert found["smile"].acting.value == 0
    for hits in found.values():
        assert hits.acting.value == hits.neutral


def test_chance_is_the_area_of_the_region(faces):
    """Two discs that do not overlap, each of radius 0.08 of the side."""
    area = 2 * np.pi * 0.08**2
    landmarks = np.zeros((68, 2))
    landmarks[[48, 54]] = (40, 90), (90, 90)
    mask = region_mask(landmarks, "mouth corners")
    assert mask.mean() == pytest.approx(area, rel=0.03)
    assert mask[90, 40]
    assert mask[90, 90 - int(0.08 * SIDE)]
    assert not mask[90, 65]
    noise = np.random.default_rng(0)
    found = hits_of(faces, lambda face: noise.random((SIDE, SIDE)))[-1]
    assert found.acting.value == pytest.approx(found.area, abs=0.25)
