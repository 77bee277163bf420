"""Standardisation of features by running statistics of the training frames."""

import torch

from depmap_cli.model.standardise import Standardise


def test_the_first_batch_gets_mean_zero_and_std_one():
    features = torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) * 4 + 7
    module = Standardise(3)
    assert torch.equal(module(features), features)  # nothing is known yet
    module.update(features)
    found = module(features)
    torch.testing.assert_close(found.mean(0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.std(0, correction=0), torch.ones(3))


def test_statistics_are_moving_averages():
    module = Standardise(1, momentum=0.9)
    module.update(torch.tensor([[0.0], [2.0]]))  # mean 1, std 1
    module.update(torch.tensor([[10.0], [14.0]]))  # mean 12, std 2
    torch.testing.assert_close(module.mean, torch.tensor([0.9 * 1 + 0.1 * 12]))
    torch.testing.assert_close(module.std, torch.tensor([0.9 * 1 + 0.1 * 2]))


def test_a_frame_does_not_depend_on_its_batch_in_training_either():
    module = Standardise(2).train()
    module.update(torch.randn(9, 2, generator=torch.Generator().manual_seed(1)))
    frames = torch.randn(4, 2, generator=torch.Generator().manual_seed(2))
    assert torch.equal(module(frames)[:1], module(frames[:1]))


def test_a_nearly_constant_feature_is_not_amplified():
    """The divisor is at least a tenth of the mean, far above the error of half precision."""
    module = Standardise(2)
    module.update(torch.tensor([[3.0, 0.0]]).expand(5, 2))
    found = module(torch.tensor([[3.0, 0.0], [3.3, 1e-3]]))
    torch.testing.assert_close(found, torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    assert (module.half()(torch.tensor([[3.0, 0.0]])).abs() < 0.01).all()


def test_reset_replaces_the_statistics():
    module = Standardise(1, momentum=0.9)
    module.update(torch.tensor([[50.0], [90.0]]))
    module.update(torch.tensor([[10.0], [14.0]]), reset=True)
    torch.testing.assert_close(
        (module.mean, module.std), (torch.tensor([12.0]), torch.tensor([2.0]))
    )
