"""Eq. (7) to (10): tokens are distributed evenly over prototypes."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from depmap_cli.model.assignment import assigned_prototypes, balanced_assignment

KAPPA = 0.05


def cosines(n, k, width=8, seed=0):
    make = torch.Generator().manual_seed(seed)
    tokens = F.normalize(torch.randn(n, width, generator=make), dim=-1)
    prototypes = F.normalize(torch.randn(k, width, generator=make), dim=-1)
    return tokens @ prototypes.T


def naive_sinkhorn(similarity, entropy, rounds=5000):
    """Eq. (10) as printed, dense and in float64."""
    kernel = np.exp(similarity.double().numpy() / entropy)
    n, k = kernel.shape
    u, v = np.ones(n), np.ones(k)
    for _ in range(rounds):
        v = (1 / k) / (kernel.T @ u)
        u = (1 / n) / (kernel @ v)
    return u[:, None] * kernel * v[None]


@pytest.mark.parametrize(("n", "k"), [(3, 8), (20, 8), (64, 8), (257, 8), (10, 1), (1, 8), (40, 3)])
def test_marginals(n, k):
    plan = balanced_assignment(cosines(n, k), KAPPA)
    torch.testing.assert_close(plan.sum(1), torch.full((n,), 1 / n), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(plan.sum(0), torch.full((k,), 1 / k), atol=1e-3, rtol=0)
    assert (plan >= 0).all()


def test_planted_blocks_are_found():
    block = torch.arange(8).repeat(5)  # token i belongs to prototype i mod 8
    noise = 0.1 * torch.randn(40, 8, generator=torch.Generator().manual_seed(0))
    similarity = (0.9 * F.one_hot(block, 8) + noise).clamp(-1, 1)
    plan = balanced_assignment(similarity, KAPPA)
    assert torch.equal(assigned_prototypes(plan), block)
    assert plan[torch.arange(40), block].sum() > 0.99


def test_balance_overrules_a_favourite():
    # Every token likes prototype 0 best, half of them only just: that half must make room.
    similarity = torch.tensor([[0.9, 0.0]] * 4 + [[0.9, 0.8]] * 4)
    choice = assigned_prototypes(balanced_assignment(similarity, KAPPA))
    assert choice.tolist() == [0] * 4 + [1] * 4


def test_smaller_entropy_raises_the_objective():
    similarity = cosines(24, 6)
    values = [(balanced_assignment(similarity, e) * similarity).sum() for e in (1.0, 0.2, KAPPA)]
    assert values[0] < values[1] < values[2]  # Tr(A^T S)


@pytest.mark.parametrize("seed", range(3))
def test_equals_dense_sinkhorn_in_float64(seed):
    similarity = cosines(48, 8, seed=seed)
    reference = naive_sinkhorn(similarity, KAPPA)
    plan = balanced_assignment(similarity, KAPPA).double().numpy()
    np.testing.assert_allclose(plan, reference, atol=2e-5)
    assert (plan.argmax(1) == reference.argmax(1)).all()


@pytest.mark.parametrize("entropy", [KAPPA, 0.01])
@pytest.mark.parametrize("fill", ["ones", "minus", "signs", "one column"])
def test_finite_at_the_extremes(fill, entropy):
    similarity = {
        "ones": torch.ones(16, 8),
        "minus": -torch.ones(16, 8),
        "signs": torch.randn(16, 8, generator=torch.Generator().manual_seed(0)).sign(),
        "one column": torch.where(torch.arange(8) == 0, 1.0, -1.0).expand(16, 8),
    }[fill]
    plan = balanced_assignment(similarity, entropy)
    assert plan.isfinite().all()
    torch.testing.assert_close(plan.sum(1), torch.full((16,), 1 / 16), atol=1e-6, rtol=1e-4)


def test_float32_under_autocast():
    similarity = cosines(32, 8)
    plain = balanced_assignment(similarity, KAPPA)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = balanced_assignment(similarity, KAPPA)
    assert mixed.dtype == torch.float32
    assert torch.equal(mixed, plain)
    assert balanced_assignment(similarity.bfloat16(), KAPPA).dtype == torch.float32


def test_order_of_tokens_does_not_matter():
    similarity = cosines(30, 8)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(0))
    plan = balanced_assignment(similarity, KAPPA)
    torch.testing.assert_close(balanced_assignment(similarity[order], KAPPA), plan[order])
