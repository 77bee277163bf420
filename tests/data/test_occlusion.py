"""Covered faces: drawn over faces for training, told by the semantic model, left out of a score."""

import cv2
import numpy as np
import pytest
import torch

from tests.support.videos import write_video


@pytest.fixture(scope="module")
def pixels(face_frames):
    from depmap_cli.faces import align_face
    from depmap_cli.faces.align import TEMPLATE
    from depmap_cli.model.backbone import normalise_pixels

    crops = [align_face(frame, TEMPLATE * 150 + 20, 128) for frame in face_frames[:24]]
    return normalise_pixels(torch.from_numpy(np.stack(crops)))


def test_the_hidden_share_is_that_of_the_changed_pixels(pixels):
    from depmap_cli.data.occlusion import cover_faces

    covered, hidden = cover_faces(pixels, 1.0, torch.Generator().manual_seed(3))
    rows, columns = np.mgrid[:128, :128]
    inner = ((columns - 64) / 43.5) ** 2 + ((rows - 65.3) / 46.1) ** 2 < 1
    changed = ((covered - pixels).abs().amax(1) > 1e-3).numpy()[:, inner].mean(1)
    assert (changed + 0.02 >= hidden.numpy()).all()  # besides, a shadow falls beside the hand
    assert np.corrcoef(changed, hidden)[0, 1] > 0.9
    assert hidden.min() < 0.05  # some beside the face
    assert hidden.max() > 0.3  # some over most of it


def test_as_many_are_covered_as_asked_for_and_the_others_stay(pixels):
    from depmap_cli.data.occlusion import cover_faces

    many = pixels[:1].expand(400, -1, -1, -1)
    covered, hidden = cover_faces(many, 0.25, torch.Generator().manual_seed(0))
    changed = (covered != many).flatten(1).any(1)
    assert 0.19 < changed.float().mean() < 0.31  # binomial, 400 draws: four standard deviations
    assert (hidden[~changed] == 0).all()
    again, _ = cover_faces(many, 0.25, torch.Generator().manual_seed(0))
    assert torch.equal(covered, again)
    same, none = cover_faces(pixels, 0.0, torch.Generator().manual_seed(0))
    assert torch.equal(same, pixels)
    assert not none.any()


def draw_hand(frame: np.ndarray) -> np.ndarray:
    """A fist over mouth and nose, in the face's own colour, drawn otherwise than in training."""
    image = frame.copy()
    skin = tuple(int(v) for v in frame[95:105, 70:76].mean((0, 1)))
    dark = tuple(int(0.6 * v) for v in skin)
    cv2.ellipse(image, (96, 150), (34, 48), 0, 0, 360, skin, -1, cv2.LINE_AA)
    for x in (72, 88, 104, 120):
        cv2.ellipse(image, (x, 112), (9, 14), 0, 0, 360, skin, -1, cv2.LINE_AA)
        cv2.line(image, (x + 8, 104), (x + 8, 130), dark, 2, cv2.LINE_AA)
    return image


def test_a_covered_stretch_is_left_out_of_the_score(face_frames, tmp_path):
    from depmap_cli import score_video
    from depmap_cli.faces.track import COVERED_FACE

    frames = [draw_hand(f) if 24 <= i < 48 else f for i, f in enumerate(face_frames)]
    path = tmp_path / "hand.mp4"
    write_video(path, frames)
    result = score_video(path)
    reasons = np.array([row.reason for row in result.frame_rows])
    times = np.array([row.time for row in result.frame_rows])
    inside = (times > 4.1) & (times < 7.9)
    outside = (times < 3.9) | (times > 8.1)
    left_out = reasons != ""
    assert left_out[inside].mean() > 0.7
    assert left_out[outside].mean() < 0.1
    assert COVERED_FACE in reasons
    used = np.array([row.weight > 0 for row in result.frame_rows])
    assert not used[left_out].any()
    assert result.report.quality.usable_frames == int((~left_out).sum())


def test_only_a_calibrated_model_calls_faces_covered(tmp_path):
    from depmap_cli.semantics.clip_model import BUNDLED_MODEL, COVERED_THRESHOLD, SemanticModel
    from depmap_cli.semantics.load_model import build_clip

    clip = build_clip(BUNDLED_MODEL)
    faces = torch.randint(0, 255, (3, 128, 128, 3), dtype=torch.uint8)
    silent = SemanticModel(clip=clip, model=BUNDLED_MODEL, sha256="0", document={})
    assert (silent(faces).covered < COVERED_THRESHOLD).all()
    units = {"scale": [1.0] * 18, "bias": [0.0] * 18}
    told = SemanticModel(
        clip=clip,
        model=BUNDLED_MODEL,
        sha256="0",
        document={"calibration": {**units, "covered": [3.0, 0.5]}},
    )
    seen = told(faces)
    expected = torch.sigmoid(3 * (seen.image @ told.covering[0]) + 0.5)
    torch.testing.assert_close(seen.covered, expected)


def test_training_draws_no_covered_frame():
    from pathlib import Path

    from depmap_cli.data.clips import VideoClip
    from depmap_cli.data.labelled_video import LabelledVideo
    from depmap_cli.semantics.clip_model import SemanticFeatures

    covered = torch.zeros(100)
    covered[20:60] = 1
    seen = SemanticFeatures(
        image=torch.zeros(100, 4),
        au_probabilities=torch.zeros(100, 18),
        covered=covered,
        angles=torch.zeros(100, 5),
    )
    video = LabelledVideo(
        split="Training", subject="1", session="1", task="Freeform", path=Path("a.mp4"), score=10
    )
    clip = VideoClip(
        video=video,
        faces=np.zeros((100, 2, 2, 3), np.uint8),
        features=seen,
        usable=np.r_[0:20, 60:100],
    )
    generator = torch.Generator().manual_seed(0)
    for rows in (
        clip.sample_evenly(16),
        clip.sample_evenly(500),
        clip.sample_randomly(200, generator),
    ):
        assert not covered[rows].any()
    assert len(clip.sample_evenly(16)) == 16
    assert len(clip.sample_evenly(500)) == 60
