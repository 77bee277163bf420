"""The network that finds landmarks, and its training."""

import numpy as np
import pytest
import torch

from depmap_cli.config import SemanticsTrainConfig
from depmap_cli.domain.landmarks import EYE_CORNERS, MIRROR
from depmap_cli.errors import DataInvalid
from depmap_cli.semantics.landmark_network import SIDE, LandmarkNetwork
from depmap_cli.semantics_training import AuFrames, SemanticsRun, train_semantics
from depmap_cli.semantics_training.batches import make_batch


def _landmarks(n: int, seed: int = 0) -> torch.Tensor:
    """Random landmarks of n faces, with the eyes about level."""
    landmarks = 0.2 + 0.6 * torch.rand(n, 68, 2, generator=torch.Generator().manual_seed(seed))
    corners = torch.tensor([[0.2, 0.35], [0.4, 0.36], [0.6, 0.36], [0.8, 0.35]])
    landmarks[:, list(EYE_CORNERS)] = corners
    return landmarks


def test_before_training_landmarks_lie_where_the_prior_has_them():
    torch.manual_seed(0)
    network = LandmarkNetwork().eval()
    mean = _landmarks(1)[0]
    network.set_prior(mean)
    with torch.inference_mode():
        found = network(torch.randn(2, 3, SIDE, SIDE))
    assert found.shape == (2, 68, 2)
    assert (found - mean).abs().max() < 0.04


def test_faces_of_any_size_are_read_alike():
    torch.manual_seed(0)
    network = LandmarkNetwork().eval()
    small = torch.rand(1, 3, 32, 32)
    large = torch.nn.functional.interpolate(small, (SIDE, SIDE), mode="bilinear", antialias=True)
    with torch.inference_mode():
        torch.testing.assert_close(network(small), network(large))


@pytest.mark.slow
def test_the_network_learns_to_find_a_spot():
    """The control is the mean place: a network that does not look is not better."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)

    def draw(n: int) -> tuple[torch.Tensor, torch.Tensor]:
        places = 0.25 + 0.5 * torch.rand(n, 1, 2, generator=generator)
        ticks = (torch.arange(SIDE) + 0.5) / SIDE
        near = torch.exp(
            -((ticks[None, None, :] - places[:, :, :1]) ** 2) / 0.004
            - ((ticks[None, :, None] - places[:, :, 1:]) ** 2) / 0.004
        )
        return near[:, None].expand(-1, 3, -1, -1), places.expand(-1, 68, -1)

    network = LandmarkNetwork()
    network.set_prior(torch.full((68, 2), 0.5))
    optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
    for _ in range(25):
        pixels, truth = draw(16)
        loss = 100 * torch.nn.functional.smooth_l1_loss(network(pixels), truth, beta=0.01)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    pixels, truth = draw(64)
    with torch.inference_mode():
        found = network(pixels)  # with the statistics of the batch
    error = (found - truth).norm(dim=-1).mean()
    error_of_mean = (truth - truth.mean(0)).norm(dim=-1).mean()
    assert error < 0.4 * error_of_mean


def _frames(landmarks: np.ndarray) -> AuFrames:
    rng = np.random.default_rng(0)
    n = len(landmarks)
    return AuFrames(
        faces=[rng.integers(0, 255, (n, 64, 64, 3), np.uint8)],
        intensity=np.full((n, 18), 0.3, np.float32),
        angles=np.full((n, 5), np.nan, np.float32),
        landmarks=landmarks,
        index=np.array([(0, i) for i in range(n)]),
    )


def test_landmarks_of_mirrored_pictures_change_sides():
    frames = _frames(np.tile(_landmarks(1).numpy(), (12, 1, 1)))
    batch = make_batch(frames, np.arange(12), torch.Generator().manual_seed(0))
    kept, changed = 0, 0
    for landmarks in batch.landmarks:
        plain = (landmarks - torch.from_numpy(frames.landmarks[0])).norm(dim=1).mean()
        other = torch.from_numpy(frames.landmarks[0][list(MIRROR)]) * torch.tensor([-1.0, 1.0])
        mirrored = (landmarks - other - torch.tensor([1.0, 0.0])).norm(dim=1).mean()
        assert min(plain, mirrored) < 0.15
        kept, changed = kept + int(plain < mirrored), changed + int(mirrored < plain)
    assert kept
    assert changed


def test_without_known_landmarks_the_network_is_not_trained(tmp_path):
    unknown = _frames(np.full((8, 68, 2), np.nan, np.float32))

    def run(name: str, **settings: str) -> SemanticsRun:
        return SemanticsRun(
            output=tmp_path / f"{name}.safetensors",
            config=SemanticsTrainConfig(epochs=1, batch_size=8, **settings),
            statement="here",
            simulated=True,
        )

    with pytest.raises(DataInvalid, match="have no 68 landmarks"):
        train_semantics(unknown, unknown, run("a", only="landmarks"), lambda event: None)
    assert not (tmp_path / "a.safetensors").exists()
