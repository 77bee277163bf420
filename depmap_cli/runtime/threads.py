"""How the threads of PyTorch wait for each other; to be said before it is imported."""

import os


def use_passive_threads() -> None:
    """Let OpenMP's threads sleep while they wait, unless the environment says otherwise.

    By default they spin, which takes the cores from the decoder and from other processes (measured:
    CHANGELOG).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
