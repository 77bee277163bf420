"""The score of a video does not depend on batch size, precision or device.

Tolerances are in BDI-II points. Batch sizes agree to ``EXACT``. Precisions and devices round
differently: the score of a frame agrees to ``ROUNDED``, but if two frames have nearly equal
weights, rounding decides which of them is a key frame, so the score of a video agrees only to
``ONE_KEY_FRAME`` (with bfloat16, this video differs by 0.67 points on processors that support it,
another one in benchmarks/2026-11-27-speed.md by 1.07). Therefore scoring uses float32.
"""

import numpy as np
import pytest
import torch

from depmap_cli.config import FaceConfig, SamplingConfig
from depmap_cli.faces import FaceDetector, extract_faces
from depmap_cli.scoring.inference import VideoInference
from depmap_cli.scoring.options import ScoreOptions
from depmap_cli.scoring.scorer import Scorer
from depmap_cli.video.reader import sample_frames
from depmap_cli.weights.loading import Networks, load_networks

EXACT, ROUNDED, ONE_KEY_FRAME = 0.001, 0.25, 2.0


@pytest.fixture(scope="module")
def networks() -> Networks:
    return load_networks(None, torch.device("cpu"))


@pytest.fixture(scope="module")
def faces(interview):
    frames = sample_frames(interview, SamplingConfig(frames=20))
    segments = extract_faces(frames, FaceDetector(FaceConfig()))
    return np.stack([s.face for segment in segments for s in segment if s.face is not None])


def scored(networks, faces, at_once, bfloat16=False, shares_backbone=True):
    """Return the score of the video and the score of each frame."""
    inference = VideoInference(
        model=networks.model,
        semantics=networks.semantics,
        device=networks.device,
        shares_backbone=shares_backbone,
    )
    for start in range(0, len(faces), at_once):
        batch = faces[start : start + at_once]
        with torch.autocast(networks.device.type, torch.bfloat16, enabled=bfloat16):
            semantics, maps = inference.embed(batch)
        if maps is None:
            inference.encode_faces(batch, semantics)
        else:
            inference.encode_maps([m.float() for m in maps], semantics)
    video, frames = inference.finish()
    return float(video.score), frames.scores.numpy()


@pytest.mark.parametrize("at_once", [1, 3, 8, 20])
@pytest.mark.parametrize("shares_backbone", [True, False])
def test_batch_sizes_agree(networks, faces, at_once, shares_backbone):
    expected, frames = scored(networks, faces, 16)
    score, frame_scores = scored(networks, faces, at_once, False, shares_backbone)
    assert score == pytest.approx(expected, abs=EXACT)
    np.testing.assert_allclose(frame_scores, frames, atol=EXACT)


@pytest.mark.parametrize("at_once", [5, 16])
def test_bfloat16_agrees_with_float32(networks, faces, at_once):
    check_rounded(scored(networks, faces, at_once, True), scored(networks, faces, 16))


def check_rounded(actual, expected):
    assert actual[0] == pytest.approx(expected[0], abs=ONE_KEY_FRAME)
    np.testing.assert_allclose(actual[1], expected[1], atol=ROUNDED)
    assert np.ptp(expected[1]) > 10 * ROUNDED  # frames differ by more than that


@pytest.mark.slow
def test_detection_does_not_depend_on_the_size_of_the_chunk(interview, monkeypatch):
    scorer = Scorer.load(device="cpu")
    options = ScoreOptions(frames=20)
    estimates = []
    for chunk in (1, 8, 32):
        monkeypatch.setattr("depmap_cli.faces.follow._SPARSE_CHUNK", chunk)
        estimates.append(scorer.score(interview, options).report.estimate.score)
    assert estimates == pytest.approx([estimates[0]] * 3, abs=0.011)  # reports round to 0.01


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("bfloat16", [False, True])
def test_a_gpu_agrees_with_the_cpu(networks, faces, bfloat16):
    on_gpu = load_networks(None, torch.device("cuda"))
    expected = scored(networks, faces, 16)
    for at_once in (1, 20):
        check_rounded(scored(on_gpu, faces, at_once, bfloat16), expected)
