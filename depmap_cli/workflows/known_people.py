"""Whom weights were trained on, among those whom they are to be tested or calibrated on."""

from collections.abc import Sequence

from depmap_cli.data.corpus import Recording
from depmap_cli.errors import DataInvalid
from depmap_cli.weights import Networks


def known_people(networks: Networks, recordings: Sequence[Recording]) -> set[str]:
    """The subjects of these recordings whom the weights, or those they started from, learned of."""
    return {r.subject for r in recordings} & set(networks.document["training_subjects"])


def refuse_known(
    networks: Networks, recordings: Sequence[Recording], weights: str, people: str, hint: str
) -> None:
    """See to it that the weights know nobody in these recordings.

    ``weights`` and ``people`` are what the message calls them: "the weights", "of Testing".

    Raises:
        DataInvalid: they were trained on some of these people; says of how many.
    """
    known = known_people(networks, recordings)
    if known:
        raise DataInvalid(f"{weights} were trained on {len(known)} of the people {people}", hint)
