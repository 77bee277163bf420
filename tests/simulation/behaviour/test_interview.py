"""Simulated behaviour: determinism, the null effect, and the directions of severity effects."""

import numpy as np
import pytest

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.simulation.behaviour.interview import DISTRACTORS, simulate_behaviour
from depmap_cli.simulation.behaviour.temperament import Temperament
from depmap_cli.simulation.corpus.sessions import draw_sessions

UNIT = {unit.code: i for i, unit in enumerate(ACTION_UNITS)}
CALM = Temperament()


def clip(score, seed=0, task="Freeform", person=CALM, effect=1.0, seconds=30, fps=10.0):
    rng = np.random.default_rng([seed, 7])
    return simulate_behaviour(rng, person, score, task, seconds, fps, effect)


def clips(score, count=80, **options):
    return [clip(score, seed, **options) for seed in range(count)]


def mean_unit(parts, code):
    return np.array([part.au[:, UNIT[code]].mean() for part in parts])


def as_bytes(part):
    return b"".join(getattr(part, name).tobytes() for name in ("au", "pose", "gaze", "cue"))


@pytest.fixture(scope="module")
def well():
    return clips(2)


@pytest.fixture(scope="module")
def ill():
    return clips(40)


def test_shapes_and_ranges():
    part = clip(20)
    assert part.au.shape == (300, 18)
    assert part.au.dtype == np.float32
    assert (part.pose.shape, part.gaze.shape, part.cue.shape) == ((300, 3), (300, 2), (300,))
    assert part.au.min() >= 0
    assert part.au.max() <= 1.1
    assert np.abs(part.pose).max() <= 28


def test_same_seed_same_bytes():
    assert as_bytes(clip(20, 3)) == as_bytes(clip(20, 3))
    assert as_bytes(clip(20, 3)) != as_bytes(clip(20, 4))


@pytest.mark.parametrize("task", ["Freeform", "Northwind"])
def test_without_effect_nothing_depends_on_severity(task):
    well, ill = (clip(score, 5, task, effect=0.0) for score in (0, 40))
    assert as_bytes(well) == as_bytes(ill)
    assert as_bytes(clip(0, 5, task)) != as_bytes(clip(40, 5, task))


def test_distractors_do_not_depend_on_severity():
    for code in [*DISTRACTORS, "AU2"][:-1]:
        column = UNIT[code]
        assert np.array_equal(clip(0, 2).au[:, column], clip(40, 2).au[:, column])


@pytest.mark.parametrize(
    ("code", "direction"),
    [("AU12", -1), ("AU6", -1), ("AU2", -1), ("AU14", 1), ("AU15", 1), ("AU17", 1), ("AU43", 1)],
)
def test_units_go_the_published_way(well, ill, code, direction):
    difference = mean_unit(ill, code).mean() - mean_unit(well, code).mean()
    assert np.sign(difference) == direction


def test_smiles_are_as_many_but_weaker():
    well, ill = (clips(score, 150, task="Northwind") for score in (2, 40))  # rarely two at once

    def n_onsets(part):
        smiling = part.au[:, UNIT["AU12"]] > 0.05
        return int((smiling[1:] & ~smiling[:-1]).sum())

    number_well, number_ill = (sum(map(n_onsets, parts)) for parts in (well, ill))
    assert number_ill == pytest.approx(number_well, rel=0.15)
    peaks = [np.mean([p.au[:, UNIT["AU12"]].max() for p in parts]) for parts in (well, ill)]
    assert peaks[1] < 0.8 * peaks[0]


def test_heads_move_less_and_eyes_look_down_more(well, ill):
    def movement(parts):
        return np.mean([part.pose[:, 0].std() for part in parts])

    def down(parts):
        return np.mean([(part.gaze[:, 1] < -0.3).mean() for part in parts])

    assert movement(ill) < 0.7 * movement(well)
    assert down(ill) > 1.5 * down(well)


@pytest.mark.parametrize(("task", "rate"), [("Freeform", 26), ("Northwind", 4.5)])
def test_blinks_a_minute(task, rate):
    """Bentivoglio 1997; two blinks at once count as one."""
    closed = [p.au[:, UNIT["AU43"]] > 0.7 for p in clips(15, 100, task=task, fps=20)]
    blinks = sum(int((c[1:] & ~c[:-1]).sum()) for c in closed)
    assert blinks / (100 * 0.5) == pytest.approx(rate, rel=0.2)


def test_people_differ_more_than_severity_does():
    rng = np.random.default_rng(1)
    others = [clip(15, i, person=Temperament.draw(rng)) for i in range(80)]
    one_sd = mean_unit(clips(27), "AU12").mean() - mean_unit(clips(15), "AU12").mean()
    assert mean_unit(others, "AU12").std() > 1.5 * abs(one_sd)


def test_severity_is_recovered_about_as_designed():
    """Ridge regression on true statistics of new people: clearly, and far from perfectly."""

    def table(seed):
        rng = np.random.default_rng(seed)
        sessions = draw_sessions(rng, 150, 0)
        parts = [
            simulate_behaviour(rng, s.temperament, s.score, "Freeform", 30, 5) for s in sessions
        ]
        rows = [np.concatenate([f(a, 0) for f in (np.mean, np.std)]) for a in map(_traces, parts)]
        return np.array(rows), np.array([s.score for s in sessions], float)

    (x, y), (new, truth) = table(1), table(2)
    mean, std = x.mean(0), x.std(0) + 1e-6
    z = (x - mean) / std
    weights = np.linalg.solve(z.T @ z + 20 * np.eye(z.shape[1]), z.T @ (y - y.mean()))
    r = np.corrcoef((new - mean) / std @ weights, truth)[0, 1]
    assert 0.55 < r < 0.9


def _traces(part):
    return np.concatenate([part.au, part.pose, part.gaze], axis=1)
