"""Random generators that depend on their purpose, not on the order of work."""

from torch import Generator


def generator_for(*numbers: int) -> Generator:
    """Return a generator seeded by all ``numbers``, for example seed, epoch and step."""
    seed = 0
    for number in numbers:
        seed = (seed * 1_000_003 + number + 1) % (1 << 63)
    return Generator().manual_seed(seed)
