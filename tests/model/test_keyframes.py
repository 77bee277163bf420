"""Key-frame fusion: only the most confident valid frames count, and their logits get gradients."""

import torch

from depmap_cli.model.keyframes import confidence, key_frame_weights, mean_weights
from depmap_cli.model.sparsity import n_key


def draw(batch=3, time=12, seed=0):
    logits = torch.randn(batch, time, 4, generator=torch.Generator().manual_seed(seed))
    return logits, torch.ones(batch, time, dtype=torch.bool)


def test_confidence_by_hand():
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]])
    expected = torch.tensor([0.25, torch.e**2 / (3 + torch.e**2)])
    torch.testing.assert_close(confidence(logits), expected)


def test_weights_sum_to_one_over_the_key_frames():
    logits, valid = draw()
    weights = key_frame_weights(logits, valid, 1.5)
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    assert ((weights > 0).sum(1) == n_key(12, 1.5)).all()
    assert (weights >= 0).all()


def test_planted_key_frames_are_kept():
    logits, valid = draw(batch=1)
    logits = 0.1 * logits
    logits[0, [2, 9], [1, 3]] = 5.0
    weights = key_frame_weights(logits, valid, 0.8)  # round(0.8 ln 12) = 2
    assert weights[0].nonzero().flatten().tolist() == [2, 9]


def test_ties_go_to_the_earlier_frame():
    weights = key_frame_weights(torch.zeros(1, 12, 4), torch.ones(1, 12, dtype=torch.bool), 0.8)
    assert weights[0].tolist() == [0.5, 0.5] + [0.0] * 10


def test_gradient_reaches_the_logits_of_key_frames():
    logits, valid = draw()
    logits.requires_grad_()
    weights = key_frame_weights(logits, valid, 1.5)
    (weights * torch.arange(12.0)).sum().backward()
    assert torch.equal(logits.grad.abs().sum(-1) > 0, weights > 0)


def test_invalid_frames_have_zero_weight_and_no_effect():
    logits, valid = draw()
    weights = key_frame_weights(logits, valid, 1.5)
    padded = torch.cat([logits, torch.full((3, 8, 4), 9.0).cumsum(-1)], 1)
    longer = torch.cat([valid, torch.zeros(3, 8, dtype=torch.bool)], 1)
    assert torch.equal(key_frame_weights(padded, longer, 1.5)[:, :12], weights)
    assert not key_frame_weights(padded, longer, 1.5)[:, 12:].any()


def test_weights_are_finite_without_valid_frames():
    logits, valid = draw()
    for weights in (key_frame_weights(logits, ~valid, 1.5), mean_weights(~valid)):
        assert weights.isfinite().all()


def test_mean_weights():
    valid = torch.tensor([[True, True, False, True], [True, False, False, False]])
    third = 1 / 3
    expected = torch.tensor([[third, third, 0, third], [1, 0, 0, 0]])
    torch.testing.assert_close(mean_weights(valid), expected)
