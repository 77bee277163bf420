import dataclasses
import hashlib

import numpy as np
import pytest

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.simulation.graphics.rotation import rotation
from depmap_cli.simulation.person.face_model import FaceModel
from depmap_cli.simulation.person.simulated_person import SimulatedPerson
from depmap_cli.simulation.rendering.camera_model import CameraModel
from depmap_cli.simulation.rendering.renderer import Renderer
from depmap_cli.simulation.rendering.scene import OCCLUDERS, Scene

NEUTRAL, FRONTAL, AHEAD = np.zeros(18), np.zeros(3), np.zeros(2)
SIZE = 48


@pytest.fixture(scope="module")
def person(face: FaceModel) -> SimulatedPerson:
    return SimulatedPerson(face, 3)


@pytest.fixture(scope="module")
def wearer(face: FaceModel) -> SimulatedPerson:
    """Of glasses."""
    return next(p for p in (SimulatedPerson(face, seed) for seed in range(20)) if p.glasses)


def _scene(person: SimulatedPerson, seed: int = 0) -> Scene:
    return Scene.draw(np.random.default_rng(seed), person)


def _quiet(person: SimulatedPerson) -> Scene:
    """Without what a camera adds: differences are due to the face alone."""
    return dataclasses.replace(
        _scene(person), noise=0.0, blur=0.0, sharpening=0.0, resolution=1.0, occluder="none"
    )


def _bytes(person: SimulatedPerson, seed: int = 0) -> str:
    renderer = Renderer(person=person, scene=_scene(person), size=SIZE, seed=seed)
    frames = [renderer.render(NEUTRAL, np.array([yaw, 0.0, 0.0]), AHEAD) for yaw in (0.0, 2.0)]
    data = b"".join(f.image.tobytes() + f.landmarks.tobytes() for f in frames)
    return hashlib.sha256(data).hexdigest()


def test_a_frame_has_the_promised_shapes(person: SimulatedPerson) -> None:
    render = Renderer(person=person, scene=_scene(person), size=SIZE).render(
        NEUTRAL, FRONTAL, AHEAD
    )
    assert render.image.shape == (SIZE, SIZE, 3)
    assert render.image.dtype == np.uint8
    assert render.landmarks.shape == (68, 2)
    assert render.landmarks.dtype == np.float32
    assert render.image.std() > 5


def test_the_same_seed_gives_the_same_bytes(face: FaceModel, person: SimulatedPerson) -> None:
    assert _bytes(person) == _bytes(SimulatedPerson(face, 3))


def test_another_seed_gives_other_noise_and_another_person(
    face: FaceModel, person: SimulatedPerson
) -> None:
    assert _bytes(person) != _bytes(person, seed=1)
    assert SimulatedPerson(face, 4).traits != person.traits


def test_landmarks_go_where_the_head_goes(person: SimulatedPerson) -> None:
    renderer = Renderer(person=person, scene=_quiet(person), size=SIZE)
    nose = [
        renderer.render(NEUTRAL, np.array(pose, float), AHEAD).landmarks[30]
        for pose in ([0, 0, 0], [20, 0, 0], [0, 20, 0])
    ]
    assert nose[1][0] > nose[0][0] + 1  # yaw: to the viewer's right
    assert nose[2][1] > nose[0][1] + 1  # pitch: down


def test_eyes_turn_with_the_gaze(person: SimulatedPerson) -> None:
    """At a gaze of 1 the eyeballs have turned by 30 degrees about their own centres."""
    neutral = person.mesh.vertices[: len(person.face.vertices)]
    for gaze, axis, sign in (((0.5, 0.0), 0, 1), ((0.0, 0.5), 1, 1), ((0.0, -1.0), 1, -1)):
        turned = neutral.copy()
        person.turn_eyes(np.array(gaze), turned)
        expected = np.sin(np.radians(30 * max(map(abs, gaze))))
        for ball, centre in person.face.eyeballs(neutral):
            front = np.argmax(neutral[ball, 2])
            before, after = neutral[ball][front] - centre, turned[ball][front] - centre
            assert np.linalg.norm(after) == pytest.approx(np.linalg.norm(before), rel=1e-4)
            moved = (after - before)[axis] / np.linalg.norm(before)
            assert sign * moved == pytest.approx(expected, abs=0.15)
    unmoved = ~person.face.in_part("sclera")
    np.testing.assert_array_equal(turned[unmoved], neutral[unmoved])


