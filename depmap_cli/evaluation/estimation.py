"""`depmap evaluate`: how well estimates agree with scores, beside the constant-mean baseline."""

from dataclasses import dataclass

import numpy as np
import torch

from depmap_cli.conformal import half_width
from depmap_cli.data.clips import Clip
from depmap_cli.inference import VideoInference
from depmap_cli.metrics import agreement
from depmap_cli.model.depmap import DepMap
from depmap_cli.model.semantics import Semantics
from depmap_cli.severity import MAX_SCORE


@dataclass(frozen=True)
class Evaluation:
    """Figures of one split. ``clips`` scores each video, ``recordings`` the mean of a session's."""

    n_clips: int
    n_recordings: int
    n_people: int
    n_unseen: int  # people who are not in the training data
    clips: dict[str, float]
    recordings: dict[str, float]
    baseline_clips: dict[str, float]  # the training mean for everybody
    baseline_recordings: dict[str, float]
    tasks: dict[str, dict[str, float]]
    coverage: float | None  # share of clips inside their 90 % interval
    estimates: list[float]


def estimate_clip(
    model: DepMap, semantics: Semantics, clip: Clip, frames: int, device: torch.device
) -> float:
    """The score of a prepared recording from ``frames`` frames, clipped to 0-63."""
    rows = clip.spread(frames)
    inference = VideoInference(model, semantics, device)
    inference.add(clip.faces[rows], clip.seen[rows])
    return float(inference.finish()[0].score.clamp(0, MAX_SCORE))


def evaluate_clips(
    clips: list[Clip],
    estimates: list[float],
    training_mean: float,
    seen: set[str],
    calibration: dict[str, list[float]] | None,
) -> Evaluation:
    """Compare estimates with scores, per clip, per recording and per task."""
    truth = np.array([c.recording.score for c in clips], float)
    found = np.array(estimates)
    sessions = [(c.recording.subject, c.recording.session) for c in clips]
    by_session = {
        s: [i for i, other in enumerate(sessions) if other == s] for s in sorted(set(sessions))
    }
    joint_truth = np.array([truth[rows].mean() for rows in by_session.values()])
    joint_found = np.array([found[rows].mean() for rows in by_session.values()])
    tasks = sorted({c.recording.task for c in clips})
    people = {c.recording.subject for c in clips}
    return Evaluation(
        n_clips=len(clips),
        n_recordings=len(by_session),
        n_people=len(people),
        n_unseen=len(people - seen),
        clips=agreement(truth, found),
        recordings=agreement(joint_truth, joint_found),
        baseline_clips=agreement(truth, np.full_like(truth, training_mean)),
        baseline_recordings=agreement(joint_truth, np.full_like(joint_truth, training_mean)),
        tasks={
            task: agreement(*(x[[c.recording.task == task for c in clips]] for x in (truth, found)))
            for task in tasks
        },
        coverage=_coverage(truth, found, calibration),
        estimates=estimates,
    )


def _coverage(
    truth: np.ndarray, found: np.ndarray, calibration: dict[str, list[float]] | None
) -> float | None:
    if not calibration:
        return None
    reach = half_width(np.array(calibration["residuals"]), np.array(calibration["people"]), 0.9)
    return float(np.mean(np.abs(truth - found) <= reach))
