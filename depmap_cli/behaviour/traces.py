"""Readings over time in at most a few hundred bins, so that reports of long videos stay small.

A bin is a run of consecutive sampled frames, usable or not. The bins of a video differ by at most
one in their number of frames, so none is empty, and with few frames each has a bin of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from depmap_cli.results import Trace

MAX_BINS = 600
"""Largest number of bins of a trace in ``score.json``."""
_HALF_OF_ONE = 0.5
"""Seconds on either side of the frame if there is only one."""


@dataclass(frozen=True)
class FrameBins:
    """Runs of consecutive frames; run i holds the frames ``first[i]`` to ``first[i + 1] - 1``."""

    first: Int[np.ndarray, " bins_and_one"]
    borders: Float[np.ndarray, " bins_and_one"]  # seconds, half-way between neighbouring frames

    @classmethod
    def of(cls, times: Float[np.ndarray, " n"], n_bins: int = MAX_BINS) -> "FrameBins":
        """Split frames at ``times`` (seconds, ascending) into at most ``n_bins`` runs.

        Raises:
            ValueError: ``n_bins`` is not between 1 and ``MAX_BINS``.
        """
        if not 1 <= n_bins <= MAX_BINS:
            raise ValueError(f"n_bins must be 1 to {MAX_BINS}, not {n_bins}")
        n = len(times)
        n_bins = min(n_bins, n)
        if not n:
            return cls(np.zeros(1, int), np.zeros(1))
        first = np.arange(n_bins + 1) * n // n_bins
        half = (times[-1] - times[0]) / (2 * (n - 1)) if n > 1 else _HALF_OF_ONE
        middles = (times[1:] + times[:-1]) / 2
        borders = np.concatenate([[max(times[0] - half, 0.0)], middles, [times[-1] + half]])
        return cls(first, borders[first])

    def __len__(self) -> int:
        return len(self.first) - 1

    def __iter__(self) -> Iterator[slice]:
        """Yield the frames of each run."""
        for start, end in zip(self.first[:-1], self.first[1:], strict=True):
            yield slice(int(start), int(end))


def bin_traces(
    bins: FrameBins,
    values: Float[np.ndarray, "n quantities"],
    names: Sequence[str],
    *,
    unit: str = "",
    digits: int = 3,
) -> list[Trace]:
    """Return mean, smallest and largest value of each quantity in each bin.

    Args:
        bins: runs of the n frames.
        values: readings of all n frames; NaN if a frame has none.
        names: of the quantities, in the order of the columns.
        unit: unit of all quantities; "" for probabilities.
        digits: decimals that are kept.
    """
    return [
        _trace(bins, column, name, unit, digits)
        for column, name in zip(values.T, names, strict=True)
    ]


def _trace(bins: FrameBins, values: np.ndarray, name: str, unit: str, digits: int) -> Trace:
    """Return the trace of one quantity, (n,); a bin without a reading is None."""
    mean: list[float | None] = []
    low: list[float | None] = []
    high: list[float | None] = []
    for frames in bins:
        read = values[frames]
        read = read[~np.isnan(read)].astype(float)
        for into, statistic in ((mean, np.mean), (low, np.min), (high, np.max)):
            into.append(round(float(statistic(read)), digits) if len(read) else None)
    return Trace(name=name, unit=unit, mean=mean, low=low, high=high)
