"""A corpus is counted by session, and one that cannot be trained on is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from depmap_cli.data.corpus_summary import check_trainable, summarise_corpus
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.errors import DataInvalid


def clips(split, person, session, score, tasks=("Freeform", "Northwind")):
    return [
        LabelledVideo(
            split=split,
            subject=person,
            session=session,
            task=t,
            path=Path(f"{split}/{person}_{session}_{t}.mp4"),
            score=score,
        )
        for t in tasks
    ]


SMALL = [
    *clips("Training", "1", "1", 0),
    *clips("Training", "1", "2", 14),
    *clips("Training", "2", "1", 63, tasks=("Freeform",)),
    *clips("Development", "2", "2", 20),
    *clips("Development", "3", "1", 13),
    *clips("Testing", "1", "3", 28),
]


def test_a_split_is_described():
    training = summarise_corpus(SMALL).splits[0]
    assert (training.n_sessions, training.n_clips, training.n_people) == (3, 5, 2)
    assert training.tasks == {"Freeform": 3, "Northwind": 2}
    assert training.bands == {"minimal": 1, "mild": 1, "moderate": 0, "severe": 1}
    assert training.histogram == [1, 0, 1, 0, 0, 0, 0, 0, 1]
    assert (training.minimum, training.maximum) == (0, 63)
    assert training.mean == pytest.approx(77 / 3)
    assert training.std == pytest.approx(np.std([0, 14, 63]))


def test_every_score_is_in_one_bin_and_one_band():
    videos = [r for s in range(64) for r in clips("Training", str(s), "1", s)]
    (training,) = summarise_corpus(videos).splits
    assert training.histogram == [7] * 8 + [8]
    assert list(training.bands.values()) == [14, 6, 9, 35]


def test_shared_people_by_pair_of_splits():
    found = summarise_corpus(SMALL, ["a note"])
    assert [part.split for part in found.splits] == ["Training", "Development", "Testing"]
    assert {pair.splits: pair.people for pair in found.shared} == {
        ("Training", "Development"): ["2"],
        ("Training", "Testing"): ["1"],
    }
    assert [pair.n_sessions for pair in found.shared] == [0, 0]
    assert found.notes == ["a note"]
    twice = [*SMALL, *clips("Testing", "3", "1", 13)]
    assert [pair.n_sessions for pair in summarise_corpus(twice).shared] == [0, 0, 1]


def test_an_empty_corpus_is_described():
    assert summarise_corpus([]).splits == []


def test_a_corpus_to_train_on_may_share_people():
    check_trainable(SMALL)
    check_trainable([r for r in SMALL if r.split != "Testing"])


@pytest.mark.parametrize("split", ["Training", "Development"])
def test_empty_splits_and_splits_of_one_person(split):
    rest = [r for r in SMALL if r.split not in (split, "Testing")]
    with pytest.raises(DataInvalid, match=f"the {split} split is empty"):
        check_trainable(rest)
    with pytest.raises(DataInvalid, match=f"the {split} split has one person only"):
        check_trainable([*rest, *clips(split, "9", "1", 4), *clips(split, "9", "2", 8)])

    with pytest.raises(DataInvalid, match=f"the {split} split of fold 3 has one") as told:
        check_trainable([*rest, *clips(split, "9", "1", 4)], 3)
    assert "use fewer --folds" in told.value.hint


def test_testing_never_stands_in_for_development():
    with pytest.raises(DataInvalid, match="Testing is never used for selection"):
        check_trainable([r for r in SMALL if r.split != "Development"])


def test_equal_scores_teach_nothing():
    equal = [replace(r, score=5) if r.split == "Training" else r for r in SMALL]
    with pytest.raises(DataInvalid, match="all Training scores are equal"):
        check_trainable(equal)
    check_trainable([replace(r, score=5) if r.split != "Training" else r for r in SMALL])
