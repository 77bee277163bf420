"""How the evidence of action units runs over a recording, by severity level of its score."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.domain.bdi import BANDS

N_BINS = 20
"""Equal stretches that a recording is cut into, however long it is."""
MAIN_UNITS = ("AU01", "AU04", "AU06", "AU12", "AU15", "AU17")
"""Brows, cheeks and mouth: what studies of depressed faces report on (as columns name them)."""


@dataclass(frozen=True, kw_only=True)
class UnitCurve:
    """Evidence over one video."""

    subject: str
    level: int  # severity level of its score
    places: np.ndarray  # (n,) of its frames, 0 at the start of the video and 1 at its end
    au_probabilities: np.ndarray  # (n, units) 0 to 1


@dataclass(frozen=True, kw_only=True)
class LevelTrend:
    """The people of one level: mean of their means in each stretch, NaN where none has a frame."""

    level: int
    people: int
    mean: np.ndarray  # (N_BINS,) evidence
    error: np.ndarray  # (N_BINS,) standard error over people; NaN below two of them


@dataclass(frozen=True, kw_only=True)
class UnitTrend:
    """One action unit, a line a level that anybody has."""

    code: str
    plain: str
    reliable: bool | None  # read well on unseen people; None if not measured
    lines: tuple[LevelTrend, ...]


def trends_of(curves: Sequence[UnitCurve], reliable: dict[str, bool]) -> tuple[UnitTrend, ...]:
    """The trends of ``MAIN_UNITS``; a person counts once in a level, whatever their videos."""
    of_person: dict[tuple[int, str], list[np.ndarray]] = defaultdict(list)
    for curve in curves:
        of_person[curve.level, curve.subject].append(binned(curve.places, curve.au_probabilities))
    means = {key: _mean(np.stack(parts)) for key, parts in of_person.items()}
    trends = []
    for number, unit in enumerate(ACTION_UNITS):
        if unit.column not in MAIN_UNITS:
            continue
        lines = (
            _line(level, [m[:, number] for (at, _), m in means.items() if at == level])
            for level in range(len(BANDS))
        )
        known = tuple(line for line in lines if line.people)
        trends.append(
            UnitTrend(
                code=unit.code, plain=unit.plain, reliable=reliable.get(unit.code), lines=known
            )
        )
    return tuple(trends)


def binned(places: np.ndarray, au_probabilities: np.ndarray) -> np.ndarray:
    """Mean evidence of the frames in each stretch, (N_BINS, units); NaN where there is none."""
    number = np.clip((places * N_BINS).astype(int), 0, N_BINS - 1)
    counts = np.bincount(number, minlength=N_BINS)
    sums = np.zeros((N_BINS, au_probabilities.shape[1]))
    np.add.at(sums, number, au_probabilities)
    means: np.ndarray = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], np.nan)
    return means


def _line(level: int, people: list[np.ndarray]) -> LevelTrend:
    if not people:
        return LevelTrend(
            level=level, people=0, mean=np.full(N_BINS, np.nan), error=np.full(N_BINS, np.nan)
        )
    values = np.stack(people)  # (people, N_BINS)
    count = np.isfinite(values).sum(0)
    mean = _mean(values)
    squares = np.nansum((values - mean) ** 2, axis=0)
    variance = np.where(count > 1, squares / np.maximum(count - 1, 1), np.nan)
    return LevelTrend(
        level=level, people=len(people), mean=mean, error=np.sqrt(variance / np.maximum(count, 1))
    )


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis of what is known; NaN, without a warning, where nothing is."""
    count = np.isfinite(values).sum(0)
    mean: np.ndarray = np.where(count > 0, np.nansum(values, axis=0) / np.maximum(count, 1), np.nan)
    return mean
