"""The BDI-II severity bands: 0-13 minimal, 14-19 mild, 20-28 moderate, 29-63 severe."""

from dataclasses import dataclass

MAX_SCORE = 63


@dataclass(frozen=True)
class Band:
    """One severity band and the scores it spans, both ends included."""

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
    """Return the index of the band that a score belongs to; 13.9 belongs to 0-13."""
    return max(i for i, band in enumerate(BANDS) if score >= band.low or i == 0)


def level_as_printed(score: float) -> int:
    """Return the index of the band of a score as reports print it.

    Reports store two decimals and print one: 13.96 is printed as 14.0, so its band is mild.
    """
    return level_of(round(round(score, 2), 1))


def bands_between(low: float, high: float) -> list[str]:
    """Return the names of the bands that an interval touches, its ends as reports print them."""
    return [band.name for band in BANDS[level_as_printed(low) : level_as_printed(high) + 1]]
