"""The regression on action units, head pose, gaze and the image embedding."""

import pytest
import torch

from depmap_cli.config import ModelConfig
from depmap_cli.model.depmap import DepMap
from depmap_cli.model.signals import SIGNAL_SHARE, SignalHead, n_signals, signal_inputs

DIM = 4
N_SIGNALS = n_signals(DIM)
N_INPUTS = 2 * N_SIGNALS


def test_inputs_are_the_signals_and_their_distances_from_their_means():
    signals = torch.zeros(4, N_SIGNALS)
    signals[:, 2] = torch.tensor([1.0, 2.0, 3.0, 6.0])
    inputs = signal_inputs(signals)
    assert inputs.shape == (4, N_INPUTS)
    assert inputs[:, 2].tolist() == [1, 2, 3, 6]
    assert inputs[:, N_SIGNALS + 2].tolist() == [2, 1, 0, 3]


def test_unknown_signals_do_not_change_the_mean():
    signals = torch.full((3, N_SIGNALS), torch.nan)
    signals[:, 0] = torch.tensor([1.0, torch.nan, 3.0])
    inputs = signal_inputs(signals)
    assert inputs[[0, 2], N_SIGNALS].tolist() == [1, 1]
    assert inputs[:, 1:N_SIGNALS].isnan().all()


def test_before_it_is_fitted_it_does_nothing():
    scores, equal = torch.tensor([3.0, 9.0]), torch.ones(2) / 2
    assert torch.equal(SignalHead(DIM)(scores, equal, torch.randn(2, N_INPUTS), equal), scores)


def fitted_head() -> SignalHead:
    """10 + 4 (x - 1), where x is the first input."""
    head, weight, mean = SignalHead(DIM), torch.zeros(N_INPUTS), torch.zeros(N_INPUTS)
    weight[0], mean[0] = 4.0, 1.0
    head.set(weight=weight, mean=mean, bias=10.0)
    return head


def test_half_of_a_score_comes_from_the_signals():
    inputs = torch.zeros(2, N_INPUTS)
    inputs[0, 0] = 3.0  # 10 + 4 * (3 - 1) = 18
    inputs[1, 0] = torch.nan  # unknown: the mean, 10
    equal = torch.ones(2) / 2
    found = fitted_head()(torch.tensor([2.0, 2.0]), equal, inputs, equal)
    expected = [
        (1 - SIGNAL_SHARE) * 2 + SIGNAL_SHARE * 18,
        (1 - SIGNAL_SHARE) * 2 + SIGNAL_SHARE * 10,
    ]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_the_network_s_part_is_weighted_and_the_part_of_the_signals_is_a_mean_over_time():
    """The network: 0.9 * 5 + 0.1 * 25 = 7. The signals: 3/4 * 18 + 1/4 * 26 = 20."""
    scores, weights = torch.tensor([5.0, 25.0]), torch.tensor([0.9, 0.1])
    inputs = torch.zeros(2, N_INPUTS)
    inputs[:, 0] = torch.tensor([3.0, 5.0])  # 18 and 26
    found = fitted_head()(scores, weights, inputs, torch.tensor([1.5, 0.5]))
    expected = (1 - SIGNAL_SHARE) * 7 + SIGNAL_SHARE * 20
    assert float(weights @ found) == pytest.approx(expected, abs=1e-4)
    difference = (1 - SIGNAL_SHARE) * 20 + SIGNAL_SHARE * 8  # as without the shift
    assert float(found[1] - found[0]) == pytest.approx(difference, abs=1e-4)


def test_it_is_part_of_the_emotional_branch_and_is_stored_in_half_precision():
    head = SignalHead(DIM)
    head.set(weight=torch.full((N_INPUTS,), 1 / 3), mean=torch.zeros(N_INPUTS), bias=10.03)
    for value in head.state_dict().values():
        assert torch.equal(value.half().to(value.dtype), value)
    off = dict.fromkeys(("emotional", "esa", "sdpm", "kdm", "map"), False)
    for settings, expected in (({}, True), (off, False), ({"signals": False}, False)):
        model = DepMap(config=ModelConfig(**settings), semantic_dim=DIM)
        assert (model.signal_head is not None) == expected
