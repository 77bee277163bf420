"""Whom weights were trained on, among those whom they are to be tested or calibrated on."""

from collections.abc import Mapping, Sequence
from typing import Any

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
