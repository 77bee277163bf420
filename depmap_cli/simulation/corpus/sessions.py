"""Draws the people of a simulated cohort, their sessions and their BDI-II scores."""

from dataclasses import dataclass

import numpy as np

from depmap_cli.domain.bdi import BANDS
from depmap_cli.simulation.behaviour.temperament import Temperament

HIGHEST_SCORE = 45
"""The highest BDI-II score in the AVEC corpora."""
BAND_SHARES = (0.51, 0.15, 0.17, 0.17)
"""Share of people in each severity band, as in AVEC's label lists."""
ZERO_SHARE = 0.18
"""Share of scores of 0 in the lowest band, as in AVEC's label lists."""
SESSION_SHARES = (0.42, 0.37, 0.21)
"""Share of people with one, two and three sessions."""
SESSION_STD = 6.0
"""Standard deviation, in points, of a later session's score around the first (r about 0.8)."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """One visit of one person, with a BDI-II score."""

    person: int
    session: int  # from 1
    temperament: Temperament
    score: int


def draw_score(rng: np.random.Generator) -> int:
    """Draw a BDI-II score from 0 to 45: a severity band by its share, then uniformly within it."""
    band = BANDS[rng.choice(len(BANDS), p=BAND_SHARES)]
    if band.low == 0 and rng.random() < ZERO_SHARE:
        return 0
    return int(rng.integers(band.low, min(band.high, HIGHEST_SCORE) + 1))


def draw_sessions(rng: np.random.Generator, count: int, first_person: int) -> list[Session]:
    """Draw ``count`` sessions of new people, one to three each, numbered from ``first_person``."""
    sessions: list[Session] = []
    person = first_person
    while len(sessions) < count:
        n_sessions = int(rng.choice(len(SESSION_SHARES), p=SESSION_SHARES)) + 1
        sessions += _sessions_of(rng, person, min(n_sessions, count - len(sessions)))
        person += 1
    return sessions


def _sessions_of(rng: np.random.Generator, person: int, n_sessions: int) -> list[Session]:
    temperament, score = Temperament.draw(rng), draw_score(rng)
    later = [score + rng.normal(0, SESSION_STD) for _ in range(n_sessions - 1)]
    scores = [int(np.clip(round(value), 0, HIGHEST_SCORE)) for value in (score, *later)]
    return [
        Session(person=person, session=i + 1, temperament=temperament, score=value)
        for i, value in enumerate(scores)
    ]
