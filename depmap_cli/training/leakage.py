"""Which people weights were trained and selected on, so that they are not tested on them.

Weights files are shared, so they contain no names: people and videos are stored as hashes, which
only those who have the corpus can match.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from depmap_cli.data.face_cache import content_hash
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.errors import DataInvalid
from depmap_cli.io.checkpoint import read_document
from depmap_cli.io.clean_text import clean

Document = Mapping[str, Any]
"""The document stored with weights."""


@dataclass(frozen=True)
class _StoredPeople:
    """Stores in a document the people of one purpose (training or selection), and finds them.

    The fields are the keys of the document.
    """

    people: str
    contents: str
    names: str = ""  # in older weights: subjects by name

    def entries(
        self, videos: Sequence[LabelledVideo], earlier: Sequence[Document]
    ) -> dict[str, list[str]]:
        people, contents = {hash_subject(v.subject) for v in videos}, set(content_hashes(videos))
        for document in earlier:
            people |= self.people_of(document)
            contents |= set(document.get(self.contents, ()))
        return {self.people: sorted(people), self.contents: sorted(contents)}

    def people_of(self, document: Document) -> set[str]:
        named = map(hash_subject, document.get(self.names, ()))
        return {*document.get(self.people, ()), *named}

    def find_in(self, document: Document, videos: Sequence[LabelledVideo]) -> set[str]:
        people = self.people_of(document)
        subjects = {video.subject for video in videos if hash_subject(video.subject) in people}
        if stored := set(document.get(self.contents, ())):
            pairs = zip(videos, content_hashes(videos), strict=True)
            subjects |= {video.subject for video, content in pairs if content in stored}
        return subjects


_TRAINED = _StoredPeople("training_people", "training_contents", names="training_subjects")
_SELECTED = _StoredPeople("development_subjects", "development_contents")


def hash_subject(subject: str) -> str:
    """Return the 16 digits that stand for a person in weights.

    They hide a name only from those who cannot guess it; a three-digit number is easy to guess.
    """
    return hashlib.sha256(subject.encode()).hexdigest()[:16]


def content_hashes(videos: Sequence[LabelledVideo]) -> list[str]:
    """Return 16 digits for each video that identify its bytes.

    Raises:
        DataInvalid: a video cannot be read.
    """
    return [content_hash(video)[:16] for video in videos]


def trained_on(
    videos: Sequence[LabelledVideo], earlier: Sequence[Document]
) -> dict[str, list[str]]:
    """Entries of a document about training data: these videos, and those of ``earlier`` weights."""
    return _TRAINED.entries(videos, earlier)


def selected_on(
    videos: Sequence[LabelledVideo], earlier: Sequence[Document]
) -> dict[str, list[str]]:
    """Entries of a document about the data that selected these weights or ``earlier`` ones."""
    return _SELECTED.entries(videos, earlier)


def training_subjects(document: Document) -> set[str]:
    """Hashes of all people that the weights were trained on."""
    return _TRAINED.people_of(document)


def training_people_in(document: Document, videos: Sequence[LabelledVideo]) -> set[str]:
    """Subjects of these videos that the weights, or those they started from, were trained on.

    ``document`` is that of the weights. A person is recognised by the subject's name, or by a
    video, under whatever name.
    """
    return _TRAINED.find_in(document, videos)


def selection_people_in(document: Document, videos: Sequence[LabelledVideo]) -> set[str]:
    """Subjects of these videos that selected the weights, or those they started from.

    Empty for older weights, which do not store it.
    """
    return _SELECTED.find_in(document, videos)


def refuse_known(
    document: Document,
    videos: Sequence[LabelledVideo],
    weights: str,
    people: str,
    hint: str,
) -> None:
    """Check that weights were not trained on anybody in these videos.

    Args:
        weights: the weights in the message, e.g. "the weights".
        people: the people in the message, e.g. "of Testing".

    Raises:
        DataInvalid: they were trained on some of these people; says on how many.
    """
    known = training_people_in(document, videos)
    if known:
        raise DataInvalid(f"{weights} were trained on {len(known)} of the people {people}", hint)


def check_start_leakage(
    init: Path | None,
    videos: Sequence[LabelledVideo],
    fold: int | None,
    semantics: Document,
) -> list[str]:
    """Return notes if what a run starts from was trained on people that it is evaluated on.

    A run starts from the weights ``init`` and the semantic model, whose document is ``semantics``.
    People who are also in Training do not count: the run is trained on them itself.

    Raises:
        DataInvalid: the same, in a ``fold`` of a cross-validation, whose purpose is to test on
            unknown people.
    """
    train = {video.subject for video in videos if video.split == "Training"}
    others = [v for v in videos if v.split != "Training" and v.subject not in train]
    starts = [("the semantic model", semantics, "name another with --semantic-weights")]
    if init is not None:
        starts.append((clean(str(init)), read_document(init), "train with --from-scratch"))
    notes = []
    for name, document, hint in starts:
        if fold is not None:
            what = f"fold {fold}: the weights to start from, {name},"
            refuse_known(document, others, what, "that it selects on or tests", hint)
        if known := training_people_in(document, others):
            notes.append(
                f"{name}, which this run starts from, was trained on {len(known)} of the people of "
                f"Development and Testing: metrics on them are too optimistic; {hint}"
            )
    return notes