def test_the_pose_is_told_relative_to_the_tilted_camera(person: SimulatedPerson) -> None:
    scene = dataclasses.replace(_quiet(person), tilt=5.0)
    renderer = Renderer(person=person, scene=scene, size=SIZE)
    np.testing.assert_allclose(renderer.pose_in_camera(FRONTAL), [0, -5, 0], atol=1e-5)
    np.testing.assert_allclose(
        renderer.pose_in_camera(np.array([0.0, 12.0, 0.0])), [0, 7, 0], atol=1e-5
    )


def test_moved_skin_changes_the_picture(person: SimulatedPerson) -> None:
    renderer = Renderer(person=person, scene=_quiet(person), size=SIZE)
    jaw = np.array([float(unit.code == "AU26") for unit in ACTION_UNITS])
    rest, dropped = (renderer.render(au, FRONTAL, AHEAD) for au in (NEUTRAL, jaw))
    assert dropped.landmarks[8, 1] > rest.landmarks[8, 1] + 1
    assert (rest.image != dropped.image).any()


@pytest.mark.parametrize("occluder", OCCLUDERS)
def test_covers_and_glasses_lie_before_the_face(wearer: SimulatedPerson, occluder: str) -> None:
    scene = dataclasses.replace(_quiet(wearer), occluder=occluder)
    render = Renderer(person=wearer, scene=scene, size=SIZE).render(NEUTRAL, FRONTAL, AHEAD)
    bare = Renderer(person=wearer, scene=_quiet(wearer), size=SIZE).render(NEUTRAL, FRONTAL, AHEAD)
    assert (render.image != bare.image).any() == (occluder != "none")
    np.testing.assert_array_equal(render.landmarks, bare.landmarks)


def test_rotations_turn_as_documented() -> None:
    viewer = np.array([0.0, 0.0, 1.0])
    assert rotation(0.1, 0, 0) @ viewer @ [1, 0, 0] > 0
    assert rotation(0, 0.1, 0) @ viewer @ [0, 1, 0] < 0
    assert rotation(0, 0, 0.1) @ np.array([1.0, 0, 0]) @ [0, 1, 0] > 0
    np.testing.assert_allclose(np.linalg.det(rotation(0.3, -0.2, 0.1)), 1, atol=1e-6)


def test_scenes_vary_and_keep_to_the_span(person: SimulatedPerson) -> None:
    rng = np.random.default_rng(0)
    scenes = [Scene.draw(rng, person, (30.0, 31.0)) for _ in range(50)]
    assert all(30 <= scene.visible_height <= 31 for scene in scenes)
    assert len({scene.background_seed for scene in scenes}) == 50
    assert all(np.isclose(np.linalg.norm(s.lighting.key), 1) for s in scenes)


def test_motion_smears_along_the_way(person: SimulatedPerson) -> None:
    scene = dataclasses.replace(_quiet(person), shutter_fraction=1.0, vignette=0.0)
    radiance = np.zeros((64, 64, 3), np.float32)
    radiance[32, 32] = 1
    still = CameraModel(scene, 64, 0).expose(radiance)
    moved = CameraModel(scene, 64, 0).expose(radiance, (0.03, 0.0))
    lit = (moved > moved[0, 0]).any(-1)
    assert lit.any(0).sum() > (still > still[0, 0]).any(-1).any(0).sum()
    assert lit.any(1).sum() <= 3


def test_people_of_the_real_model_fill_the_frame(real_face: FaceModel) -> None:
    for seed in range(4):
        person = SimulatedPerson(real_face, seed)
        render = Renderer(person=person, scene=_scene(person, seed), size=96).render(
            NEUTRAL, FRONTAL, AHEAD
        )
        assert (render.landmarks > 0).all()
        assert (render.landmarks < 96).all()
        assert render.image.std() > 10
