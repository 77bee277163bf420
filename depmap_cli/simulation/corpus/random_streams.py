"""Independent random numbers for each purpose and position in a corpus.

Random numbers depend on the seed and on what is drawn, never on the order of work. The same seed
gives the same corpus with any number of processes.
"""

from enum import IntEnum

import numpy as np


class RandomPurpose(IntEnum):
    """What random numbers are drawn for. The values are part of the seed: never change them."""

    PEOPLE = 0
    APPEARANCE = 1
    SCENE = 2
    BEHAVIOUR = 3
    CAMERA = 4
    LENGTH = 5
    PORTRAITS = 6  # prefix to another purpose: portraits show other people than a cohort's


def random_stream(seed: int, purpose: RandomPurpose, *position: int) -> np.random.Generator:
    """Return the generator for one purpose at one position, such as person, session and task."""
    return np.random.default_rng([seed, purpose, *position])
