"""Who is in a simulated cohort: people, how often each was recorded, and with which scores."""

from dataclasses import dataclass

import numpy as np

from depmap_cli.domain.bdi import BANDS
from depmap_cli.simulation.behaviour.temperament import Temperament

HIGHEST_SCORE = 45
"""In AVEC's corpora."""
BAND_SHARES = (0.51, 0.15, 0.17, 0.17)
"""Share of people in each severity band, and of zeros in the lowest, as in AVEC's label lists."""
ZEROS = 0.18
SESSION_SHARES = (0.42, 0.37, 0.21)
"""Share of people with one, two and three sessions."""
SESSION_SD = 6.0
"""By how many points a later session's score differs from the first (correlation about 0.8)."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """One person on one day, with a score."""

    person: int
    session: int  # from 1
    temperament: Temperament
    score: int


def draw_score(rng: np.random.Generator) -> int:
    """A BDI-II score, 0 to 45: a band by its share, then evenly within it; zeros are common."""
    band = BANDS[rng.choice(len(BANDS), p=BAND_SHARES)]
    if band.low == 0 and rng.random() < ZEROS:
        return 0
    return int(rng.integers(band.low, min(band.high, HIGHEST_SCORE) + 1))


def draw_sessions(rng: np.random.Generator, count: int, first: int) -> list[Session]:
    """``count`` sessions of people numbered from ``first`` on, one to three sessions each."""
    sessions: list[Session] = []
    person = first
    while len(sessions) < count:
        number = int(rng.choice(len(SESSION_SHARES), p=SESSION_SHARES)) + 1
        sessions += _of_person(rng, person, min(number, count - len(sessions)))
        person += 1
    return sessions


def _of_person(rng: np.random.Generator, person: int, number: int) -> list[Session]:
    temperament, score = Temperament.draw(rng), draw_score(rng)
    later = [score + rng.normal(0, SESSION_SD) for _ in range(number - 1)]
    scores = [int(np.clip(round(value), 0, HIGHEST_SCORE)) for value in (score, *later)]
    return [
        Session(person=person, session=i + 1, temperament=temperament, score=value)
        for i, value in enumerate(scores)
    ]
