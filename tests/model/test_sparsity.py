"""Eq. (5) and (6): the sparsity measure and the selection of the top u, including ties."""

import math

import pytest
import torch

from depmap_cli.model import sparsity as module
from depmap_cli.model.sparsity import n_key, sparsity, top_mask


def draw(batch=3, time=9, channels=4, width=6, seed=0):
    make = torch.Generator().manual_seed(seed)
    tokens = 2 * torch.randn(batch, time, channels, width, generator=make)
    valid = torch.ones(batch, time, dtype=torch.bool)
    return tokens, valid


def with_gaps(valid):
    valid = valid.clone()
    valid[0, 2:5] = False  # a gap inside
    valid[1, 6:] = False  # padding at the end
    return valid


def naive(tokens, valid):
    """Eq. (5) and (6) in a loop over tokens, in float64."""
    batch, time, channels, width = tokens.shape
    tokens = tokens.double().tolist()
    measure = torch.zeros(batch, time, channels, dtype=torch.float64)
    bound = torch.zeros_like(measure)
    for b in range(batch):
        for n in range(channels):
            for t in range(time):
                products = [
                    sum(x * y for x, y in zip(tokens[b][t][n], tokens[b][s][n], strict=True))
                    / math.sqrt(width)
                    for s in range(time)
                    if valid[b, s]
                ]
                mean = sum(products) / len(products)
                measure[b, t, n] = math.log(sum(math.exp(x) for x in products)) - mean
                bound[b, t, n] = max(products) - mean
    return measure, bound


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_measure_lies_between_its_bounds(seed, gaps):
    tokens, valid = draw(seed=seed)
    valid = with_gaps(valid) if gaps else valid
    measure, bound = sparsity(tokens, valid)
    log_time = valid.sum(1).float().log().view(-1, 1, 1).expand_as(measure)
    assert (measure >= log_time - 1e-5).all()
    assert (measure <= bound + log_time + 1e-5).all()


def test_identical_tokens_reach_the_lower_bound():
    tokens = torch.ones(1, 7, 2, 4)
    measure, bound = sparsity(tokens, torch.ones(1, 7, dtype=torch.bool))
    torch.testing.assert_close(measure, torch.full_like(measure, math.log(7)))
    torch.testing.assert_close(bound, torch.zeros_like(bound))


@pytest.mark.parametrize("gaps", [False, True])
def test_equals_a_naive_double_loop(gaps):
    tokens, valid = draw(batch=2, time=7, channels=3)
    valid = with_gaps(valid) if gaps else valid
    for ours, theirs in zip(sparsity(tokens, valid), naive(tokens, valid), strict=True):
        torch.testing.assert_close(ours.double(), theirs, atol=1e-5, rtol=1e-5)


def test_chunks_change_nothing(monkeypatch):
    tokens, valid = draw(time=11)
    valid = with_gaps(valid)
    whole = sparsity(tokens, valid)
    monkeypatch.setattr(module, "CHUNK", 3)
    for ours, theirs in zip(sparsity(tokens, valid), whole, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_content_of_invalid_frames_has_no_effect():
    tokens, valid = draw()
    valid = with_gaps(valid)
    other = tokens.clone()
    other[~valid] = 1e4
    for ours, theirs in zip(sparsity(other, valid), sparsity(tokens, valid), strict=True):
        assert torch.equal(ours[valid], theirs[valid])


@pytest.mark.parametrize("which", [0, 1])
def test_planted_outlier_ranks_first(which):
    tokens = torch.randn(1, 20, 3, 8, generator=torch.Generator().manual_seed(0)) * 0.3
    for channel, frame in enumerate((4, 11, 17)):
        tokens[0, frame, channel] *= 20
    measure = sparsity(tokens, torch.ones(1, 20, dtype=torch.bool))[which]
    assert measure.argmax(1).tolist() == [[4, 11, 17]]


@pytest.mark.parametrize(
    ("time", "factor", "u"),
    [
        (128, 5.0, 24),  # 24.26
        (50, 5.0, 20),  # 19.56
        (13, 5.0, 13),  # 12.82
        (12, 5.0, 12),  # 12.42
        (2, 5.0, 2),  # 3.47, but there are only two
        (1, 5.0, 1),
        (9, 0.1, 1),  # 0.22, but at least one
    ],
)
def test_number_of_keys(time, factor, u):
    assert n_key(time, factor) == u


def test_ties_go_to_the_earlier_frame():
    valid = torch.ones(1, 10, dtype=torch.bool)
    chosen = top_mask(torch.zeros(1, 10), valid, 1.0)
    assert chosen[0].tolist() == [True, True] + [False] * 8  # round(ln 10) = 2
    measure = torch.tensor([[0.0, 3, 1, 3, 3, 0, 0, 0, 0, 0]])
    assert top_mask(measure, valid, 1.0)[0].nonzero().flatten().tolist() == [1, 3]


def test_many_ties_go_to_the_earliest():
    measure = torch.zeros(2, 4000)
    measure[1] = torch.arange(4000) % 2
    chosen = top_mask(measure, torch.ones(2, 4000, dtype=torch.bool), 5.0)  # round(5 ln 4000) = 41
    assert chosen[0].nonzero().flatten().tolist() == list(range(41))
    assert chosen[1].nonzero().flatten().tolist() == list(range(1, 83, 2))


def test_each_channel_has_its_own_keys():
    measure = torch.zeros(1, 10, 2)
    measure[0, [3, 7], 0] = 1
    measure[0, [0, 9], 1] = 1
    chosen = top_mask(measure, torch.ones(1, 10, dtype=torch.bool), 1.0)
    assert chosen[0, :, 0].nonzero().flatten().tolist() == [3, 7]
    assert chosen[0, :, 1].nonzero().flatten().tolist() == [0, 9]


def test_invalid_frames_are_never_chosen():
    valid = torch.tensor([[False, True, False, True, True], [False] * 5])
    measure = torch.tensor([[9.0, 1, 9, 2, 3], [1.0, 2, 3, 4, 5]])
    chosen = top_mask(measure, valid, 5.0)
    assert chosen.tolist() == [[False, True, False, True, True], [False] * 5]


@pytest.mark.parametrize("factor", [0.7, 1.0, 5.0])
def test_padding_with_invalid_frames_changes_nothing(factor):
    tokens, valid = draw(batch=2, time=12)
    bound = sparsity(tokens, valid)[1]
    chosen = top_mask(bound, valid, factor)
    padded = torch.cat([tokens, torch.full((2, 30, 4, 6), 50.0)], 1)
    longer = torch.cat([valid, torch.zeros(2, 30, dtype=torch.bool)], 1)
    padded_bound = sparsity(padded, longer)[1]
    torch.testing.assert_close(padded_bound[:, :12], bound)
    padded_chosen = top_mask(padded_bound, longer, factor)
    assert torch.equal(padded_chosen[:, :12], chosen)
    assert not padded_chosen[:, 12:].any()


def test_float32_whatever_the_autocast():
    tokens, valid = draw(time=30, width=48)
    plain = sparsity(tokens, valid)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = sparsity(tokens, valid)
    for ours, theirs in zip(mixed, plain, strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, theirs)
