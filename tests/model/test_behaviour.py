"""Eq. (4): tokens encode the position of a channel's responses and pass gradients."""

import pytest
import torch

from depmap_cli.model.behaviour import GRID, BehaviourEncoder, ReadingEncoder, soft_peaks


def place(cells, side):
    """(row, column) cells in [-1, 1]."""
    return torch.tensor([[2 * r / (side - 1) - 1, 2 * c / (side - 1) - 1] for r, c in cells])


def hard_peaks(response, n_peaks):
    side = response.shape[-1]
    cells = response.flatten(-2).topk(n_peaks)[1]
    rows, columns = cells // side, cells % side
    return torch.stack([2 * rows / (side - 1) - 1, 2 * columns / (side - 1) - 1], -1)


@pytest.mark.parametrize("temperature", [0.1, 0.01, 1e-3])
def test_planted_peaks_in_order(temperature):
    cells = [(1, 6), (5, 2), (7, 7), (0, 0)]
    response = torch.zeros(8, 8)
    for strength, cell in zip((5.0, 4.0, 3.0, 2.0), cells, strict=True):
        response[cell] = strength
    found = soft_peaks(response, 4, temperature)
    torch.testing.assert_close(found, place(cells, 8), atol=0.02, rtol=0)


@pytest.mark.parametrize("side", [2, 4, 8])
def test_tends_to_the_hard_positions(side):
    # a random order of well separated strengths
    make = torch.Generator().manual_seed(side)
    order = torch.stack([torch.randperm(side * side, generator=make) for _ in range(20)])
    response = order.float().view(20, side, side)
    found = soft_peaks(response, 4, 1e-3)
    torch.testing.assert_close(found, hard_peaks(response, 4), atol=1e-2, rtol=0)


def test_a_single_spike_is_not_found_twice():
    response = 0.01 * torch.arange(64.0).view(8, 8)
    response[3, 3] = 100
    found = soft_peaks(response, 2, 0.01)
    torch.testing.assert_close(found[0], place([(3, 3)], 8)[0], atol=1e-3, rtol=0)
    assert (found[0] - found[1]).abs().max() > 0.1


def test_offset_and_scale_of_responses_do_not_matter():
    response = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        soft_peaks(40 * response + 7, 4, 0.1), soft_peaks(response, 4, 0.1), atol=2e-3, rtol=0
    )


def test_gradient_reaches_every_map_and_matches_finite_differences():
    make = torch.Generator().manual_seed(0)
    response = torch.randn(4, 4, generator=make)
    weight = torch.randn(3, 2, generator=make)

    def value(x):
        return (soft_peaks(x, 3, 0.5) * weight).sum()

    moving = response.clone().requires_grad_()
    value(moving).backward()
    assert moving.grad.abs().max() > 1e-3
    step = 1e-2
    for cell in range(16):
        nudge = torch.zeros(16)
        nudge[cell] = step
        nudge = nudge.view(4, 4)
        slope = (value(response + nudge) - value(response - nudge)) / (2 * step)
        torch.testing.assert_close(moving.grad.flatten()[cell], slope, atol=5e-3, rtol=0.05)


@pytest.mark.parametrize("side", [1, 2, 4])
def test_finite_on_flat_and_on_smallest_maps(side):
    response = torch.ones(2, side, side, requires_grad=True)
    found = soft_peaks(response, 4, 0.1)
    found.sum().backward()
    assert found.isfinite().all()
    assert found.abs().max() <= 1 + 1e-5
    assert response.grad.isfinite().all()


def test_float32_whatever_the_autocast():
    response = torch.randn(2, 8, 8, generator=torch.Generator().manual_seed(0))
    plain = soft_peaks(response, 4, 0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = soft_peaks(response, 4, 0.1)
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed, plain)


@pytest.mark.parametrize("side", [2, 4, 7, 8, 14, 32])
def test_one_token_a_channel_from_any_scale(side):
    torch.manual_seed(0)
    encoder = BehaviourEncoder(in_channels=5, n_channels=6, token_dim=7, n_peaks=4, temperature=0.1)
    maps = torch.randn(2, 5, side, side, requires_grad=True)
    tokens = encoder(maps)
    assert tokens.shape == (2, 6, 7)
    tokens.square().sum().backward()
    assert maps.grad.abs().sum() > 0
    for name, parameter in encoder.named_parameters():
        assert parameter.grad.abs().max() > 1e-3, name  # rounding leaves about 1e-7 of a zero


def test_token_is_the_affine_image_of_its_own_code():
    torch.manual_seed(0)
    encoder = BehaviourEncoder(in_channels=3, n_channels=2, token_dim=5, n_peaks=2, temperature=0.1)
    maps = torch.randn(1, 3, 4, 4)
    peaks = soft_peaks(encoder.conv(maps), 2, 0.1)[0]
    for channel in range(2):
        code = peaks[channel].flatten()
        expected = code @ encoder.weight[channel] + encoder.bias[channel]
        torch.testing.assert_close(encoder(maps)[0, channel], expected)


def test_large_maps_are_pooled_first():
    torch.manual_seed(0)
    encoder = BehaviourEncoder(in_channels=3, n_channels=2, token_dim=5, n_peaks=2, temperature=0.1)
    maps = torch.randn(1, 3, 2 * GRID, 2 * GRID)
    pooled = torch.nn.functional.avg_pool2d(maps, 2)
    torch.testing.assert_close(encoder(maps), encoder(pooled))


def test_tokens_of_readings_are_their_linear_image_without_a_bias():
    torch.manual_seed(0)
    encoder = ReadingEncoder(n_readings=3, n_channels=4, token_dim=5)
    readings = torch.tensor([[1.0, 20.0, 0.5], [3.0, 60.0, 0.1], [2.0, 10.0, 0.9]])
    encoder.fit(readings)
    mean, std = readings.mean(0), readings.std(0, correction=0)
    tokens = encoder(readings)
    for channel in range(4):
        expected = (readings - mean) / std @ encoder.weight[channel]
        torch.testing.assert_close(tokens[:, channel], expected)
    assert encoder(mean[None]).abs().max() < 1e-5
    assert torch.equal(encoder(torch.full((1, 3), torch.nan)), torch.zeros(1, 4, 5))
