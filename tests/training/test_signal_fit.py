"""Fitting the regression on signals when training has ended."""

from pathlib import Path

import numpy as np
import pytest
import torch

from depmap_cli.config import ModelConfig
from depmap_cli.data.clips import VideoClip
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.evaluation.estimate_clip import ClipEstimate
from depmap_cli.model.depmap import DepMap, FrameFeatures, VideoScores
from depmap_cli.model.signals import N_INPUTS, SIGNAL_SHARE
from depmap_cli.semantics.clip_model import SemanticFeatures, SemanticModel
from depmap_cli.training import signal_fit
from depmap_cli.training.signal_fit import fit_signals, weighted_mean

FRAMES = 6


class _NoModel(SemanticModel):
    """Stands for the semantic model, which is not asked."""

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
            image=torch.zeros(FRAMES, 4),
            au_probabilities=torch.zeros(FRAMES, 18),
            covered=torch.zeros(FRAMES),
            angles=torch.zeros(FRAMES, 5),
        ),
        usable=np.arange(FRAMES),
    )


@pytest.fixture
def planted(monkeypatch):
    """Clips whose score is 20 + 5 times the weighted mean of their third input."""
    rng = np.random.default_rng(0)
    weights = np.array([0.5, 0.5, 0, 0, 0, 0])
    inputs = {}

    def clips(n_people):
        made = []
        for number in range(2 * n_people):
            values = rng.normal(size=(FRAMES, N_INPUTS))
            score = round(20 + 5 * float(weights @ values[:, 2]))
            made.append(clip_of(number // 2, number % 2, score))
            inputs[made[-1].video.path] = values
        return made

    def estimate_clip(*, clip, **_):
        return ClipEstimate(
            score=0.0,
            levels=None,
            rows=np.arange(FRAMES),
            video=VideoScores(
                score=torch.zeros(1),
                weights=torch.from_numpy(weights)[None],
                fused=torch.zeros(1, 2),
                levels=None,
            ),
            frames=FrameFeatures(
                fused=torch.zeros(FRAMES, 2),
                scores=torch.zeros(FRAMES),
                activations=None,
                logits=None,
                tokens={},
                signal_inputs=torch.from_numpy(inputs[clip.video.path]),
            ),
        )

    monkeypatch.setattr(signal_fit, "estimate_clip", estimate_clip)
    return clips


def fit(clips):
    model = DepMap(config=ModelConfig(n_channels=8, fused_channels=8), semantic_dim=4)
    fitted = fit_signals(
        model=model,
        semantics=_NoModel(),
        clips=clips,
        frames=FRAMES,
        training_frames=FRAMES,
        device=torch.device("cpu"),
    )
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
    assert float(head(torch.tensor([30.0]), inputs)) == pytest.approx(
        (1 - SIGNAL_SHARE) * 30 + SIGNAL_SHARE * (20 + 5 * 2), abs=0.4
    )


def test_few_people_are_not_enough(planted):
    head, fitted = fit(planted(9))
    assert not fitted
    assert not bool(head.fitted)


def test_unknown_values_are_left_out_of_means():
    values = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan]])
    found = weighted_mean(values, np.array([0.25, 0.75]))
    np.testing.assert_array_equal(found[:2], [2.5, 5.0])
    assert np.isnan(found[2])
