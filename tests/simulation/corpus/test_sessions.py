"""Drawn people: scores distributed like AVEC's, and correlated sessions of one person."""

import numpy as np
import pytest

from depmap_cli.domain.bdi import level_of
from depmap_cli.simulation.corpus.sessions import BAND_SHARES, draw_score, draw_sessions


def test_scores_are_shaped_like_avec():
    rng = np.random.default_rng(1)
    scores = np.array([draw_score(rng) for _ in range(4000)])
    assert scores.min() == 0
    assert scores.max() == 45
    shares = np.bincount([level_of(int(s)) for s in scores], minlength=4) / len(scores)
    assert shares == pytest.approx(np.array(BAND_SHARES), abs=0.03)
    assert (scores == 0).mean() == pytest.approx(0.125, abs=0.03)


def test_sessions_of_one_person_belong_together():
    sessions = draw_sessions(np.random.default_rng(2), 1500, 200)
    assert len(sessions) == 1500
    people = [s.person for s in sessions]
    assert people == sorted(people)
    assert set(people) == set(range(200, people[-1] + 1))
    by_person = {p: [s for s in sessions if s.person == p] for p in people}
    assert {len(part) for part in by_person.values()} == {1, 2, 3}
    assert all([s.session for s in p] == list(range(1, len(p) + 1)) for p in by_person.values())
    assert all(len({s.temperament for s in part}) == 1 for part in by_person.values())
    pairs = np.array([[p[0].score, p[1].score] for p in by_person.values() if len(p) > 1])
    assert np.corrcoef(pairs.T)[0, 1] == pytest.approx(0.88, abs=0.06)
    assert all(0 <= s.score <= 45 for s in sessions)
