"""The regression on action units, head pose and gaze."""

import torch

from depmap_cli.config import ModelConfig
from depmap_cli.model.depmap import DepMap
from depmap_cli.model.signals import N_INPUTS, N_SIGNALS, SIGNAL_SHARE, SignalHead, signal_inputs


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
    scores = torch.tensor([3.0, 9.0])
    assert torch.equal(SignalHead()(scores, torch.randn(2, N_INPUTS)), scores)


def test_half_of_a_score_comes_from_the_signals():
    head, weight, mean = SignalHead(), torch.zeros(N_INPUTS), torch.zeros(N_INPUTS)
    weight[0], mean[0] = 4.0, 1.0
    head.set(weight=weight, mean=mean, bias=10.0)
    inputs = torch.zeros(2, N_INPUTS)
    inputs[0, 0] = 3.0  # 10 + 4 * (3 - 1) = 18
    inputs[1, 0] = torch.nan  # unknown: the mean, 10
    found = head(torch.tensor([2.0, 2.0]), inputs)
    expected = [
        (1 - SIGNAL_SHARE) * 2 + SIGNAL_SHARE * 18,
        (1 - SIGNAL_SHARE) * 2 + SIGNAL_SHARE * 10,
    ]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_it_is_part_of_the_emotional_branch_and_is_stored_in_half_precision():
    head = SignalHead()
    head.set(weight=torch.full((N_INPUTS,), 1 / 3), mean=torch.zeros(N_INPUTS), bias=10.03)
    for value in head.state_dict().values():
        assert torch.equal(value.half().to(value.dtype), value)
    off = dict.fromkeys(("emotional", "esa", "sdpm", "kdm", "map"), False)
    for settings, expected in (({}, True), (off, False), ({"signals": False}, False)):
        model = DepMap(config=ModelConfig(**settings), semantic_dim=4)
        assert (model.signal_head is not None) == expected
