"""Mean probability of action units over the course of a video, by severity level of its score."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.domain.bdi import BANDS

N_BINS = 20
"""Number of bins of equal duration that each video is divided into, whatever its length."""
MAIN_UNITS = ("AU01", "AU04", "AU06", "AU12", "AU15", "AU17")
"""Brows, cheeks and mouth, which studies of depressed faces report on; names as in columns."""


@dataclass(frozen=True, kw_only=True)
class UnitCurve:
    """Probabilities of all action units over one video."""

    subject: str
    level: int  # severity level of its score
    positions: np.ndarray  # (n,) of its frames, 0 at the start of the video and 1 at its end
    au_probabilities: np.ndarray  # (n, units) 0 to 1


@dataclass(frozen=True, kw_only=True)
class LevelTrend:
    """The people of one level: mean of their means in each bin, NaN in bins without a frame."""

    level: int
    people: int
    mean: np.ndarray  # (N_BINS,) probability, 0 to 1
    error: np.ndarray  # (N_BINS,) standard error over people; NaN for fewer than two


@dataclass(frozen=True, kw_only=True)
class UnitTrend:
    """One action unit, with one line for each level that occurs."""

    code: str
    plain: str
    reliable: bool | None  # estimated well on unseen people; None if not measured
    lines: tuple[LevelTrend, ...]


def trends_of(curves: Sequence[UnitCurve], reliable: dict[str, bool]) -> tuple[UnitTrend, ...]:
    """Return the trends of ``MAIN_UNITS``; each person counts once in a level."""
    of_person: dict[tuple[int, str], list[np.ndarray]] = defaultdict(list)
    for curve in curves:
        of_person[curve.level, curve.subject].append(
            binned(curve.positions, curve.au_probabilities)
        )
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


def binned(positions: np.ndarray, au_probabilities: np.ndarray) -> np.ndarray:
    """Return the mean of the frames in each bin, (N_BINS, units); NaN in empty bins."""
    number = np.clip((positions * N_BINS).astype(int), 0, N_BINS - 1)
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
    """Mean of the finite values over the first axis; NaN, without a warning, if there are none."""
    count = np.isfinite(values).sum(0)
    mean: np.ndarray = np.where(count > 0, np.nansum(values, axis=0) / np.maximum(count, 1), np.nan)
    return mean
