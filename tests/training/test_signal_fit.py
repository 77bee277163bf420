"""Fitting the regression on signals when training has ended."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from depmap_cli.config import ModelConfig
from depmap_cli.data.clips import VideoClip
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.model.depmap import DepMap
from depmap_cli.model.signals import N_INPUTS, N_READINGS, N_SIGNALS, SignalHead
from depmap_cli.semantics.clip_model import SemanticFeatures, SemanticModel
from depmap_cli.training import signal_fit
from depmap_cli.training.signal_fit import clip_inputs, fit_networks, fit_signals

FRAMES = 24
N_CLIPS = 200
KNOWN = [2, 5, 30, 60]
"""Inputs that vary in planted clips; the others are unknown, which makes fitting easier."""


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    """Fewer steps; with these, the noise would shrink estimates towards the mean."""
    monkeypatch.setattr(signal_fit, "STEPS", 10.0)
    monkeypatch.setattr(signal_fit, "NOISE", 1.0)


class _NoModel(SemanticModel):
    """Stands for the semantic model, which is not asked."""

    typical_neutral = None

    def __init__(self):
        torch.nn.Module.__init__(self)


def clip_of(person, score, pitch=0.0):
    """A clip in which only the pitch of the head is not zero."""
    angles = torch.zeros(FRAMES, 5)
    angles[:, 0] = torch.as_tensor(pitch)
    return VideoClip(
        video=LabelledVideo(
            split="Training",
            subject=str(person),
            session="1",
            task="",
            path=Path(f"{person}.mp4"),
            score=score,
        ),
        faces=np.zeros((FRAMES, 8, 8, 3), np.uint8),
        features=SemanticFeatures(
            image=torch.zeros(FRAMES, 4),
            au_probabilities=torch.zeros(FRAMES, 18),
            covered=torch.zeros(FRAMES),
            angles=angles,
        ),
        usable=np.arange(FRAMES),
        times=np.arange(FRAMES) / 2,
    )


def planted(rule, seed=0, n=N_CLIPS):
    """Random inputs of clips, and the scores that ``rule`` gives to them."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.full((n, FRAMES, N_INPUTS), torch.nan)
    spread = torch.rand(n, 1, len(KNOWN), generator=generator)
    inputs[..., KNOWN] = torch.randn(n, 1, len(KNOWN), generator=generator)
    inputs[..., KNOWN] += 2 * spread * torch.randn(n, FRAMES, len(KNOWN), generator=generator)
    return list(inputs), rule(inputs).mean(1)


def explained(rule):
    """Share of the variance of other clips that networks fitted on the planted clips explain."""
    head = SignalHead()
    head.set(**fit_networks(*planted(rule)))
    inputs, scores = planted(rule, seed=1)
    estimates = torch.stack([head(x).mean() for x in inputs])
    return 1 - float((estimates - scores).square().mean() / scores.var())


def test_a_sum_of_inputs_is_found():
    assert explained(lambda x: 20 + 5 * x[..., 2] - 5 * x[..., 30]) > 0.9


def test_the_share_of_frames_in_which_an_input_is_high_is_found():
    assert explained(lambda x: 20 + 8.0 * (x[..., 2] > 1)) > 0.5


def test_scores_of_other_clips_are_not_found():
    """The control: inputs without a relation to the scores give estimates about the mean."""
    inputs, scores = planted(lambda x: 20 + 5 * x[..., 2])
    head = SignalHead()
    head.set(**fit_networks(inputs, scores.roll(7)))
    others, truth = planted(lambda x: 20 + 5 * x[..., 2], seed=1)
    estimates = torch.stack([head(x).mean() for x in others])
    assert float((estimates - truth).square().mean()) > 0.9 * float(truth.var())


def test_inputs_that_some_clips_lack_are_left_out():
    inputs, scores = planted(lambda x: 20 + 5 * x[..., 2])
    for number in range(N_CLIPS // 4):
        inputs[number][:, 2] = torch.nan
    inputs = [x.index_fill(1, torch.tensor([5]), 3.0) for x in inputs]  # constant
    fitted = fit_networks(inputs, scores)
    used = (fitted["hidden_weight"] != 0).any(0).nonzero().flatten().tolist()
    assert used == [30, 60]
    head = SignalHead()
    head.set(**fitted)
    other = inputs[-1].clone()
    other[:, [2, 5]] = 100.0
    assert torch.equal(head(other), head(inputs[-1]))


def test_the_result_is_the_same_again_and_other_random_numbers_are_not_touched():
    inputs, scores = planted(lambda x: 20 + 5 * x[..., 2])
    torch.manual_seed(5)
    first = fit_networks(inputs, scores)
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(3), drawn)
    again = fit_networks(inputs, scores)
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize(("n_people", "expected"), [(9, False), (10, True)])
def test_few_people_are_not_enough(n_people, expected):
    model = DepMap(config=ModelConfig(n_channels=8, fused_channels=8), semantic_dim=4)
    clips = [clip_of(n, 3 * n, pitch=torch.randn(FRAMES)) for n in range(n_people)]
    assert fit_signals(model=model, semantics=_NoModel(), clips=clips) == expected
    assert bool(model.signal_head.fitted) == expected


def test_inputs_of_a_clip_are_those_of_its_usable_frames():
    """The head bows by 2 degrees in each frame; the last frame is covered."""
    clip = clip_of(1, 20, pitch=2 * torch.arange(float(FRAMES)))
    found = clip_inputs(replace(clip, usable=np.arange(FRAMES - 1)), None)
    assert found.shape == (FRAMES - 1, N_INPUTS)
    pitch = 0.2 * np.arange(FRAMES - 1)
    np.testing.assert_allclose(found[:, 18], pitch, atol=1e-5)
    np.testing.assert_allclose(found[1:, N_READINGS + 18], 0.2, atol=1e-5)
    np.testing.assert_allclose(found[:, N_SIGNALS + 18], np.abs(pitch - pitch.mean()), atol=1e-5)


def test_without_times_there_is_no_movement():
    found = clip_inputs(replace(clip_of(1, 20), times=np.zeros(0)), None)
    assert found[:, N_READINGS:N_SIGNALS].isnan().all()
