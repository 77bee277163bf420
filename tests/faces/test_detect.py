"""MTCNN finds and follows faces; memory is bounded, and odd input does no harm."""

from collections import defaultdict

import cv2
import numpy as np
import pytest

from depmap_cli.config import FaceConfig, SamplingConfig
from depmap_cli.faces import FaceDetector, extract_faces
from depmap_cli.faces.fixed_size_batches import BATCH_SIZES
from depmap_cli.faces.follow import CHUNK, iter_detections
from depmap_cli.faces.quarter_turns import turned_boxes, turned_image, turned_points
from depmap_cli.video.reader import Frame, sample_frames


@pytest.fixture(scope="module")
def detector():
    return FaceDetector(FaceConfig())


@pytest.fixture(autouse=True)
def _new_video(detector):
    detector.start_video()


def as_frames(images, step=0.2):
    return [Frame(time=i * step, image=image, scale=1.0) for i, image in enumerate(images)]


def distance(landmarks, reference):
    """Root mean square distance in eye distances."""
    apart = np.sqrt(((landmarks - reference) ** 2).sum(-1).mean())
    return apart / np.linalg.norm(reference[1] - reference[0])


def test_mtcnn_finds_the_rendered_face(detector, interview):
    frames = sample_frames(interview, SamplingConfig(frames=24))
    found = [s for part in extract_faces(frames, detector) for s in part]
    assert len(found) == 24
    assert sum(s.valid for s in found) >= 22
    assert all(s.face.shape == (128, 128, 3) and s.eye_distance > 20 for s in found if s.valid)


def test_the_search_agrees_with_facenet(detector, face_frames):
    """Landmarks agree with those of facenet-pytorch's own code."""
    from facenet_pytorch import MTCNN

    mtcnn = MTCNN(keep_all=True, min_face_size=24)
    for image in face_frames[:24:4]:
        _, _, points = mtcnn.detect(image, landmarks=True)
        assert distance(detector.detect([image])[0][0].landmarks, points[0]) < 0.08


def test_followed_landmarks_are_as_good_as_searched_ones(detector, face_frames):
    images = face_frames[:60]
    followed = [faces[0] for _, faces in iter_detections(as_frames(images), detector)]
    searched = [faces[0] for faces in detector.detect(images)]
    apart = [distance(a.landmarks, b.landmarks) for a, b in zip(followed, searched, strict=True)]
    assert np.median(apart) < 0.02
    assert max(apart) < 0.06


def test_a_face_is_followed_from_a_box_that_is_a_quarter_off(detector, face_frames):
    face = detector.detect([face_frames[0]])[0][0]
    shift = 0.25 * face.side
    for dx, dy in ((shift, 0), (-shift, 0), (0, shift), (0, -shift)):
        box = face.box + (dx, dy, dx, dy)
        near = detector.follow([face_frames[0]], np.array([0]), box[None])[0]
        assert distance(near.landmarks, face.landmarks) < 0.05


def test_no_face_is_followed_where_there_is_none(detector, face_frames):
    blank, image = np.full_like(face_frames[0], 90), face_frames[0]
    face = detector.detect([image])[0][0]
    away = face.box + 2 * face.side
    odd = [[np.nan] * 4, [5, 5, 5, 5], [9, 9, 2, 2], [-900, -900, -800, -800], [-1e7, 0, 1e7, 9e6]]
    boxes = np.array([face.box, face.box, away, *odd])
    owners = np.array([1, 0, 1, 1, 1, 1, 1, 1])
    found = detector.follow([blank, image], owners, boxes)
    assert [f is not None for f in found] == [True] + [False] * 7
    assert detector.follow([image], np.empty(0, int), np.empty((0, 4))) == []


def test_a_face_across_the_border_does_no_harm(detector, face_frames):
    face = detector.detect([face_frames[0]])[0][0]
    x = int(face.centre[0])
    cut = np.ascontiguousarray(face_frames[0][:, x:])
    box = face.box - (x, 0, x, 0)
    found = detector.follow([cut], np.array([0]), box[None])[0]
    assert found is None or np.isfinite(found.landmarks).all()


