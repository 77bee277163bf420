"""Folds of people: nobody straddles, number and mean score are alike, and a seed settles it."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from depmap_cli.data.folds import split_by_fold, subject_folds
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.errors import DataInvalid, UsageProblem


def corpus(rng, n_people, most=6):
    """Clips of people who each have some sessions of two tasks, with scores shaped like AVEC's."""
    videos = []
    for person in range(n_people):
        own = rng.exponential(12)
        for session in range(rng.integers(1, most // 2 + 1)):
            score = int(np.clip(rng.normal(own, 5), 0, 63))
            for task in ("Freeform", "Northwind")[: rng.integers(1, 3)]:
                path = Path(f"{person}_{session}_{task}.mp4")
                split = str(rng.choice(["Training", "Development", "Testing"]))
                videos.append(
                    LabelledVideo(
                        split=split,
                        subject=str(person),
                        session=str(session),
                        task=task,
                        path=path,
                        score=score,
                    )
                )
    return videos


def people(videos):
    return {r.subject for r in videos}


def means(folds):
    return np.array([np.mean([r.score for r in fold]) for fold in folds])


@pytest.mark.parametrize("case", range(40))
def test_nobody_straddles_and_nothing_is_lost(case):
    rng = np.random.default_rng(case)
    videos = corpus(rng, n_people=int(rng.integers(2, 60)))
    n_folds = int(rng.integers(2, min(10, len(people(videos))) + 1))
    folds = subject_folds(videos, n_folds, seed=case)
    assert len(folds) == n_folds
    assert all(folds)
    assert sorted(r for fold in folds for r in fold) == sorted(videos)
    assert sum(len(people(fold)) for fold in folds) == len(people(videos))


@pytest.mark.parametrize("case", range(20))
def test_folds_are_alike(case):
    rng = np.random.default_rng(100 + case)
    videos = corpus(rng, n_people=80)
    folds = subject_folds(videos, 5, seed=case)
    sizes = [len(fold) for fold in folds]
    assert max(sizes) - min(sizes) <= 2
    assert np.ptp(means(folds)) < 0.5


def test_folds_dealt_at_random_are_less_alike():
    """The bounds above mean something: chance does not keep them."""
    rng = np.random.default_rng(0)
    videos = corpus(rng, n_people=80)
    fold_of = {p: rng.integers(5) for p in sorted(people(videos))}
    folds = [[v for v in videos if fold_of[v.subject] == f] for f in range(5)]
    assert np.ptp(means(folds)) > 2


def test_a_planted_balance_is_found():
    """Pairs of people whose scores sum to 40, each person with one video: means of 20."""
    scores = [0, 40, 5, 35, 10, 30, 15, 25]
    videos = [
        LabelledVideo(
            split="Training",
            subject=f"{i:02d}",
            session="1",
            task="",
            path=Path(f"{i}.mp4"),
            score=score,
        )
        for i, score in enumerate(scores)
    ]
    for seed in range(20):
        folds = subject_folds(videos, 2, seed)
        assert [len(fold) for fold in folds] == [4, 4]
        assert means(folds).tolist() == [20.0, 20.0]


def test_one_person_with_most_videos_has_a_fold_alone():
    videos = [
        LabelledVideo(
            split="Training", subject="a", session=str(i), task="", path=Path(f"a{i}.mp4"), score=10
        )
        for i in range(20)
    ] + [
        LabelledVideo(
            split="Training", subject=p, session="1", task="", path=Path(f"{p}.mp4"), score=10
        )
        for p in "bcdefg"
    ]
    sizes = sorted(len(fold) for fold in subject_folds(videos, 3, seed=1))
    assert sizes == [3, 3, 20]


def test_the_seed_settles_the_folds_and_the_order_of_videos_does_not():
    rng = np.random.default_rng(3)
    videos = corpus(rng, n_people=30)
    shuffled = [videos[i] for i in rng.permutation(len(videos))]

    def parts(found, seed):
        return [people(fold) for fold in subject_folds(found, 4, seed)]

    assert parts(videos, 7) == parts(shuffled, 7)
    assert len({str([sorted(p) for p in parts(videos, seed)]) for seed in range(10)}) == 10


def test_equal_scores_are_no_obstacle():
    videos = [
        LabelledVideo(
            split="Training", subject=str(i), session="1", task="", path=Path(f"{i}.mp4"), score=9
        )
        for i in range(7)
    ]
    assert sorted(len(fold) for fold in subject_folds(videos, 3, seed=0)) == [2, 2, 3]


def test_each_fold_is_testing_once_and_development_once():
    videos = corpus(np.random.default_rng(5), n_people=20)
    testing, development = Counter(), Counter()
    for fold in range(4):
        found = split_by_fold(videos, fold, 4, seed=2)
        assert sorted(r.path for r in found) == sorted(r.path for r in videos)
        groups = {s: people([r for r in found if r.split == s]) for s in {r.split for r in found}}
        assert set(groups) == {"Training", "Development", "Testing"}
        assert sum(map(len, groups.values())) == 20
        testing.update(groups["Testing"])
        development.update(groups["Development"])
    assert testing == development == Counter(people(videos))


def test_development_is_the_next_fold():
    videos = corpus(np.random.default_rng(5), n_people=20)
    folds = subject_folds(videos, 4, seed=2)
    found = split_by_fold(videos, 3, 4, seed=2)
    assert people([r for r in found if r.split == "Testing"]) == people(folds[3])
    assert people([r for r in found if r.split == "Development"]) == people(folds[0])


def test_what_cannot_be_folded():
    videos = corpus(np.random.default_rng(0), n_people=4)
    with pytest.raises(DataInvalid, match="4 people cannot fill 5 folds"):
        subject_folds(videos, 5, seed=0)
    with pytest.raises(DataInvalid, match="0 people cannot fill 2 folds"):
        subject_folds([], 2, seed=0)
    with pytest.raises(UsageProblem, match="1 folds"):
        subject_folds(videos, 1, seed=0)
    with pytest.raises(UsageProblem, match="2 folds"):
        split_by_fold(videos, 0, 2, seed=0)
    for fold in (-1, 3):
        with pytest.raises(UsageProblem, match=f"no fold {fold}"):
            split_by_fold(videos, fold, 3, seed=0)
