"""The inference path: batch sizes, a shared backbone, and many frames of one video."""

import numpy as np
import pytest
import torch

from depmap_cli.io.checkpoint import load_checkpoint, save_checkpoint
from depmap_cli.scoring.inference import VideoInference, embed_faces
from depmap_cli.semantics.clip_model import SemanticFeatures, SemanticModel
from depmap_cli.weights.loading import load_networks
from depmap_cli.weights.locations import DEFAULT_WEIGHTS, weights_folder
from depmap_cli.weights.packing import unpack_network


class StubSemanticModel(SemanticModel):
    """Records the batch sizes; its features are the mean grey level."""

    def __init__(self):
        torch.nn.Module.__init__(self)
        self.sizes = []

    def forward(self, faces):
        self.sizes.append(len(faces))
        means = faces.float().mean((1, 2, 3))
        return SemanticFeatures(
            image=means[:, None],
            au_probabilities=means[:, None],
            covered=means,
            angles=torch.zeros(len(faces), 5),
        )


def test_batches_are_small():
    semantics = StubSemanticModel()
    faces = np.repeat(np.arange(135, dtype=np.uint8), 12).reshape(135, 2, 2, 3)
    features = embed_faces(semantics, faces, torch.device("cpu"))
    assert features.covered.tolist() == list(range(135))
    assert max(semantics.sizes) <= 16


def test_a_shared_backbone_gives_the_features_of_two_backbones(face_frames):
    """Semantic features from the feature maps of Dep-MAP equal those of the semantic model."""
    networks = load_networks(None, torch.device("cpu"))
    assert networks.shares_backbone
    faces = np.stack([frame[:128, :128] for frame in face_frames[:5]])
    shared = VideoInference(
        model=networks.model,
        semantics=networks.semantics,
        device=networks.device,
        shares_backbone=True,
    )
    separate = VideoInference(
        model=networks.model, semantics=networks.semantics, device=networks.device
    )
    (features, maps), (expected, none) = shared.embed(faces), separate.embed(faces)
    assert none is None
    for name in ("image", "au_probabilities", "covered"):
        torch.testing.assert_close(
            getattr(features, name), getattr(expected, name), rtol=1e-3, atol=1e-4
        )
    frame_confidence = shared.encode_maps(maps, features)
    np.testing.assert_allclose(frame_confidence, separate.encode_faces(faces, expected), rtol=1e-3)
    scores = [float(inference.finish()[0].score) for inference in (shared, separate)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-2)


def test_a_different_backbone_is_not_shared(tmp_path):
    shipped = load_checkpoint(weights_folder() / DEFAULT_WEIGHTS, "depmap")
    document = {k: v for k, v in shipped.document.items() if k not in ("format", "kind")}
    tensors = unpack_network(shipped.tensors, load_networks(None, torch.device("cpu")).semantics)
    tensors["backbone.stem.0.weight"] = tensors["backbone.stem.0.weight"] * 1.5
    save_checkpoint(tmp_path / "other.safetensors", "depmap", document, tensors)
    assert not load_networks(tmp_path / "other.safetensors", torch.device("cpu")).shares_backbone


def _score(networks, faces, training_frames):
    inference = VideoInference(
        model=networks.model,
        semantics=networks.semantics,
        device=networks.device,
        training_frames=training_frames,
    )
    inference.encode_faces(faces, embed_faces(networks.semantics, faces, networks.device))
    return inference.finish()[0]


@pytest.mark.slow
def test_more_frames_than_in_training_are_weighted_over_all_samplings(face_frames):
    networks = load_networks(None, torch.device("cpu"))
    faces = np.stack([frame[32:160, 32:160] for frame in face_frames[:31]])
    whole = _score(networks, faces, 10)
    rng = np.random.default_rng(0)
    drawn = [
        _score(networks, faces[((np.arange(10) + rng.random(10)) * 3.1).astype(int)], 10)
        for _ in range(12)
    ]
    scores = [float(sampling.score) for sampling in drawn]
    standard_error = np.std(scores, ddof=1) / np.sqrt(len(scores))
    assert float(whole.score) == pytest.approx(np.mean(scores), abs=3 * standard_error)
    levels = sum(sampling.levels for sampling in drawn) / len(drawn)
    torch.testing.assert_close(whole.levels, levels, rtol=0, atol=0.1)
    fused = sum(sampling.fused for sampling in drawn) / len(drawn)
    torch.testing.assert_close(whole.fused, fused, rtol=0.2, atol=0.2)
    assert float(whole.weights.sum()) == pytest.approx(1, abs=1e-5)
    assert int((whole.weights > 0).sum()) > 10  # not one sampling only


def test_up_to_the_number_of_training_frames_are_scored_as_one_sample(face_frames):
    networks = load_networks(None, torch.device("cpu"))
    faces = np.stack([frame[32:160, 32:160] for frame in face_frames[:14]])
    assert float(_score(networks, faces, 14).score) == float(_score(networks, faces, None).score)
    assert float(_score(networks, faces, 10).score) != float(_score(networks, faces, None).score)
