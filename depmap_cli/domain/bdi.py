"""The BDI-II severity bands: 0-13 minimal, 14-19 mild, 20-28 moderate, 29-63 severe."""

from dataclasses import dataclass

MAX_SCORE = 63


@dataclass(frozen=True)
class Band:
    """One severity level and the scores it spans, both ends included."""

    name: str
    low: int
    high: int


BANDS = (
    Band("minimal", 0, 13),
    Band("mild", 14, 19),
    Band("moderate", 20, 28),
    Band("severe", 29, MAX_SCORE),
)


def level_of(score: float) -> int:
    """The index of the band that a score falls in; 13.9 still belongs to 0-13."""
    return max(i for i, band in enumerate(BANDS) if score >= band.low or i == 0)


def bands_between(low: float, high: float) -> list[str]:
    """The names of the bands that an interval of scores touches."""
    return [band.name for band in BANDS[level_of(low) : level_of(high) + 1]]
