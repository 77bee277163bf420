"""The plain table that an evaluation starts from: scores and estimates, a row a clip."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

OURS = "estimate"
"""The method, among those of a ``ScoreTable``, that is evaluated; the others are baselines."""


@dataclass(frozen=True, kw_only=True)
class EvaluatedClip:
    """One labelled video of the evaluated split, and what the model says of it."""

    video: str  # file name
    subject: str
    session: str
    task: str  # "" where a corpus has no tasks
    score: float  # BDI-II, the truth
    estimate: float  # BDI-II points, 0 to 63
    duration: float | None = None  # seconds; for a baseline only, it never reaches the model
    levels: tuple[float, ...] | None = None  # shares of the severity levels


@dataclass(frozen=True, kw_only=True)
class TrainingFacts:
    """What the baselines may know: nothing of it comes from the evaluated clips.

    For the look-up to be honest, ``known`` must not hold people's scores of the evaluated split.
    """

    mean: float  # of the Training scores, per clip; of the weights', where there is no Training
    subjects: frozenset[str]  # people whom the weights know: see ``ClipRow.seen``
    known: tuple[tuple[str, str, float], ...] = ()  # subject, session, score: Training, Development
    timed: tuple[tuple[str, float, float], ...] = ()  # task, seconds, score: Training clips


@dataclass(frozen=True, kw_only=True)
class ScoreTable:
    """Scores, and what each method says, in columns. A row is a clip or a recording."""

    people: np.ndarray  # (rows,) whom each row shows
    truth: np.ndarray  # (rows,) BDI-II
    estimates: dict[str, np.ndarray]  # method -> (rows,) BDI-II points
    half_widths: np.ndarray | None = None  # (rows,) of the intervals; None without calibration

    def where(self, rows: np.ndarray) -> "ScoreTable":
        """The rows that a mask or an index array picks."""
        picked = {method: values[rows] for method, values in self.estimates.items()}
        reach = None if self.half_widths is None else self.half_widths[rows]
        return ScoreTable(
            people=self.people[rows], truth=self.truth[rows], estimates=picked, half_widths=reach
        )

    def by_session(self, sessions: Sequence[str]) -> "ScoreTable":
        """One row a recording, without intervals: the mean of the rows of a person's session."""
        keys = list(zip(self.people.tolist(), sessions, strict=True))
        place = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        recording = np.array([place[key] for key in keys])
        n_clips = np.bincount(recording)

        def mean(values: np.ndarray) -> np.ndarray:
            return np.bincount(recording, weights=values) / n_clips

        means = {method: mean(values) for method, values in self.estimates.items()}
        return ScoreTable(
            people=np.array([person for person, _ in place]),
            truth=mean(self.truth),
            estimates=means,
        )
