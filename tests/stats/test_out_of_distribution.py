"""How unlike the training faces a recording is, on planted clouds of embeddings."""

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
def spreads() -> np.ndarray:
    """Standard deviations of the planted cloud: wide along few axes, alike in the rest."""
    return np.where(np.arange(D) < N_COMPONENTS, np.linspace(0.5, 0.1, D), 0.02)


def videos(spreads: np.ndarray, seed: int, count: int) -> list[np.ndarray]:
    """Each with four frames of one person."""
    make = np.random.default_rng(seed)
    people = make.normal(size=(count, 1, D)) * spreads
    return list(0.3 + people + 1e-3 * make.normal(size=(count, 4, D)))


@pytest.fixture(scope="module")
def faces(spreads: np.ndarray) -> TrainingFaceModel:
    found = fit_training_face_model(videos(spreads, 0, 3000), videos(spreads, 1, 200))
    assert found is not None
    return found


def test_the_distance_is_mahalanobis_of_the_planted_cloud(faces, spreads):
    face = np.random.default_rng(2).normal(size=(1, D)) * spreads
    by_hand = np.sqrt(np.mean((face[0] / spreads) ** 2))
    assert faces.distance(0.3 + face) == pytest.approx(by_hand, rel=0.03)


def test_people_of_the_same_kind_are_spread_over_the_reference(faces, spreads):
    distances = [faces.distance(one) for one in videos(spreads, 3, 400)]
    assert np.mean([faces.n_nearer(d) for d in distances]) == pytest.approx(100, abs=12)
    assert np.mean([faces.is_out_of_distribution(d) for d in distances]) == pytest.approx(
        0.05, abs=0.035
    )


@pytest.mark.parametrize(("count", "told"), [(18, None), (19, True), (39, True)])
def test_few_unseen_recordings_tell_nothing(faces, count, told):
    """The farthest of n + 1 like recordings is any of them, with probability 1 / (n + 1)."""
    few = replace(faces, reference=np.linspace(0.5, 1.5, count))
    assert few.is_out_of_distribution(9.0) is told
    assert few.is_out_of_distribution(0.1) is (told if told is None else False)


@pytest.mark.parametrize("axis", [0, D - 1])
def test_one_off_in_any_direction_is_unlike(faces, spreads, axis):
    """Along a wide axis, or in what is left, where distances are small."""
    strange = np.full((4, D), 0.3)
    strange[:, axis] += 20 * spreads[axis]
    told = out_of_distribution_of(faces, strange)
    assert told is not None
    assert told.unlike
    assert told.share_nearer == 1
    assert told.n_reference == 200
    usual = out_of_distribution_of(faces, np.full((4, D), 0.3))
    assert usual is not None
    assert not usual.unlike


def test_it_is_stored_in_half_precision_beside_the_network(faces, spreads):
    back = unpack_training_faces({"head.bias": torch.zeros(1), **pack_training_faces(faces)})
    assert back is not None
    for one in videos(spreads, 4, 20):
        assert back.distance(one) == pytest.approx(faces.distance(one), rel=0.02)


def test_weights_may_know_nothing_of_their_training_faces():
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
