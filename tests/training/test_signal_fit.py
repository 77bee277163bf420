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
from depmap_cli.model.signals import n_signals
from depmap_cli.semantics.clip_model import SemanticFeatures, SemanticModel
from depmap_cli.training import signal_fit
from depmap_cli.training.signal_fit import fit_signals, mean_inputs, weighted_mean

FRAMES = 6
DIM = 4
N_INPUTS = 2 * n_signals(DIM)


class _NoModel(SemanticModel):
    """Stands for the semantic model, which is not asked."""

    typical_neutral = None

    def __init__(self):
        torch.nn.Module.__init__(self)


def clip_of(person, session, score):
    """A clip without content."""
    return VideoClip(
        video=LabelledVideo(
            split="Training",
            subject=str(person),
            session=str(session),
            task="",
            path=Path(f"{person}-{session}.mp4"),
            score=score,
        ),
        faces=np.zeros((FRAMES, 8, 8, 3), np.uint8),
        features=SemanticFeatures(
            image=torch.zeros(FRAMES, DIM),
            au_probabilities=torch.zeros(FRAMES, 18),
            covered=torch.zeros(FRAMES),
            angles=torch.zeros(FRAMES, 5),
        ),
        usable=np.arange(FRAMES),
    )


@pytest.fixture
def planted(monkeypatch):
    """Clips whose score is 20 + 5 times the mean of their third input over time."""
    rng = np.random.default_rng(0)
    inputs = {}

    def clips(n_people):
        made = []
        for number in range(2 * n_people):
            values = rng.normal(size=(N_INPUTS,))
            made.append(clip_of(number // 2, number % 2, round(20 + 5 * float(values[2]))))
            inputs[made[-1].video.path] = values
        return made

    monkeypatch.setattr(signal_fit, "mean_inputs", lambda clip, _: inputs[clip.video.path])
    return clips


def fit(clips):
    model = DepMap(config=ModelConfig(n_channels=8, fused_channels=8), semantic_dim=DIM)
    semantics = _NoModel()
    fitted = fit_signals(model=model, semantics=semantics, clips=clips)
    return model.signal_head, fitted


def test_a_planted_regression_is_found(planted):
    head, fitted = fit(planted(100))
    assert fitted
    assert bool(head.fitted)
    assert float(head.weight[2]) == pytest.approx(5, abs=0.3)
    others = torch.cat([head.weight[:2], head.weight[3:]])
    assert float(others.abs().max()) < 0.4
    inputs = torch.zeros(1, N_INPUTS)
    inputs[0, 2] = 2.0
    assert float(head(inputs)) == pytest.approx(20 + 5 * 2, abs=0.4)


def test_few_people_are_not_enough(planted):
    head, fitted = fit(planted(9))
    assert not fitted
    assert not bool(head.fitted)


def test_unknown_values_are_left_out_of_means():
    values = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan]])
    found = weighted_mean(values, np.array([0.25, 0.75]))
    np.testing.assert_array_equal(found[:2], [2.5, 5.0])
    assert np.isnan(found[2])


def test_inputs_of_a_clip_are_means_over_time_of_its_usable_frames():
    """Frames at 0, 1, 2, 3 and 5 s stand for 1, 1, 1, 1.5 and 1.5 s; the last is covered."""
    clip = clip_of(1, 1, 20)
    angles = torch.zeros(FRAMES, 5)
    angles[:, 0] = torch.tensor([10.0, 20, 30, 40, 50, 1000])
    clip = replace(
        clip,
        features=replace(clip.features, angles=angles),
        usable=np.arange(FRAMES - 1),
        times=np.array([0.0, 1, 2, 3, 5, 6]),
    )
    durations = np.array([1, 1, 1, 1.5, 1.5])
    pitch = np.array([1.0, 2, 3, 4, 5])
    found = mean_inputs(clip, None)
    assert found[18] == pytest.approx(durations @ pitch / durations.sum())
    distances = np.abs(pitch - pitch.mean())
    assert found[n_signals(DIM) + 18] == pytest.approx(durations @ distances / durations.sum())
