"""The line from estimates to scores."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from depmap_cli.config import ModelConfig
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.model.depmap import DepMap
from depmap_cli.training.export import straightened
from depmap_cli.training.line import Line, fit_line, moved_by_others

SCORES = np.arange(0.0, 40.0, 2.0)
PEOPLE = np.repeat(np.arange(10), 2)


def test_a_planted_line_is_found():
    line = fit_line(10 + 0.5 * SCORES, SCORES)
    assert (line.shift, line.slope) == pytest.approx((-20, 2))
    assert line.at(np.array([10.0, 20.0])) == pytest.approx([0, 20])
    assert line.stored() == {"shift": pytest.approx(-20), "slope": pytest.approx(2)}


def test_it_is_the_line_of_least_squares():
    estimates = SCORES * 0.4 + np.random.default_rng(0).normal(12, 3, len(SCORES))
    line = fit_line(estimates, SCORES)
    slope, shift = np.polyfit(estimates, SCORES, 1)
    assert (line.shift, line.slope) == pytest.approx((shift, slope))


@pytest.mark.parametrize("estimates", [np.full(len(SCORES), 7.0), -SCORES])
def test_what_tells_nothing_becomes_the_mean(estimates):
    assert fit_line(estimates, SCORES).at(estimates) == pytest.approx(SCORES.mean())


def test_nobody_moves_their_own_estimates():
    estimates = 10 + 0.5 * SCORES
    scores = SCORES.copy()
    scores[:2] = 63  # one person is far from the line of the others
    moved = moved_by_others(estimates, scores, PEOPLE)
    assert moved[:2] == pytest.approx(SCORES[:2])
    assert not np.allclose(moved[2:], SCORES[2:])


def test_folded_into_the_network_it_moves_its_scores():
    torch.manual_seed(0)
    model = DepMap(
        config=ModelConfig(emotional=False, esa=False, sdpm=False, kdm=False, map=False),
        semantic_dim=16,
    )
    model.eval().requires_grad_(False).target.copy_(torch.tensor([15.0, 11.0]))
    pixels, words = torch.randn(1, 3, 3, 64, 64), torch.randn(1, 3, 16)
    valid = torch.ones(1, 3, dtype=torch.bool)

    def score() -> float:
        return float(model(pixels, words, words, valid)[0].score)

    before, line = score(), Line(-4.0, 1.5)
    model.target.copy_(line.folded(model.target))
    assert score() == pytest.approx(-4 + 1.5 * before, rel=1e-5)


@pytest.fixture
def videos(tmp_path):
    """Two of each person."""
    first = LabelledVideo(
        split="Development",
        subject="0",
        session="1",
        task="Freeform",
        path=tmp_path / "0.mp4",
        score=0,
    )
    return [
        replace(first, subject=str(person), score=int(score))
        for person, score in zip(PEOPLE, SCORES, strict=True)
    ]


def test_a_line_needs_as_many_people_as_an_interval(videos):
    estimates = 10 + 0.5 * SCORES
    line, moved = straightened(estimates, videos, set())
    assert line.slope == pytest.approx(2)
    assert moved == pytest.approx(SCORES)
    assert straightened(estimates[:16], videos[:16], set()) is None  # eight people


def test_people_whom_the_weights_know_do_not_shape_the_line(videos):
    estimates = 10 + 0.5 * SCORES
    estimates[-2:] = SCORES[-2:]  # learned by heart
    line, moved = straightened(estimates, videos, {"9"})
    assert (line.shift, line.slope) == pytest.approx((-20, 2))
    assert moved[-2:] == pytest.approx(2 * SCORES[-2:] - 20)
    assert straightened(estimates, videos, {"8", "9"}) is None
