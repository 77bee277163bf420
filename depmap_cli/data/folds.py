"""Folds of people, for cross-validation on a corpus, whatever its splits."""

from collections import defaultdict
from dataclasses import replace

import numpy as np

from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.errors import DataInvalid, UsageProblem

_IMPROVEMENT = 1e-9
"""Smallest improvement for which people change folds; above rounding error, so that it ends."""


def subject_folds(
    videos: list[LabelledVideo], n_folds: int, seed: int
) -> list[list[LabelledVideo]]:
    """Divide videos into ``n_folds`` folds with similar numbers of videos and mean scores.

    All videos of a person are in one fold. The same people and seed give the same folds, in
    whatever order the videos come.

    Raises:
        UsageProblem: fewer than two folds.
        DataInvalid: fewer people than folds.
    """
    if n_folds < 2:
        raise UsageProblem(f"{n_folds} folds are too few", "give at least 2")
    scores: dict[str, list[int]] = defaultdict(list)
    for video in videos:
        scores[video.subject].append(video.score)
    if len(scores) < n_folds:
        raise DataInvalid(
            f"{len(scores)} people cannot fill {n_folds} folds",
            f"give --folds {len(scores)} or less, or add people",
        )
    people = sorted(scores)
    folds = _balance(_weights(people, scores), n_folds, seed)
    fold_of = dict(zip(people, folds, strict=True))
    return [[v for v in videos if fold_of[v.subject] == fold] for fold in range(n_folds)]


def split_by_fold(
    videos: list[LabelledVideo], fold: int, n_folds: int, seed: int
) -> list[LabelledVideo]:
    """Replace the splits: ``fold`` (from 0) becomes Testing, the next one Development.

    The last fold is followed by the first. All other folds become Training.

    Raises:
        UsageProblem: fewer than three folds, or no such fold.
        DataInvalid: fewer people than folds.
    """
    if n_folds < 3:
        raise UsageProblem(
            f"{n_folds} folds are too few", "give at least 3: Testing, Development and Training"
        )
    if not 0 <= fold < n_folds:
        raise UsageProblem(f"there is no fold {fold}", f"give one from 0 to {n_folds - 1}")
    split_of = {fold: "Testing", (fold + 1) % n_folds: "Development"}
    return sorted(
        replace(video, split=split_of.get(number, "Training"))
        for number, part in enumerate(subject_folds(videos, n_folds, seed))
        for video in part
    )


def _weights(people: list[str], scores: dict[str, list[int]]) -> np.ndarray:
    """What each person adds to a fold, (people, 2): number of videos, and score above the mean.

    The score is in standard deviations and summed over videos, so that both scale with videos.
    """
    # Sorted, and integers summed first, so that rounding does not depend on the order of the input.
    all_scores = np.sort(np.concatenate([scores[p] for p in people])).astype(float)
    mean, std = all_scores.mean(), all_scores.std() or 1.0
    counts = np.array([len(scores[p]) for p in people])
    totals = np.array([sum(scores[p]) for p in people])
    return np.stack([counts, (totals - counts * mean) / std], axis=1)


def _balance(weights: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Assign people to folds, (people,), so that the fold sums of ``weights`` are similar.

    Minimises the sum of squared fold sums, which is smallest if all are equal, since their total is
    fixed. People are distributed in an order shuffled by ``seed``, those with most videos first;
    then they move or swap as long as that lowers the sum.
    """
    order = np.random.default_rng(seed).permutation(len(weights))
    order = order[np.argsort(-weights[order, 0], kind="stable")]
    folds = np.empty(len(weights), int)
    folds[order] = np.arange(len(weights)) % n_folds
    while sum(_improve(person, folds, weights, n_folds) for person in order.tolist()):
        pass
    return folds


def _improve(person: int, folds: np.ndarray, weights: np.ndarray, n_folds: int) -> bool:
    """Make the best move or swap of one person; return whether there was one."""
    own = folds[person]
    sums = np.stack([weights[folds == fold].sum(0) for fold in range(n_folds)])
    # Moving w from a fold with sum a to one with sum b changes the sum of squares by
    # 2 w . (b - a + w).
    moved = np.full(n_folds, np.inf)
    if (folds == own).sum() > 1:  # a fold must not become empty
        moved = _change(weights[person], sums, sums[own])
        moved[own] = np.inf
    swapped = _change(weights[person] - weights, sums[folds], sums[own])
    swapped[folds == own] = np.inf
    if min(moved.min(), swapped.min()) > -_IMPROVEMENT:
        return False
    if swapped.min() < moved.min():
        other = swapped.argmin()
        folds[person], folds[other] = folds[other], own
    else:
        folds[person] = moved.argmin()
    return True


def _change(weights: np.ndarray, other_sums: np.ndarray, own_sum: np.ndarray) -> np.ndarray:
    change: np.ndarray = 2 * (weights * (other_sums - own_sum + weights)).sum(-1)
    return change