def test_memory_of_detection_depends_neither_on_frames_nor_on_candidates(detector, face_frames):
    """Batches have few fixed sizes (oneDNN caches a kernel for each size)."""
    sizes = defaultdict(set)

    def watch(name, network):
        return network.register_forward_pre_hook(lambda _, given: sizes[name].add(len(given[0])))

    mtcnn = detector._mtcnn
    networks = {"p": mtcnn._p_net, "r": mtcnn._r_net.network, "o": mtcnn._o_net.network}
    hooks = [watch(name, network) for name, network in networks.items()]
    for n in (3, 10, CHUNK):
        assert all(detector.detect(face_frames[:n]))
        assert all(faces for _, faces in iter_detections(as_frames(face_frames[:n]), detector))
    for hook in hooks:
        hook.remove()
    assert sizes["p"] == {1}
    assert sizes["r"] | sizes["o"] <= set(BATCH_SIZES)


def test_a_batch_with_faceless_frames_does_not_crash(detector, face_frames):
    blank = np.zeros_like(face_frames[0])
    found = detector.detect([face_frames[0], blank, face_frames[1], blank])
    assert [len(f) for f in found] == [1, 0, 1, 0]
    assert detector.detect([blank]) == [[]]
    assert detector.detect([]) == []


@pytest.mark.parametrize("shape", [(1, 1), (2, 400), (400, 2), (11, 11), (12, 12), (30, 2000)])
def test_odd_shapes_have_no_face(detector, shape):
    assert detector.detect([np.full((*shape, 3), 120, np.uint8)]) == [[]]


def test_detection_does_not_depend_on_the_batch(detector, face_frames):
    alone = detector.detect([face_frames[0]])[0][0]
    together = detector.detect(face_frames[:8])[0][0]
    np.testing.assert_allclose(alone.landmarks, together.landmarks, atol=0.05)


def test_images_of_several_sizes_are_searched_as_if_alone(detector, face_frames):
    """A video may change its size on the way."""
    images = [
        cv2.resize(image, (side, side))
        for image, side in zip(face_frames[:6], (128, 96, 640, 128, 256, 96), strict=True)
    ]
    together = detector.detect(images)
    for image, faces in zip(images, together, strict=True):
        alone = detector.detect([image])
        np.testing.assert_allclose(faces[0].box, alone[0][0].box, atol=0.1)


def test_small_faces_are_left_out_on_request(detector, face_frames):
    side = detector.detect([face_frames[0]])[0][0].side
    assert detector.detect([face_frames[0]], smallest=0.7 * side)[0]
    assert not detector.detect([face_frames[0]], smallest=2.5 * side)[0]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_points_turn_with_the_image(turns):
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[10:14, 20:30] = 255
    box = np.array([[20.0, 10, 30, 14]])
    rows, columns = np.nonzero(turned_image(picture, turns)[..., 0])
    expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(turned_boxes(box, turns, picture.shape)[0], expected)
    corner = turned_points(np.array([[20.0, 10]]), turns, picture.shape)[0].astype(int)
    assert turned_image(picture, turns)[corner[1], corner[0], 0] == 255
    back = turned_points(corner[None].astype(float), -turns, turned_image(picture, turns).shape)
    np.testing.assert_allclose(back, [[20, 10]])


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_face_on_its_side_is_read_turned(detector, face_frames, turns):
    images = [np.ascontiguousarray(face[20:, :]) for face in face_frames[:40]]  # not square
    upright = [s for part in extract_faces(as_frames(images), detector) for s in part]
    assert {s.quarter_turns for s in upright} == {0}
    on_side = [turned_image(image, -turns) for image in images]
    found = [s for part in extract_faces(as_frames(on_side), detector) for s in part]
    assert all(s.valid and s.quarter_turns == turns for s in found)
    for a, b in zip(found, upright, strict=True):
        stored = turned_points(b.landmarks, -turns, images[0].shape)
        assert distance(a.landmarks, stored) < 0.02
        difference = np.abs(a.face.astype(int) - b.face.astype(int)).mean()
        assert difference < 4  # grey levels: the aligned face is upright
    assert detector.quarter_turns == turns
    detector.start_video()
    assert detector.quarter_turns == 0


def test_a_video_without_faces_is_not_turned(detector):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (120, 160, 3), dtype=np.uint8) for _ in range(40)]
    found = [s for part in extract_faces(as_frames(images), detector) for s in part]
    assert not any(s.valid for s in found)
    assert detector.quarter_turns == 0


def test_a_faceless_start_does_not_decide_how_the_video_is_turned(detector, face_frames):
    blank = [np.full_like(face_frames[0], 90)] * 12
    images = [turned_image(image, 1) for image in [*blank, *face_frames[:60]]]
    found = [s for part in extract_faces(as_frames(images), detector) for s in part]
    assert {s.quarter_turns for s in found if s.valid} == {3}
    assert sum(s.valid for s in found) >= 35
