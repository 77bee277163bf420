"""Summary of a corpus, and whether a network can be trained on it."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from depmap_cli.data.corpus import of_split
from depmap_cli.data.labelled_video import SPLITS, LabelledVideo
from depmap_cli.domain.bdi import BANDS, MAX_SCORE, level_of
from depmap_cli.errors import DataInvalid
from depmap_cli.results import SCORE_BIN, CorpusSummary, SharedPeople, SplitSummary


def summarise_corpus(videos: list[LabelledVideo], notes: Sequence[str] = ()) -> CorpusSummary:
    """Count sessions, scores and shared people; ``notes`` are those of ``Corpus``."""
    by_split = {split: [v for v in videos if v.split == split] for split in SPLITS}
    parts = {split: part for split, part in by_split.items() if part}
    shared = [_shared(a, b, parts[a], parts[b]) for a, b in combinations(parts, 2)]
    return CorpusSummary(
        splits=[_describe_split(split, part) for split, part in parts.items()],
        shared=[pair for pair in shared if pair.people],
        notes=list(notes),
    )


def check_trainable(videos: list[LabelledVideo], fold: int | None = None) -> None:
    """Check that `depmap train` can learn from a corpus and select on it.

    Training and Development may share people, as AVEC's do; ``summarise_corpus`` reports it.
    ``fold`` is the fold of a cross-validation, for messages.

    Raises:
        DataInvalid: Training or Development is empty or has one person only (selection on one
            person says nothing about others), or all Training scores are equal. Testing never
            replaces Development.
    """
    if {"Training", "Testing"} == {video.split for video in videos}:
        raise DataInvalid(
            "there is no Development split, and Testing is never used for selection",
            "move some people from Training to Development, or add --folds 5",
        )
    for split in ("Training", "Development"):
        people = {video.subject for video in of_split(videos, split)}
        if len(people) == 1:
            of_fold, remedy = "", "change the splits"
            if fold is not None:
                of_fold, remedy = f" of fold {fold}", "use fewer --folds"
            raise DataInvalid(
                f"the {split} split{of_fold} has one person only", f"add people, or {remedy}"
            )
    if len({video.score for video in of_split(videos, "Training")}) == 1:
        raise DataInvalid("all Training scores are equal", "add videos with other scores")


def _describe_split(split: str, videos: list[LabelledVideo]) -> SplitSummary:
    by_session = {(video.subject, video.session): video.score for video in videos}
    scores = np.array(list(by_session.values()))
    last = MAX_SCORE // SCORE_BIN - 1
    levels = Counter(level_of(score) for score in by_session.values())
    return SplitSummary(
        split=split,
        n_sessions=len(by_session),
        n_clips=len(videos),
        n_people=len({video.subject for video in videos}),
        tasks=dict(sorted(Counter(video.task for video in videos).items())),
        bands={band.name: levels[level] for level, band in enumerate(BANDS)},
        histogram=np.bincount(np.minimum(scores // SCORE_BIN, last), minlength=last + 1).tolist(),
        mean=float(scores.mean()),
        std=float(scores.std()),
        minimum=int(scores.min()),
        maximum=int(scores.max()),
    )


def _shared(
    first: str, second: str, a: list[LabelledVideo], b: list[LabelledVideo]
) -> SharedPeople:
    people = {v.subject for v in a} & {v.subject for v in b}
    sessions = {(v.subject, v.session) for v in a} & {(v.subject, v.session) for v in b}
    return SharedPeople((first, second), sorted(people), len(sessions))
