"""The regression on action units, head pose, gaze and their movement."""

import math

import pytest
import torch

from depmap_cli.config import ModelConfig
from depmap_cli.model.depmap import DepMap
from depmap_cli.model.signals import (
    LIMIT,
    N_HIDDEN,
    N_INPUTS,
    N_NETWORKS,
    N_SIGNALS,
    SIGNAL_SHARE,
    SignalHead,
    mix_scores,
    signal_inputs,
)


def test_inputs_are_the_signals_and_their_distances_from_their_means():
    signals = torch.zeros(4, N_SIGNALS)
    signals[:, 2] = torch.tensor([1.0, 2.0, 3.0, 6.0])
    inputs = signal_inputs(signals)
    assert inputs.shape == (4, N_INPUTS)
    assert inputs[:, 2].tolist() == [1, 2, 3, 6]
    assert inputs[:, N_SIGNALS + 2].tolist() == [2, 1, 0, 3]


def test_means_of_the_whole_video_can_be_given():
    signals = torch.full((2, N_SIGNALS), 3.0)
    inputs = signal_inputs(signals, torch.full((N_SIGNALS,), 5.0))
    assert (inputs[:, :N_SIGNALS] == 3).all()
    assert (inputs[:, N_SIGNALS:] == 2).all()


def test_unknown_signals_do_not_change_the_mean():
    signals = torch.full((3, N_SIGNALS), torch.nan)
    signals[:, 0] = torch.tensor([1.0, torch.nan, 3.0])
    inputs = signal_inputs(signals)
    assert inputs[[0, 2], N_SIGNALS].tolist() == [1, 1]
    assert inputs[:, 1:N_SIGNALS].isnan().all()


def head_with_one_unit(**changes):
    """A head whose first hidden unit reads the first input: 10 + 4 gelu((x - 1) / 2)."""
    values = {
        "mean": torch.zeros(N_INPUTS),
        "std": torch.ones(N_INPUTS),
        "hidden_weight": torch.zeros(N_NETWORKS * N_HIDDEN, N_INPUTS),
        "hidden_bias": torch.zeros(N_NETWORKS * N_HIDDEN),
        "output_weight": torch.zeros(N_NETWORKS * N_HIDDEN),
        "output_bias": torch.tensor(10.0),
    }
    values["mean"][0], values["std"][0] = 1.0, 2.0
    values["hidden_weight"][0, 0], values["output_weight"][0] = 1.0, 4.0
    head = SignalHead()
    assert not bool(head.fitted)
    head.set(**values | changes)
    assert bool(head.fitted)
    return head


def gelu(x):
    return x / 2 * (1 + math.erf(x / math.sqrt(2)))


def test_scores_are_those_of_one_hidden_layer_and_unknown_inputs_count_as_the_mean():
    inputs = torch.zeros(4, N_INPUTS)
    inputs[:, 0] = torch.tensor([3.0, -1.0, torch.nan, 1000.0])
    expected = [10 + 4 * gelu(1.0), 10 + 4 * gelu(-1.0), 10, 10 + 4 * LIMIT]
    assert head_with_one_unit()(inputs).tolist() == pytest.approx(expected, abs=1e-5)


def test_numbers_are_stored_in_half_precision():
    head = head_with_one_unit(output_bias=torch.tensor(10.03))
    for value in head.state_dict().values():
        assert torch.equal(value.half().to(value.dtype), value)
    assert float(head.output_bias) != pytest.approx(10.03, abs=1e-4)


def test_the_network_s_part_is_weighted_and_the_part_of_the_signals_is_a_mean_over_time():
    """The network: 0.9 * 5 + 0.1 * 25 = 7. The signals: 3/4 * 18 + 1/4 * 26 = 20."""
    weights = torch.tensor([0.9, 0.1])
    signals, durations = torch.tensor([18.0, 26.0]), torch.tensor([1.5, 0.5])
    found = mix_scores(torch.tensor([5.0, 25.0]), weights, signals, durations)
    expected = (1 - SIGNAL_SHARE) * 7 + SIGNAL_SHARE * 20
    assert float(weights @ found) == pytest.approx(expected, abs=1e-4)
    difference = (1 - SIGNAL_SHARE) * 20 + SIGNAL_SHARE * 8  # as without the shift
    assert float(found[1] - found[0]) == pytest.approx(difference, abs=1e-4)


def test_it_is_part_of_the_emotional_branch():
    off = dict.fromkeys(("emotional", "esa", "sdpm", "kdm", "map"), False)
    for settings, expected in (({}, True), (off, False), ({"signals": False}, False)):
        model = DepMap(config=ModelConfig(**settings), semantic_dim=4)
        assert (model.signal_head is not None) == expected
