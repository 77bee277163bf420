"""Independent random numbers for each purpose and position in a corpus.

Random numbers depend on the seed and on what is drawn, never on the order of work. The same seed
gives the same corpus with any number of processes.
"""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What random numbers are for."""

    PEOPLE = 0
    LOOKS = 1
    SCENE = 2
    BEHAVIOUR = 3
    CAMERA = 4
    LENGTH = 5
    PORTRAITS = 6  # and then another purpose: people of a corpus with this seed look otherwise


def stream(seed: int, purpose: Stream, *place: int) -> np.random.Generator:
    """The random numbers for one purpose at one place (split, person, session, ...)."""
    return np.random.default_rng([seed, purpose, *place])
