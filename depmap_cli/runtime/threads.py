"""Sets how the threads of PyTorch wait for each other; call it before torch is imported."""

import os


def use_passive_threads() -> None:
    """Make OpenMP threads sleep while they wait, unless the environment sets ``OMP_WAIT_POLICY``.

    By default they spin, which takes cores away from the decoder and from other processes
    (measured: LOG L19).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
