"""Frozen and covered faces through the command: what is refused, and with which reason."""

import json

import cv2
import numpy as np
import pytest

from tests.support.videos import ffmpeg, write_video

FAST = ("--frames", "20", "--device", "cpu", "--json")


@pytest.fixture
def frozen(face_frames, tmp_path):
    """A still picture with noise, coded with a key frame every 12 frames."""
    generator = np.random.default_rng(0)
    images = [
        np.clip(face_frames[9] + generator.normal(0, 4, (192, 192, 1)), 0, 255).astype(np.uint8)
        for _ in range(72)
    ]
    raw, path = write_video(tmp_path / "raw.mp4", images), tmp_path / "frozen.mp4"
    ffmpeg("-i", raw, "-c:v", "libx264", "-crf", "26", "-g", "12", path)
    return path


def test_a_frozen_picture_is_refused(run, frozen):
    code, out, _ = run("score", frozen, *FAST)
    report = json.loads(out)
    assert (code, report["status"]) == (4, "refused")
    assert "the face does not move" in report["reason"]
    assert report["hint"].startswith("the face does not move in ")
    assert "a photo or a frozen picture cannot be scored" in report["hint"]


def test_a_caption_over_the_mouth_is_refused(run, face_frames, tmp_path):
    images = [cv2.rectangle(f.copy(), (0, 122), (191, 148), (20, 20, 20), -1) for f in face_frames]
    code, out, _ = run("score", write_video(tmp_path / "caption.mp4", images), *FAST)
    report = json.loads(out)
    assert (code, report["status"]) == (4, "refused")
    assert report["hint"].startswith("the face is covered in ")


@pytest.mark.parametrize("cover", ["mask", "sunglasses"])
def test_a_masked_face_is_called_covered(run, face_frames, face_landmarks, tmp_path, cover):
    images = []
    for frame, (left, right, _, *corners) in zip(face_frames, face_landmarks, strict=True):
        image, eyes = frame.copy(), right[0] - left[0]
        if cover == "sunglasses":
            bridge = tuple(map(int, left)), tuple(map(int, right))
            cv2.line(image, *bridge, (15, 15, 18), 3)
            for eye in (left, right):
                axes = (int(0.38 * eyes), int(0.28 * eyes))
                cv2.ellipse(image, tuple(map(int, eye)), axes, 0, 0, 360, (15, 15, 18), -1)
        else:
            x, y = np.mean(corners, axis=0)
            outline = [(-0.85, -0.6), (0, -0.8), (0.85, -0.6), (0.6, 0.35), (0, 0.65), (-0.6, 0.35)]
            points = np.array(outline) * eyes + (x, y)
            cv2.fillConvexPoly(image, points.round().astype(int), (205, 220, 232))
        images.append(image)
    code, out, _ = run("score", write_video(tmp_path / "covered.mp4", images), *FAST)
    report = json.loads(out)
    assert (code, report["status"]) == (4, "refused")
    assert report["hint"].startswith("the face is covered in ")


def test_the_interview_is_neither_frozen_nor_covered(run, interview):
    code, out, _ = run("score", interview, *FAST)
    report = json.loads(out)
    assert code == 0
    checks = {check["name"]: check["value"] for check in report["quality"]["checks"]}
    assert checks["still_share"] == 0
    assert checks["usable_share"] == 1
