"""Folds of people, for cross-validation on a corpus of any splits."""

from collections import defaultdict
from dataclasses import replace

import numpy as np

from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.errors import DataInvalid, UsageProblem

_IMPROVEMENT = 1e-9
"""Least gain for which people change folds; above rounding, so that the exchange ends."""


def subject_folds(
    videos: list[LabelledVideo], n_folds: int, seed: int
) -> list[list[LabelledVideo]]:
    """``videos`` in ``n_folds`` folds, alike in number and mean score; nobody is in two.

    The same people and seed give the same folds, in whatever order the recordings come.

    Raises:
        UsageProblem: fewer than two folds.
        DataInvalid: fewer people than folds.
    """
    if n_folds < 2:
        raise UsageProblem(f"{n_folds} folds", "at least 2 are needed")
    of_person: dict[str, list[int]] = defaultdict(list)
    for video in videos:
        of_person[video.subject].append(video.score)
    if len(of_person) < n_folds:
        raise DataInvalid(
            f"{len(of_person)} people cannot fill {n_folds} folds",
            f"ask for at most {len(of_person)} folds, or add people",
        )
    people = sorted(of_person)
    fold_of = dict(zip(people, _balanced(_weights(people, of_person), n_folds, seed), strict=True))
    return [[r for r in videos if fold_of[r.subject] == fold] for fold in range(n_folds)]


def split_by_fold(
    videos: list[LabelledVideo], fold: int, n_folds: int, seed: int
) -> list[LabelledVideo]:
    """The recordings with new splits: ``fold``, from 0, is Testing, the next one Development.

    The last fold is followed by the first. All others are Training; the recordings' own splits
    do not count.

    Raises:
        UsageProblem: fewer than three folds, or no such fold.
        DataInvalid: fewer people than folds.
    """
    if n_folds < 3:
        raise UsageProblem(
            f"{n_folds} folds", "at least 3 are needed: Testing, Development and Training"
        )
    if not 0 <= fold < n_folds:
        raise UsageProblem(f"no fold {fold}", f"folds are numbered 0 to {n_folds - 1}")
    named = {fold: "Testing", (fold + 1) % n_folds: "Development"}
    return sorted(
        replace(video, split=named.get(number, "Training"))
        for number, part in enumerate(subject_folds(videos, n_folds, seed))
        for video in part
    )


def _weights(people: list[str], of_person: dict[str, list[int]]) -> np.ndarray:
    """What each person adds to a fold, (people, 2): recordings, and score above the mean.

    The latter in standard deviations, summed over recordings, so that both count recordings.
    """
    # Sorted, and whole numbers summed first, so that rounding does not depend on the input's order.
    scores = np.sort(np.concatenate([of_person[p] for p in people])).astype(float)
    mean, std = scores.mean(), scores.std() or 1.0
    counts = np.array([len(of_person[p]) for p in people])
    totals = np.array([sum(of_person[p]) for p in people])
    return np.stack([counts, (totals - counts * mean) / std], axis=1)


def _balanced(weights: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """The fold of each person, (people,), with fold sums of ``weights`` as alike as exchange gets.

    The sum of squared fold sums is least where all are equal, since their total is fixed. People
    are dealt out as ``seed`` shuffles them, those with most recordings first; then they move or
    swap while that helps.
    """
    order = np.random.default_rng(seed).permutation(len(weights))
    order = order[np.argsort(-weights[order, 0], kind="stable")]
    folds = np.empty(len(weights), int)
    folds[order] = np.arange(len(weights)) % n_folds
    while sum(_improve(person, folds, weights, n_folds) for person in order.tolist()):
        pass
    return folds


def _improve(person: int, folds: np.ndarray, weights: np.ndarray, n_folds: int) -> bool:
    """Move one person, or swap with another, where it helps most; whether anything changed."""
    own = folds[person]
    sums = np.stack([weights[folds == fold].sum(0) for fold in range(n_folds)])
    # Handing w from fold a to fold b changes the sum of squares by 2 w . (b - a + w).
    moved = np.full(n_folds, np.inf)
    if (folds == own).sum() > 1:  # never empties a fold
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


def _change(given: np.ndarray, other_sums: np.ndarray, own_sum: np.ndarray) -> np.ndarray:
    change: np.ndarray = 2 * (given * (other_sums - own_sum + given)).sum(-1)
    return change
