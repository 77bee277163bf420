"""Runs the work of process pools in this process."""

from concurrent.futures import ThreadPoolExecutor

import pytest


def work_here(patch: pytest.MonkeyPatch) -> None:
    """Prepare faces, or render, in this process; others would spend seconds on loading torch."""
    patch.setattr(
        "depmap_cli.runtime.process_pool.ProcessPoolExecutor",
        lambda jobs, *others: ThreadPoolExecutor(max_workers=1),
    )
