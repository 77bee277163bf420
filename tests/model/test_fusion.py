"""Protects multi-scale fusion: wavelets lose nothing and every choice of Table 2 can be fused."""

import numpy as np
import pytest
import pywt
import torch

from depmap_cli.model.fusion import MultiScaleFusion

CHANNELS = (6, 8, 10, 12)
TABLE_2 = [(1,), (2,), (3,), (4,), (3, 4), (2, 3, 4), (1, 2, 3, 4)]


def build(scales):
    torch.manual_seed(0)
    return MultiScaleFusion(CHANNELS, scales, 8, 32)


class Constant(torch.nn.Module):
    """A scale made ready that says the same everywhere."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, feature):
        return torch.full_like(feature[:, :6], self.value)


def features(side=64, seed=1):
    make = torch.Generator().manual_seed(seed)
    return [
        torch.randn(2, c, side // s, side // s, generator=make)
        for c, s in zip(CHANNELS, (4, 8, 16, 32), strict=True)
    ]


@pytest.mark.parametrize(("scales", "gap"), [((3, 4), 1), ((1, 3), 2), ((1, 4), 3)])
def test_round_trip_is_identity_and_keeps_energy(scales, gap):
    module = build(scales)
    image = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    low, high = module.forward_dwt[str(gap)](image)
    assert low.shape[-1] == 16 // 2**gap
    torch.testing.assert_close(module.inverse_dwt((low, high)), image, atol=1e-5, rtol=1e-5)
    energy = low.square().sum() + sum(band.square().sum() for band in high)
    torch.testing.assert_close(energy, image.square().sum(), rtol=1e-5, atol=0)


def test_one_level_equals_pywavelets():
    module = build((3, 4))
    image = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    low, (high,) = module.forward_dwt["1"](image)
    reference, bands = pywt.dwt2(image[0, 0].double().numpy(), "haar")
    np.testing.assert_allclose(low[0, 0].numpy(), reference, atol=1e-5)
    for ours, theirs in zip(high[0, 0].numpy(), bands, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("scales", [*TABLE_2, (1, 4), (1, 3), (2, 4), (1, 2, 4)])
def test_every_choice_of_scales(scales):
    module, maps = build(scales), features()
    for feature in maps:
        feature.requires_grad_()
    unified = module.fuse(maps)
    assert unified.shape == (2, 8, 64 // 2 ** (scales[0] + 1), 64 // 2 ** (scales[0] + 1))
    vector = module(maps)
    assert vector.shape == (2, module.fused_dim)
    assert vector.isfinite().all()
    vector.square().sum().backward()
    for scale, feature in enumerate(maps, 1):
        reached = feature.grad is not None and bool(feature.grad.abs().sum() > 0)
        assert reached == (scale in scales), scale
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_deepest_map_reaches_the_unified_map():
    module, maps = build((1, 2, 3, 4)), features()
    before = module.fuse(maps)
    maps[3] = maps[3] + 1.5 * torch.randn(maps[3].shape, generator=torch.Generator().manual_seed(5))
    assert (module.fuse(maps) - before).abs().max() > 1e-3


def test_small_map_is_added_to_the_low_band_only():
    module, maps = build((3, 4)), features()
    ready = {s: module.ready[str(s)](maps[s - 1]) for s in (3, 4)}
    low, high = module.forward_dwt["1"](ready[3])
    fused_low, fused_high = module.forward_dwt["1"](module.fuse(maps))
    torch.testing.assert_close(fused_low, low + 2 * ready[4], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(fused_high[0], high[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("scales", [(1, 2, 3, 4), (1, 4), (2, 3)])
def test_a_response_counts_alike_at_every_scale(scales):
    module = build(scales)
    for number, scale in enumerate(scales):
        module.ready[str(scale)] = Constant(10.0**number)
    unified = module.fuse(features())
    expected = torch.full_like(unified, sum(10.0**n for n in range(len(scales))))
    torch.testing.assert_close(unified, expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("side", [128, 224])
def test_sides_of_real_faces(side):
    assert build((1, 2, 3, 4))(features(side)).isfinite().all()


def test_a_frame_does_not_see_its_neighbours():
    module, maps = build((1, 2, 3, 4)), features()
    alone = module([feature[:1] for feature in maps])
    torch.testing.assert_close(alone, module(maps)[:1], atol=1e-6, rtol=1e-5)
