"""Guesses that look at no face. An estimate that does not beat them has learned nothing of use.

AVEC's splits share people, and people with depression talk less and read more slowly: on the 2014
test split a look-up of the person's other score and the clip's duration each come near to RMSE 10.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from depmap_cli.domain.bdi import MAX_SCORE
from depmap_cli.evaluation.results import Baseline
from depmap_cli.evaluation.score_table import EvaluatedClip, TrainingFacts

MEAN, PERSON, PERSON_LEAKING, DURATION = "mean", "person", "person_leaking", "duration"

BaselinePrediction = tuple[Baseline, np.ndarray]
"""A baseline and what it says of each clip, (clips,) points."""


def baseline_predictions(
    clips: Sequence[EvaluatedClip], training: TrainingFacts
) -> list[BaselinePrediction]:
    """Every baseline on these clips; where one knows nothing it says the training mean."""
    within = [(clip.subject, clip.session, clip.score) for clip in clips]
    known = list(training.known)
    return [
        _baseline_prediction(
            np.full(len(clips), training.mean),
            training.mean,
            name=MEAN,
            title="training mean",
            description="The mean score of the data's Training split, for everybody; where there "
            "is no such split, that of the recordings that the weights were trained on.",
        ),
        _baseline_prediction(
            look_up(clips, known),
            training.mean,
            name=PERSON,
            title="same person",
            description="The mean score of the person's sessions in earlier splits.",
        ),
        _baseline_prediction(
            look_up(clips, known + within),
            training.mean,
            name=PERSON_LEAKING,
            title="same person (leaks)",
            description="As before, with the true scores of the person's other sessions in the "
            "evaluated split. It cheats: it shows what knowing the person is worth.",
            leaks=True,
        ),
        _baseline_prediction(
            from_duration(clips, training.timed),
            training.mean,
            name=DURATION,
            title="clip duration",
            description="Score regressed on the logarithm of the clip's length, task by task, on "
            "Training. The model never sees the length.",
        ),
    ]


def look_up(clips: Sequence[EvaluatedClip], known: Iterable[tuple[str, str, float]]) -> np.ndarray:
    """The mean score of the person's *other* sessions among ``known``; NaN where there is none.

    Args:
        known: subject, session, score; the clips of one session count as one.
    """
    scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for subject, session, score in known:
        scores[subject][session].append(score)

    def mean(clip: EvaluatedClip) -> float:
        sessions = scores.get(clip.subject, {})
        others = [np.mean(s) for name, s in sessions.items() if name != clip.session]
        return float(np.mean(others)) if others else np.nan

    return np.array([mean(clip) for clip in clips])


def from_duration(
    clips: Sequence[EvaluatedClip], timed: Iterable[tuple[str, float, float]]
) -> np.ndarray:
    """Least squares of score on log seconds, within a task; NaN where that cannot be fitted.

    Args:
        timed: task, seconds, score of the training clips.
    """
    lengths: dict[str, list[float]] = defaultdict(list)
    scores: dict[str, list[float]] = defaultdict(list)
    for task, seconds, score in timed:
        if seconds > 0:
            lengths[task].append(math.log(seconds))
            scores[task].append(score)
    varied = [task for task, logs in lengths.items() if max(logs) - min(logs) > 1e-6]
    lines = {task: np.polyfit(lengths[task], scores[task], 1) for task in varied}

    def guess(clip: EvaluatedClip) -> float:
        if clip.task not in lines or not clip.duration or clip.duration <= 0:
            return np.nan
        return float(np.clip(np.polyval(lines[clip.task], np.log(clip.duration)), 0, MAX_SCORE))

    return np.array([guess(clip) for clip in clips])


def _baseline_prediction(
    values: np.ndarray,
    mean: float,
    name: str,
    title: str,
    description: str,
    leaks: bool = False,
) -> BaselinePrediction:
    """The guesses, with the mean where there is none."""
    ignorant = np.isnan(values)
    about = Baseline(
        name=name,
        title=title,
        description=description,
        leaks=leaks,
        informed=int((~ignorant).sum()),
    )
    return about, np.where(ignorant, mean, values)
