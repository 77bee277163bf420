"""Portraits: all action units occur, faces are possible, splits share no people, training works."""

from pathlib import Path

import numpy as np
import pytest

from depmap_cli.config import FaceConfig, SamplingConfig
from depmap_cli.data.corpus import read_corpus
from depmap_cli.data.face_cache import FaceCache
from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.errors import UsageProblem
from depmap_cli.semantics_training import read_au_frames
from depmap_cli.simulation.corpus.portraits import (
    EXCLUSIVE_PAIRS,
    MIN_LIP_PARTING,
    OVERSAMPLED,
    PortraitOptions,
    draw_action_units,
    make_portraits,
    plan,
)

UNIT = {unit.code: i for i, unit in enumerate(ACTION_UNITS)}


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(1)
    return np.concatenate([draw_action_units(rng, 8) for _ in range(100)])


def test_every_unit_is_shown_weakly_and_strongly(drawn):
    assert drawn.min() >= 0
    assert drawn.max() <= 1.1
    for column in drawn.T:
        assert (column > 0.3).mean() > 0.04
        assert (column > 0.7).any()
    assert ((drawn > 0.3).sum(1) == 0).mean() > 0.05


def test_what_blends_seldom_show_is_drawn_oftener(drawn):
    shown = dict(zip(UNIT, (drawn > 0.3).mean(0), strict=True))
    assert min(shown[code] for code in OVERSAMPLED) > 0.08
    assert max(shown.values()) < 5 * min(shown.values())


def test_no_face_is_impossible(drawn):
    for pair in EXCLUSIVE_PAIRS:
        both = drawn[:, [UNIT[code] for code in pair]].min(1)
        assert (both > 0.3).mean() < 0.02  # in interviews one behaviour may follow another closely
    assert (drawn[:, UNIT["AU25"]] >= MIN_LIP_PARTING * drawn[:, UNIT["AU26"]] - 0.01).all()


@pytest.mark.parametrize(("frames", "groups"), [(16, 2), (1000, 5), (40000, 157)])
def test_people_are_split(frames, groups):
    groups_made = plan(PortraitOptions(out=Path(), frames=frames))
    assert len(groups_made) == groups
    people = [p for group in groups_made for p in group.people]
    assert sorted(people) == list(range(frames // 8))
    held_out = sum(len(g.people) for g in groups_made if g.split == "Development")
    assert held_out == pytest.approx(frames / 80, abs=1)


def test_one_person_cannot_be_split():
    with pytest.raises(UsageProblem, match="too few"):
        plan(PortraitOptions(out=Path(), frames=8))


@pytest.mark.usefixtures("in_process")
def test_training_reads_them(face_renderer, tmp_path):
    options = PortraitOptions(out=tmp_path / "out", frames=4, frames_per_person=2, size=192)
    make_portraits(options, face_renderer, lambda *progress: None)
    sessions = read_corpus(options.out).videos
    assert sorted(r.split for r in sessions) == ["Development", "Training"]
    store = FaceCache(tmp_path / "cache", SamplingConfig(), FaceConfig())
    entries = store.prepare(sessions, 1, lambda done, total: None)
    frames = read_au_frames(options.out, sessions, entries)
    assert len(frames) == 4
    assert frames.images(np.arange(4)).shape == (4, 128, 128, 3)
    made = [
        np.load(options.out / "ground_truth" / r.split / f"{r.path.stem}.npz") for r in sessions
    ]
    assert np.array_equal(frames.intensity, np.concatenate([t["au"].T for t in made]))
    assert made[0]["person"].shape == (2,)
    assert "Simulated portraits" in (options.out / "README.md").read_text()
