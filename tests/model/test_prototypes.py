"""Eq. (2) and (11): prototypes follow their tokens, keep unit length and stay balanced."""

import pytest
import torch
from torch.nn import functional as F

from depmap_cli.model.prototypes import PrototypeClusters


def clusters(k=4, width=6, momentum=0.9, seed=0):
    torch.manual_seed(seed)
    return PrototypeClusters(
        n_levels=4, n_prototypes=k, token_dim=width, entropy=0.05, momentum=momentum
    )


def tokens_of(batch=2, time=5, channels=3, width=6, seed=1):
    make = torch.Generator().manual_seed(seed)
    tokens = torch.randn(batch, time, channels, width, generator=make)
    return tokens, torch.ones(batch, time, channels, dtype=torch.bool)


def test_lengths_stay_one():
    model = clusters(momentum=0.5)
    for step in range(30):
        tokens, key = tokens_of(seed=step)
        model.update(100 * tokens, key, torch.tensor([step % 4, 3]))
        torch.testing.assert_close(model.bank.norm(dim=-1), torch.ones(4, 4))


def test_momentum_by_hand():
    model = clusters(k=1, width=2, momentum=0.75)
    model.prototypes[2, 0] = torch.tensor([1.0, 0.0])
    model.initialised[2] = True
    tokens = torch.tensor([[0.0, 1.0], [0.0, 5.0]]).view(1, 2, 1, 2)  # unit mean (0, 1)
    model.update(tokens, torch.ones(1, 2, 1, dtype=torch.bool), torch.tensor([2]))
    expected = F.normalize(torch.tensor([0.75, 0.25]), dim=0)
    torch.testing.assert_close(model.bank[2, 0], expected)


def test_mean_is_of_the_assigned_tokens_only():
    model = clusters(k=2, width=2, momentum=0.5)
    model.prototypes[0] = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    model.initialised[0] = True
    tokens = torch.tensor([[0.8, 0.6], [0.6, 0.8]]).view(1, 2, 1, 2)
    model.update(tokens, torch.ones(1, 2, 1, dtype=torch.bool), torch.tensor([0]))
    expected = F.normalize(torch.tensor([[1.8, 0.6], [0.6, 1.8]]), dim=-1)
    torch.testing.assert_close(model.bank[0], expected)


def test_first_tokens_of_a_level_initialise_its_prototypes():
    model = clusters(k=1, momentum=0.99)
    tokens, key = tokens_of(batch=1)
    mean = F.normalize(F.normalize(tokens, dim=-1).mean((0, 1, 2)), dim=0)
    assert not model.initialised[1]
    model.update(tokens, key, torch.tensor([1]))
    torch.testing.assert_close(model.bank[1, 0], mean)
    assert model.initialised.tolist() == [False, True, False, False]
    before = model.bank[1, 0].clone()
    model.update(-tokens, key, torch.tensor([1]))
    assert (model.bank[1, 0] @ before) > 0.99  # from then on it moves slowly


def test_absent_levels_do_not_move():
    model = clusters()
    before = model.bank.clone()
    tokens, key = tokens_of()
    model.update(tokens, key, torch.tensor([0, 3]))
    assert torch.equal(model.bank[[1, 2]], before[[1, 2]])
    assert not torch.equal(model.bank[[0, 3]], before[[0, 3]])


def test_only_key_tokens_move_prototypes():
    tokens, key = tokens_of()
    key[:, ::2] = False
    other = tokens.clone()
    other[~key] = 7.0
    first, second = clusters(), clusters()
    first.update(tokens, key, torch.tensor([0, 3]))
    second.update(other, key, torch.tensor([0, 3]))
    assert torch.equal(first.bank, second.bank)
    third = clusters()
    third.update(tokens, torch.zeros_like(key), torch.tensor([0, 3]))
    assert not third.initialised.any()


@pytest.mark.parametrize("seed", range(4))
def test_planted_clusters_are_found_and_shared_out(seed):
    make = torch.Generator().manual_seed(seed)
    centres = F.normalize(torch.randn(8, 48, generator=make), dim=-1)
    tokens = centres.repeat(20, 1) + 0.1 * torch.randn(160, 48, generator=make)
    tokens = tokens.view(2, 10, 8, 48)
    model = clusters(k=8, width=48, momentum=0.99, seed=seed)
    model.update(tokens, torch.ones(2, 10, 8, dtype=torch.bool), torch.tensor([2, 2]))
    cosine = centres @ model.bank[2].T
    assert (cosine.amax(1) > 0.95).all()
    assert cosine.argmax(1).unique().numel() == 8
    torch.testing.assert_close(model.usage[2], torch.full((8,), 1 / 8), atol=0.03, rtol=0)


def test_only_key_tokens_are_assigned():
    model = clusters(k=2, width=2)
    model.prototypes[0] = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    model.prototypes[3] = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    tokens = torch.tensor([[1.0, 0.1], [0.1, 1.0], [1.0, 0.0]]).view(1, 3, 1, 2).repeat(2, 1, 1, 1)
    key = torch.tensor([True, True, False]).view(1, 3, 1).repeat(2, 1, 1)
    choice = model.assign(tokens, key, torch.tensor([0, 3]))
    assert choice[..., 0].tolist() == [[0, 1, -1], [1, 0, -1]]


def test_prototypes_are_buffers_saved_with_the_weights():
    model = clusters()
    assert not list(model.parameters())
    tokens, key = tokens_of()
    model.update(tokens, key, torch.tensor([0, 1]))
    fresh = clusters(seed=9)
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh.bank, model.bank)
    assert fresh.initialised.tolist() == [True, True, False, False]


def test_autocast_does_not_change_the_update():
    tokens, key = tokens_of(batch=2, time=12, channels=6)
    plain, mixed = clusters(), clusters()
    levels = torch.tensor([0, 3])
    plain.update(tokens, key, levels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed.update(tokens, key, levels)
        choice = mixed.assign(tokens, key, levels)
    torch.testing.assert_close(mixed.bank, plain.bank)
    assert torch.equal(choice, plain.assign(tokens, key, levels))
