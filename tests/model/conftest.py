"""Small networks and small random videos for the tests of the model."""

import pytest
import torch

from depmap_cli.model.signals import N_READINGS

DIM = 12  # width of the stand-in CLIP embeddings


@pytest.fixture
def tiny():
    """Builds a Dep-MAP with few channels; its head is enlarged so that scores of videos differ."""

    def build(seed: int = 0, head: float = 1.0, **settings):
        from depmap_cli.config import ModelConfig
        from depmap_cli.model.depmap import DepMap

        small = {"n_channels": 8, "token_dim": 8, "fused_channels": 8, "sampling_factor": 1.0}
        torch.manual_seed(seed)
        model = DepMap(config=ModelConfig(**{**small, **settings}), semantic_dim=DIM)
        torch.nn.init.normal_(model.head.weight, std=head)
        return model

    return build


@pytest.fixture
def videos():
    """Pixels, image and text embeddings, validity and readings of ``batch`` videos of ``time``
    frames."""

    def draw(batch: int, time: int, side: int = 64, seed: int = 1):
        make = torch.Generator().manual_seed(seed)
        pixels = torch.randn(batch, time, 3, side, side, generator=make)
        pixels = pixels + 2 * torch.randn(batch, time, 3, 1, 1, generator=make)
        image = torch.randn(batch, time, DIM, generator=make)
        text = torch.randn(batch, time, DIM, generator=make)
        readings = torch.randn(batch, time, N_READINGS, generator=make)
        return pixels, image, text, torch.ones(batch, time, dtype=torch.bool), readings

    return draw
