"""Multi-scale fusion: equal to the printed transform, for every choice of scales in Table 2."""

import numpy as np
import pytest
import pywt
import torch
from pytorch_wavelets import DWTForward, DWTInverse

from depmap_cli.model.fusion import MultiScaleFusion

CHANNELS = (6, 8, 10, 12)
TABLE_2 = [(1,), (2,), (3,), (4,), (3, 4), (2, 3, 4), (1, 2, 3, 4)]


def build(scales, wavelet="haar"):
    torch.manual_seed(0)
    return MultiScaleFusion(
        in_channels=CHANNELS, scales=scales, channels=8, groups=32, wavelet=wavelet
    )


class Constant(torch.nn.Module):
    """A prepared scale with a constant map."""

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


def as_printed(module, maps, wavelet):
    """The paper's steps, one by one: DWT, small map + LL, inverse DWT with LH, HL and HH."""
    inverse = DWTInverse(wave=wavelet, mode="periodization")
    deeper = module.scales[-1]
    fused = module.ready[str(deeper)](maps[deeper - 1])
    for scale in module.scales[-2::-1]:
        levels = deeper - scale
        forward = DWTForward(J=levels, wave=wavelet, mode="periodization")
        low, high = forward(module.ready[str(scale)](maps[scale - 1]))
        fused = inverse((low + 2**levels * fused, high))
        deeper = scale
    return fused


@pytest.mark.parametrize("wavelet", ["haar", "db2"])
@pytest.mark.parametrize("scales", [(1, 2, 3, 4), (1, 4), (3, 4), (2,)])
def test_equals_the_transform_as_printed(scales, wavelet):
    module, maps = build(scales, wavelet), features()
    expected = as_printed(module, maps, wavelet)
    torch.testing.assert_close(module.fuse(maps), expected, atol=2e-5, rtol=1e-4)


def test_enlarging_equals_pywavelets():
    small = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for wavelet in ("haar", "db2"):
        large = build((3, 4), wavelet).enlarge(small, 1)[0, 0]
        low = 2 * small[0, 0].double().numpy()
        reference = pywt.idwt2((low, (None, None, None)), wavelet, mode="periodization")
        np.testing.assert_allclose(large.numpy(), reference, atol=1e-5)


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


@pytest.mark.parametrize("scales", [(1, 2, 3, 4), (1, 4), (2, 3)])
def test_a_response_has_equal_weight_at_every_scale(scales):
    module = build(scales)
    for number, scale in enumerate(scales):
        module.ready[str(scale)] = Constant(10.0**number)
    unified = module.fuse(features())
    expected = torch.full_like(unified, sum(10.0**n for n in range(len(scales))))
    torch.testing.assert_close(unified, expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("side", [128, 224])
def test_sides_of_real_faces(side):
    assert build((1, 2, 3, 4))(features(side)).isfinite().all()


def test_a_frame_does_not_depend_on_its_neighbours():
    module, maps = build((1, 2, 3, 4)), features()
    alone = module([feature[:1] for feature in maps])
    torch.testing.assert_close(alone, module(maps)[:1], atol=1e-6, rtol=1e-5)
