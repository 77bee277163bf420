"""The regression on action units, head pose, gaze and the image embedding."""

import pytest
import torch

from depmap_cli.config import ModelConfig
from depmap_cli.model.depmap import DepMap
from depmap_cli.model.signals import SIGNAL_SHARE, SignalHead, mix_scores, n_signals, signal_inputs

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


def test_scores_from_signals_are_affine_and_unknown_ones_count_as_the_mean():
    """10 + 4 (x - 1), where x is the first input."""
    head, weight, mean = SignalHead(DIM), torch.zeros(N_INPUTS), torch.zeros(N_INPUTS)
    weight[0], mean[0] = 4.0, 1.0
    assert not bool(head.fitted)
    head.set(weight=weight, mean=mean, bias=10.0)
    assert bool(head.fitted)
    inputs = torch.zeros(2, N_INPUTS)
    inputs[:, 0] = torch.tensor([3.0, torch.nan])
    assert head(inputs).tolist() == [18, 10]


def test_the_network_s_part_is_weighted_and_the_part_of_the_signals_is_a_mean_over_time():
    """The network: 0.9 * 5 + 0.1 * 25 = 7. The signals: 3/4 * 18 + 1/4 * 26 = 20."""
    weights = torch.tensor([0.9, 0.1])
    signals, durations = torch.tensor([18.0, 26.0]), torch.tensor([1.5, 0.5])
    found = mix_scores(torch.tensor([5.0, 25.0]), weights, signals, durations)
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
