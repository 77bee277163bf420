"""Eq. (12) to (14): prototype activations, level logits and contrastive alignment."""

import math

import pytest
import torch
from torch.nn import functional as F

from depmap_cli.model.distillation import (
    LevelLogits,
    contrastive_alignment,
    prototype_activations,
)


def bank(width=8, seed=0):
    make = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(4, 8, width, generator=make), dim=-1)


def draw(batch=2, time=4, channels=3, width=8, seed=1):
    make = torch.Generator().manual_seed(seed)
    tokens = torch.randn(batch, time, channels, width, generator=make)
    choice = torch.randint(-1, 8, (batch, time, channels), generator=make)
    return tokens, choice, torch.tensor([1, 3])[:batch]


def naive_contrastive(tokens, prototypes, choice, levels, temperature):
    """Eq. (14) in a loop over tokens, in float64; frames without key tokens are skipped."""
    tokens = F.normalize(tokens.double(), dim=-1)
    prototypes = prototypes.double()
    frames = []
    for b in range(tokens.shape[0]):
        level = int(levels[b])
        for t in range(tokens.shape[1]):
            values = []
            for n in range(tokens.shape[2]):
                k = int(choice[b, t, n])
                if k < 0:
                    continue

                def product(a, j, token=tokens[b, t, n]):
                    return float(token @ prototypes[a, j]) / temperature

                below = sum(math.exp(product(level, j)) for j in range(8) if j != k)
                below += sum(math.exp(product(a, k)) for a in range(4) if a != level)
                values.append(-math.log(math.exp(product(level, k)) / below))
            if values:
                frames.append(sum(values) / len(values))
    return sum(frames) / len(frames)


def test_activation_is_the_best_matching_token():
    make = torch.Generator().manual_seed(0)
    tokens, prototypes = torch.randn(3, 5, 8, generator=make), bank()
    activations = prototype_activations(tokens, prototypes)
    for n in range(3):
        for a in range(4):
            for k in range(8):
                cosines = [F.cosine_similarity(x, prototypes[a, k], dim=0) for x in tokens[n]]
                best = max(float(cosine) for cosine in cosines)
                assert float(activations[n, a, k]) == pytest.approx(best, abs=1e-5)


def test_activation_of_a_token_equal_to_its_prototype_is_one():
    prototypes = bank()
    tokens = torch.randn(1, 5, 8, generator=torch.Generator().manual_seed(0))
    tokens[0, 2] = 3 * prototypes[2, 6]
    activations = prototype_activations(tokens, prototypes)
    assert float(activations[0, 2, 6]) == pytest.approx(1)
    assert activations.abs().max() <= 1 + 1e-6


def test_logits_by_hand():
    logits = LevelLogits(2, 3)
    activations = torch.tensor([[[0.5, 0.25, 1.0], [0.0, -1.0, 0.5]]])
    torch.testing.assert_close(logits(activations), torch.tensor([[1.75, -0.5]]))
    with torch.no_grad():
        logits.weight.copy_(torch.tensor([[2.0, 0.0, -1.0], [1.0, 3.0, 4.0]]))
    torch.testing.assert_close(logits(activations), torch.tensor([[0.0, -1.0]]))


def test_logits_after_a_reset_have_mean_zero_and_std_one():
    logits = LevelLogits(2, 3)
    make = torch.Generator().manual_seed(0)
    logits.update(torch.randn(50, 2, 3, generator=make) + 5)
    activations = 0.1 * torch.randn(50, 2, 3, generator=make)
    logits.update(activations, reset=True)
    found = logits(activations)
    torch.testing.assert_close(found.mean(0), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.std(0, correction=0), torch.ones(2))


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_equal_products_give_log_ten(temperature):
    tokens, choice, levels = draw()
    alike = F.normalize(torch.ones(8), dim=0).expand(4, 8, 8)
    value = contrastive_alignment(tokens, alike, choice, levels, temperature)
    assert float(value) == pytest.approx(math.log((8 - 1) + (4 - 1)), abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_equals_a_naive_loop(seed):
    tokens, choice, levels = draw(seed=seed)
    choice[0, 1] = -1  # a frame without key tokens
    value = contrastive_alignment(tokens, bank(), choice, levels, 0.1)
    expected = naive_contrastive(tokens, bank(), choice, levels, 0.1)
    assert float(value) == pytest.approx(expected, rel=1e-4)


def test_same_at_every_length():
    tokens, choice, levels = draw()
    once = contrastive_alignment(tokens, bank(), choice, levels, 0.1)
    thrice = contrastive_alignment(
        tokens.repeat(1, 3, 1, 1), bank(), choice.repeat(1, 3, 1), levels, 0.1
    )
    torch.testing.assert_close(once, thrice)


def test_no_key_tokens_is_zero_and_differentiable():
    tokens, choice, levels = draw()
    tokens.requires_grad_()
    value = contrastive_alignment(tokens, bank(), torch.full_like(choice, -1), levels, 0.1)
    assert float(value.detach()) == 0
    value.backward()
    assert float(tokens.grad.abs().sum()) == 0


def test_loss_falls_as_tokens_approach_their_prototype():
    tokens, choice, levels = draw(seed=2)
    prototypes = bank()
    own = prototypes[levels[:, None, None].expand_as(choice), choice.clamp(min=0)]
    values = []
    for share in (0.0, 0.5, 1.0):
        mixed = (1 - share) * F.normalize(tokens, dim=-1) + share * own
        values.append(float(contrastive_alignment(mixed, prototypes, choice, levels, 0.1)))
    assert values[0] > values[1] > values[2]


def test_gradient_points_to_the_assigned_prototype():
    tokens, choice, levels = draw()
    prototypes = bank()
    choice = choice.clamp(min=0)
    own = prototypes[levels[:, None, None].expand_as(choice), choice]
    tokens.requires_grad_()
    before = F.cosine_similarity(tokens, own, dim=-1).mean()
    for _ in range(30):
        value = contrastive_alignment(tokens, prototypes, choice, levels, 0.1)
        (slope,) = torch.autograd.grad(value, tokens)
        tokens = (tokens - slope).detach().requires_grad_()
    assert F.cosine_similarity(tokens, own, dim=-1).mean() > before + 0.1


def test_only_key_tokens_get_a_gradient():
    tokens, choice, levels = draw()
    tokens.requires_grad_()
    contrastive_alignment(tokens, bank(), choice, levels, 0.1).backward()
    moved = tokens.grad.abs().sum(-1) > 0
    assert torch.equal(moved, choice >= 0)


def test_float32_whatever_the_autocast():
    tokens, choice, levels = draw()
    plain = contrastive_alignment(tokens, bank(), choice, levels, 0.1)
    activations = prototype_activations(tokens[0], bank())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = contrastive_alignment(tokens, bank(), choice, levels, 0.1)
        mixed_activations = prototype_activations(tokens[0], bank())
    assert mixed_activations.dtype == torch.float32
    torch.testing.assert_close(mixed, plain)
    torch.testing.assert_close(mixed_activations, activations)
