"""The table that an evaluation starts from: scores and estimates, one row for each clip."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

OURS = "estimate"
"""Name of the evaluated method in a ``ScoreTable``; the other methods are baselines."""


@dataclass(frozen=True, kw_only=True)
class EvaluatedClip:
    """One labelled video of the evaluated split, with its estimate."""

    video: str  # file name
    subject: str
    session: str
    task: str  # "" if the corpus has no tasks
    score: float  # BDI-II, the truth
    estimate: float  # BDI-II points, 0 to 63
    duration: float | None = None  # seconds; only a baseline uses it, never the model
    levels: tuple[float, ...] | None = None  # shares of the severity levels
    statistics: dict[str, float] | None = None  # of its readings (``recording_statistics``)


@dataclass(frozen=True, kw_only=True)
class DescribedClip:
    """A labelled clip of Training by the statistics of its readings."""

    subject: str
    score: float  # BDI-II
    statistics: dict[str, float]  # ``recording_statistics``


@dataclass(frozen=True, kw_only=True)
class TrainingFacts:
    """What the baselines may know; nothing of it comes from the evaluated clips.

    ``known`` must not contain scores of the evaluated split, or the look-up baseline would cheat.
    """

    mean: float  # of the Training scores, per clip; if there is no Training, stored in the weights
    subjects: frozenset[str]  # people whom the weights know: see ``ClipRow.seen``
    known: tuple[tuple[str, str, float], ...] = ()  # subject, session, score: Training, Development
    timed: tuple[tuple[str, float, float], ...] = ()  # task, seconds, score: Training clips
    described: tuple[DescribedClip, ...] = ()  # Training clips


@dataclass(frozen=True, kw_only=True)
class ScoreTable:
    """Scores and the predictions of each method, in columns. A row is a clip or a session."""

    people: np.ndarray  # (rows,) subject of each row
    truth: np.ndarray  # (rows,) BDI-II
    estimates: dict[str, np.ndarray]  # method -> (rows,) BDI-II points
    half_widths: np.ndarray | None = None  # (rows,) of the intervals; None without calibration

    def where(self, rows: np.ndarray) -> "ScoreTable":
        """Return the rows selected by a mask or an index array."""
        picked = {method: values[rows] for method, values in self.estimates.items()}
        half_widths = None if self.half_widths is None else self.half_widths[rows]
        return ScoreTable(
            people=self.people[rows],
            truth=self.truth[rows],
            estimates=picked,
            half_widths=half_widths,
        )

    def by_session(self, sessions: Sequence[str]) -> "ScoreTable":
        """Return one row for each session, without intervals: the mean of the session's clips."""
        keys = list(zip(self.people.tolist(), sessions, strict=True))
        number_of = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        numbers = np.array([number_of[key] for key in keys])
        n_clips = np.bincount(numbers)

        def mean(values: np.ndarray) -> np.ndarray:
            return np.bincount(numbers, weights=values) / n_clips

        means = {method: mean(values) for method, values in self.estimates.items()}
        return ScoreTable(
            people=np.array([person for person, _ in number_of]),
            truth=mean(self.truth),
            estimates=means,
        )
