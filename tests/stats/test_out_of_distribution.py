"""Out-of-distribution detection, on planted clouds of embeddings."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from depmap_cli.scoring.report_builder import out_of_distribution_of
from depmap_cli.stats.out_of_distribution import (
    N_COMPONENTS,
    TrainingFaceModel,
    fit_training_face_model,
)
from depmap_cli.weights.packing import pack_training_faces, unpack_training_faces

D = 48


@pytest.fixture(scope="module")
def stds() -> np.ndarray:
    """Standard deviations of the planted cloud: large on a few axes, equal on the others."""
    return np.where(np.arange(D) < N_COMPONENTS, np.linspace(0.5, 0.1, D), 0.02)


def videos(stds: np.ndarray, seed: int, count: int) -> list[np.ndarray]:
    """Return the embeddings of ``count`` videos, each with four frames of one person."""
    make = np.random.default_rng(seed)
    people = make.normal(size=(count, 1, D)) * stds
    return list(0.3 + people + 1e-3 * make.normal(size=(count, 4, D)))


@pytest.fixture(scope="module")
def faces(stds: np.ndarray) -> TrainingFaceModel:
    model = fit_training_face_model(videos(stds, 0, 3000), videos(stds, 1, 200))
    assert model is not None
    return model


def test_the_distance_is_mahalanobis_of_the_planted_cloud(faces, stds):
    face = np.random.default_rng(2).normal(size=(1, D)) * stds
    by_hand = np.sqrt(np.mean((face[0] / stds) ** 2))
    assert faces.distance(0.3 + face) == pytest.approx(by_hand, rel=0.03)


def test_people_from_the_same_cloud_are_within_the_reference(faces, stds):
    distances = [faces.distance(video) for video in videos(stds, 3, 400)]
    assert np.mean([faces.n_nearer(d) for d in distances]) == pytest.approx(100, abs=12)
    assert np.mean([faces.is_out_of_distribution(d) for d in distances]) == pytest.approx(
        0.05, abs=0.035
    )


@pytest.mark.parametrize(("count", "outside"), [(18, None), (19, True), (39, True)])
def test_few_reference_videos_allow_no_decision(faces, count, outside):
    """Each of n + 1 exchangeable videos is the farthest with probability 1 / (n + 1)."""
    few = replace(faces, reference=np.linspace(0.5, 1.5, count))
    assert few.is_out_of_distribution(9.0) is outside
    assert few.is_out_of_distribution(0.1) is (None if outside is None else False)


@pytest.mark.parametrize("axis", [0, D - 1])
def test_a_video_off_in_any_direction_is_outside(faces, stds, axis):
    """Along a wide axis, or in the residual, where standard deviations are small."""
    strange = np.full((4, D), 0.3)
    strange[:, axis] += 20 * stds[axis]
    outside = out_of_distribution_of(faces, strange)
    assert outside is not None
    assert outside.is_out_of_distribution
    assert outside.share_nearer == 1
    assert outside.n_reference == 200
    inside = out_of_distribution_of(faces, np.full((4, D), 0.3))
    assert inside is not None
    assert not inside.is_out_of_distribution


def test_it_is_stored_in_half_precision_with_the_network(faces, stds):
    back = unpack_training_faces({"head.bias": torch.zeros(1), **pack_training_faces(faces)})
    assert back is not None
    for video in videos(stds, 4, 20):
        assert back.distance(video) == pytest.approx(faces.distance(video), rel=0.02)


def test_weights_may_lack_the_model_of_their_training_faces():
    assert pack_training_faces(None) == {}
    assert unpack_training_faces({}) is None
    assert out_of_distribution_of(None, np.zeros((3, D))) is None
    assert fit_training_face_model([np.zeros((N_COMPONENTS, D))], []) is None  # too few frames


@pytest.mark.parametrize(("name", "value"), [("spread", 0.0), ("mean", np.nan), ("axes", np.inf)])
def test_damaged_faces_are_refused(name, value):
    faces = fit_training_face_model([np.random.default_rng(0).normal(size=(80, 6))], [])
    arrays = {key: array.copy() for key, array in faces.arrays.items()}
    assert TrainingFaceModel.of_arrays(arrays).residual_std > 0
    arrays[name].flat[0] = value
    with pytest.raises(ValueError, match="training faces"):
        TrainingFaceModel.of_arrays(arrays)
