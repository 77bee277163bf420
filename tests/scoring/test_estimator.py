"""The estimator keeps small vectors of each frame, and the mean of the embeddings."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from depmap_cli.faces import FaceSample
from depmap_cli.scoring.estimator import VideoEstimator
from depmap_cli.scoring.inference import embed_faces
from depmap_cli.scoring.timing import StageClock
from depmap_cli.semantics.openface import AuTable
from depmap_cli.weights.loading import load_networks


@pytest.fixture(scope="module")
def networks():
    return load_networks(None, torch.device("cpu"))


@pytest.fixture(scope="module")
def faces(face_frames):
    return np.stack([frame[32:160, 32:160] for frame in face_frames[:40]])


def estimator_of(networks, faces, times, table=None):
    estimator = VideoEstimator(
        networks=networks, n_key_frames=2, au_table=table, clock=StageClock()
    )
    for start in range(0, len(faces), 25):
        rows = range(start, min(start + 25, len(faces)))
        estimator.add(
            [
                FaceSample(time=times[i], valid=True, reason="", n_faces=1, face=faces[i])
                for i in rows
            ]
        )
    return estimator


def kept_bytes(estimator):
    """Bytes in memory of all tensors that grow with the number of frames."""
    tensors = [
        value
        for part in (*estimator._semantics, *estimator._inference._batches)
        for value in vars(part).values()
        if isinstance(value, torch.Tensor)
    ]
    return sum(tensor.untyped_storage().nbytes() for tensor in tensors)


def test_little_is_kept_of_each_frame(networks, faces):
    """18,000 frames, an hour at 5 frames/s, then take less than 8 MB."""
    estimator = estimator_of(networks, faces, np.arange(40) / 5)
    few = kept_bytes(estimator_of(networks, faces[:20], np.arange(20) / 5))
    assert all(sample.face is None for sample in estimator.samples)
    assert 0 < (kept_bytes(estimator) - few) / 20 < 420


def test_the_estimate_uses_all_frames(networks, faces):
    times = np.arange(40) * 0.8
    estimate = estimator_of(networks, faces, times).finish()
    semantics = embed_faces(networks.semantics, faces, networks.device)
    usable = semantics.covered < 0.5
    assert usable.sum() > 30
    assert len(estimate.usable.times) == usable.sum()
    mean = semantics.image[usable].mean(0).numpy()
    np.testing.assert_allclose(estimate.usable.mean_embedding, mean, atol=1e-3)
    weights = estimate.scores.weights[0]
    assert float(weights.sum()) == pytest.approx(1, abs=1e-5)
    assert float(weights @ estimate.usable.features.scores) == pytest.approx(
        float(estimate.scores.score), abs=1e-3
    )
    assert estimate.steadiness.n_samples == 2
    assert estimate.steadiness.sampling_error > 0
    assert estimate.steadiness.without_decisive is not None
    for key_frame, picture in zip(estimate.key_frames, estimate.pictures, strict=True):
        row = int(round(key_frame.time / 0.8))
        np.testing.assert_array_equal(picture.face, faces[row])
        assert np.ptp(picture.heat) > 0


def test_angles_of_a_table_replace_those_that_it_has(networks, faces):
    times = np.arange(12) / 5
    read = estimator_of(networks, faces[:12], times).finish().usable.angles
    angles = np.full((12, 5), np.nan)
    angles[:, 0] = 7.0
    table = AuTable(times, np.zeros((12, 18)), angles=angles)
    usable = estimator_of(networks, faces[:12], times, table).finish().usable
    assert usable.angles is not None
    assert np.all(usable.angles[:, 0] == 7)
    if read is None:
        assert np.isnan(usable.angles[:, 1:]).all()
    else:
        assert usable.angles[:, 1:] == pytest.approx(read[:, 1:])


def test_without_readings_there_are_no_angles(networks, faces):
    estimator = estimator_of(networks, faces[:12], np.arange(12) / 5)
    missing = torch.full((12, 5), torch.nan)  # one batch
    estimator._semantics = [replace(part, angles=missing) for part in estimator._semantics]
    assert estimator.finish().usable.angles is None
