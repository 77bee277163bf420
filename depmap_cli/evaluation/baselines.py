"""Baselines without a network. A model that does not beat them has learned nothing useful.

All but one do not use the face; the other is a ridge regression on the tool's own readings.

AVEC's splits share people, and people with depression talk less and read more slowly: on the 2014
test split, looking up the person's other score and regressing on the clip's duration each reach an
RMSE near 10.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from depmap_cli.domain.bdi import MAX_SCORE
from depmap_cli.evaluation.results import Baseline
from depmap_cli.evaluation.ridge import ridge_predictions
from depmap_cli.evaluation.score_table import EvaluatedClip, TrainingFacts

MEAN, PERSON, PERSON_LEAKING, DURATION = "mean", "person", "person_leaking", "duration"
RIDGE = "ridge"

BaselinePrediction = tuple[Baseline, np.ndarray]
"""A baseline and its prediction for each clip, (clips,) points."""


def baseline_predictions(
    clips: Sequence[EvaluatedClip], training: TrainingFacts
) -> list[BaselinePrediction]:
    """Apply every baseline to these clips; without information it predicts the training mean."""
    within = [(clip.subject, clip.session, clip.score) for clip in clips]
    known = list(training.known)
    return [
        _baseline_prediction(
            np.full(len(clips), training.mean),
            training.mean,
            name=MEAN,
            title="training mean",
            description="The mean score of the data's Training split, for every clip; without "
            "such a split, the mean score of the videos that the weights were trained on.",
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
            description="As the previous one, but also uses the true scores of the person's other "
            "sessions in the evaluated split. This is unfair on purpose: it shows how much knowing "
            "the person helps.",
            leaks=True,
        ),
        _baseline_prediction(
            from_duration(clips, training.timed),
            training.mean,
            name=DURATION,
            title="clip duration",
            description="Score regressed on the logarithm of the clip's duration, for each task, "
            "on Training. The model never sees the duration.",
        ),
        _ridge(clips, training),
    ]


def _ridge(clips: Sequence[EvaluatedClip], training: TrainingFacts) -> BaselinePrediction:
    """Ridge regression; it leaks if Training holds people whom the weights do not know."""
    unknown = {clip.subject for clip in training.described} - training.subjects
    n_leaked = len(unknown & {clip.subject for clip in clips})
    leak = f" Training holds {n_leaked} of the people evaluated here whom the weights do not know, "
    return _baseline_prediction(
        ridge_predictions(training.described, [clip.statistics for clip in clips]),
        training.mean,
        name=RIDGE,
        title="ridge on readings" + (" (leaks)" if n_leaked else ""),
        description="Ridge regression on statistics of what depmap reads from the same frames: "
        "mean, standard deviation, 90 % quantile and share of each action unit; means and standard "
        "deviations of head and gaze; looking down and away, head movement and event rates. Fitted "
        "on Training, with the penalty chosen by cross-validation over its people."
        + (f"{leak}so the comparison is not fair." if n_leaked else ""),
        leaks=n_leaked > 0,
    )


def look_up(clips: Sequence[EvaluatedClip], known: Iterable[tuple[str, str, float]]) -> np.ndarray:
    """Return the mean score of the person's *other* sessions in ``known``; NaN if there is none.

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
    """Regress score on log seconds for each task; NaN for clips whose task has no fit.

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

    def predict(clip: EvaluatedClip) -> float:
        if clip.task not in lines or not clip.duration or clip.duration <= 0:
            return np.nan
        return float(np.clip(np.polyval(lines[clip.task], np.log(clip.duration)), 0, MAX_SCORE))

    return np.array([predict(clip) for clip in clips])


def _baseline_prediction(
    values: np.ndarray,
    mean: float,
    name: str,
    title: str,
    description: str,
    leaks: bool = False,
) -> BaselinePrediction:
    """Fill in ``mean`` where the baseline has no information."""
    unknown = np.isnan(values)
    about = Baseline(
        name=name,
        title=title,
        description=description,
        leaks=leaks,
        informed=int((~unknown).sum()),
    )
    return about, np.where(unknown, mean, values)
