"""Whom weights were trained on and selected on, among those whom they are to be tested on.

Weights are passed on, so they hold no names: people and recordings stand in them as hashes, by
which whoever has the corpus can tell them again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from depmap_cli.data.cache import content_of
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.errors import DataInvalid
from depmap_cli.io.checkpoint import read_document

Document = Mapping[str, Any]
"""What is stored with weights."""


@dataclass(frozen=True)
class _SubjectOverlap:
    """Under which keys a document holds some of those whom its weights met."""

    people: str
    contents: str
    names: str = ""  # in older weights: people by their names

    def stored(
        self, videos: Sequence[LabelledVideo], earlier: Sequence[Document]
    ) -> dict[str, list[str]]:
        people, contents = {hashed(r.subject) for r in videos}, set(contents_of(videos))
        for document in earlier:
            people |= self.people_of(document)
            contents |= set(document.get(self.contents, ()))
        return {self.people: sorted(people), self.contents: sorted(contents)}

    def people_of(self, document: Document) -> set[str]:
        named = map(hashed, document.get(self.names, ()))
        return {*document.get(self.people, ()), *named}

    def among(self, document: Document, videos: Sequence[LabelledVideo]) -> set[str]:
        people = self.people_of(document)
        found = {r.subject for r in videos if hashed(r.subject) in people}
        if met := set(document.get(self.contents, ())):
            pairs = zip(videos, contents_of(videos), strict=True)
            found |= {r.subject for r, content in pairs if content in met}
        return found


_TRAINED = _SubjectOverlap("training_people", "training_contents", names="training_subjects")
_SELECTED = _SubjectOverlap("development_subjects", "development_contents")


def hashed(subject: str) -> str:
    """What stands for a person in weights, in 16 digits.

    It hides a name from those who cannot guess it; a number of three digits is soon guessed.
    """
    return hashlib.sha256(subject.encode()).hexdigest()[:16]


def contents_of(videos: Sequence[LabelledVideo]) -> list[str]:
    """What tells each recording apart by its bytes, in 16 digits.

    Raises:
        DataInvalid: one cannot be read.
    """
    return [content_of(video)[:16] for video in videos]


def trained_on(
    videos: Sequence[LabelledVideo], earlier: Sequence[Document]
) -> dict[str, list[str]]:
    """What weights store of those who taught them: these, and who taught the ``earlier`` ones."""
    return _TRAINED.stored(videos, earlier)


def selected_on(
    videos: Sequence[LabelledVideo], earlier: Sequence[Document]
) -> dict[str, list[str]]:
    """The same of those on whom they, and the ``earlier`` ones, were selected."""
    return _SELECTED.stored(videos, earlier)


def training_subjects(document: Document) -> set[str]:
    """All people who taught the weights, hashed."""
    return _TRAINED.people_of(document)


def training_people_in(document: Document, videos: Sequence[LabelledVideo]) -> set[str]:
    """The subjects of these recordings whom the weights, or those they started from, learned of.

    ``document`` is that of the weights. They know a person by the corpus's name for them, or by a
    recording, under whatever name.
    """
    return _TRAINED.among(document, videos)


def selection_people_in(document: Document, videos: Sequence[LabelledVideo]) -> set[str]:
    """Those on whom the weights, or those they started from, were selected (Development).

    Nobody for weights that do not tell, as older ones.
    """
    return _SELECTED.among(document, videos)


def refuse_known(
    document: Document,
    videos: Sequence[LabelledVideo],
    weights: str,
    people: str,
    hint: str,
) -> None:
    """See to it that the weights know nobody in these recordings.

    ``weights`` and ``people`` are what the message calls them: "the weights", "of Testing".

    Raises:
        DataInvalid: they were trained on some of these people; says of how many.
    """
    known = training_people_in(document, videos)
    if known:
        raise DataInvalid(f"{weights} were trained on {len(known)} of the people {people}", hint)


def known_at_start(
    init: Path | None,
    videos: Sequence[LabelledVideo],
    fold: tuple[int, int] | None,
    semantics: Document,
) -> list[str]:
    """A note where what a run starts from knows whom it is judged on.

    That is the weights ``init``, and the semantic model, whose document ``semantics`` is. People
    who are in Training besides are not counted: the run comes to know them itself.

    Raises:
        DataInvalid: it is a ``fold``, which exists for the sake of people whom nobody knows.
    """
    own = {r.subject for r in videos if r.split == "Training"}
    others = [r for r in videos if r.split != "Training" and r.subject not in own]
    starts = [("the semantic model", semantics, "name another with --semantic-weights")]
    if init is not None:
        starts.append((init.name, read_document(init), "train with --from-scratch"))
    notes = []
    for name, document, hint in starts:
        if fold is not None:
            what = f"fold {fold[0]}: the weights to start from, {name},"
            refuse_known(document, others, what, "whom it selects on or tests", hint)
        if known := training_people_in(document, others):
            notes.append(
                f"{name}, which this starts from, was trained on {len(known)} of the people of "
                f"Development and Testing: figures on them are too good; {hint}"
            )
    return notes
