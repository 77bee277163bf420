"""Who and what is in a corpus, and whether one can train on it."""

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
    """Counts, scores and shared people; ``notes`` are those of ``Corpus``."""
    parts = {split: [r for r in videos if r.split == split] for split in SPLITS}
    held = {split: part for split, part in parts.items() if part}
    shared = [_shared(a, b, held[a], held[b]) for a, b in combinations(held, 2)]
    return CorpusSummary(
        splits=[_describe_split(split, part) for split, part in held.items()],
        shared=[pair for pair in shared if pair.people],
        notes=list(notes),
    )


def check_trainable(videos: list[LabelledVideo], fold: int | None = None) -> None:
    """Refuse a corpus that `depmap train` cannot learn from or select on.

    Training and Development may share people: AVEC's own do, and ``summarise_corpus`` tells. ``fold`` is
    that of a cross-validation, for messages.

    Raises:
        DataInvalid: Training or Development is empty or of one person only (a choice made on one
            person says nothing of others), or all Training scores are equal. Testing never stands
            in for Development.
    """
    if {"Training", "Testing"} == {r.split for r in videos}:
        raise DataInvalid(
            "there is no Development split, and Testing is never used to choose",
            "move some people from Training to Development, or add --folds 5",
        )
    for split in ("Training", "Development"):
        people = {r.subject for r in of_split(videos, split)}
        if len(people) == 1:
            where, way = "", "split the data anew"
            if fold is not None:
                where, way = f" of fold {fold}", "ask for fewer --folds"
            raise DataInvalid(
                f"the {split} split{where} is of one person only",
                f"one person tells nothing about others: add people, or {way}",
            )
    if len({r.score for r in of_split(videos, "Training")}) == 1:
        raise DataInvalid("all Training scores are equal", "there is nothing to learn from")


def _describe_split(split: str, clips: list[LabelledVideo]) -> SplitSummary:
    by_session = {(r.subject, r.session): r.score for r in clips}
    scores = np.array(list(by_session.values()))
    last = MAX_SCORE // SCORE_BIN - 1
    levels = Counter(level_of(score) for score in by_session.values())
    return SplitSummary(
        split=split,
        n_sessions=len(by_session),
        n_clips=len(clips),
        n_people=len({r.subject for r in clips}),
        tasks=dict(sorted(Counter(r.task for r in clips).items())),
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
    people = {r.subject for r in a} & {r.subject for r in b}
    sessions = {(r.subject, r.session) for r in a} & {(r.subject, r.session) for r in b}
    return SharedPeople((first, second), sorted(people), len(sessions))
