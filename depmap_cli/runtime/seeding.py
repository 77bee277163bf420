"""Random numbers that depend on what they are for, never on the order of work."""

from torch import Generator


def generator_for(*numbers: int) -> Generator:
    """A generator of its own for these numbers, such as seed, epoch and step."""
    seed = 0
    for number in numbers:
        seed = (seed * 1_000_003 + number + 1) % (1 << 63)
    return Generator().manual_seed(seed)
