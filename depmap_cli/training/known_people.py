"""Whom weights were trained on, among those whom they are to be tested or calibrated on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from depmap_cli.checkpoint import read_document
from depmap_cli.data.corpus import Recording
from depmap_cli.errors import DataInvalid
from depmap_cli.training.document import contents_of


def known_people(document: Mapping[str, Any], recordings: Sequence[Recording]) -> set[str]:
    """The subjects of these recordings whom the weights, or those they started from, learned of.

    ``document`` is that of the weights. They know a person by the corpus's name for them, or by a
    recording, under whatever name.
    """
    known = {r.subject for r in recordings} & set(document["training_subjects"])
    if learned := set(document.get("training_contents", ())):
        pairs = zip(recordings, contents_of(recordings), strict=True)
        known |= {r.subject for r, content in pairs if content in learned}
    return known


def refuse_known(
    document: Mapping[str, Any],
    recordings: Sequence[Recording],
    weights: str,
    people: str,
    hint: str,
) -> None:
    """See to it that the weights know nobody in these recordings.

    ``weights`` and ``people`` are what the message calls them: "the weights", "of Testing".

    Raises:
        DataInvalid: they were trained on some of these people; says of how many.
    """
    known = known_people(document, recordings)
    if known:
        raise DataInvalid(f"{weights} were trained on {len(known)} of the people {people}", hint)


def known_at_start(
    init: Path | None, recordings: Sequence[Recording], fold: tuple[int, int] | None
) -> list[str]:
    """A note where the weights ``init``, which a run starts from, know whom it is judged on.

    People who are in Training besides are not counted: the run comes to know them itself.

    Raises:
        DataInvalid: it is a ``fold``, which exists for the sake of people whom nobody knows.
    """
    if init is None:
        return []
    document, own = read_document(init), {r.subject for r in recordings if r.split == "Training"}
    others = [r for r in recordings if r.split != "Training" and r.subject not in own]
    if fold is not None:
        refuse_known(
            document,
            others,
            f"fold {fold[0]}: the weights to start from, {init.name},",
            "whom it selects on or tests",
            "train with --from-scratch",
        )
    known = known_people(document, others)
    if not known:
        return []
    return [
        f"{init.name}, which this starts from, was trained on {len(known)} of the people of "
        "Development and Testing: figures on them are too good; --from-scratch knows nobody"
    ]
