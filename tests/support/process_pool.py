"""Work that `depmap` gives to other processes, done in this one."""

from concurrent.futures import ThreadPoolExecutor

import pytest


def work_here(patch: pytest.MonkeyPatch) -> None:
    """Prepare faces, or render, in this process: others would first load torch for seconds."""
    patch.setattr(
        "depmap_cli.runtime.process_pool.ProcessPoolExecutor",
        lambda jobs, *others: ThreadPoolExecutor(max_workers=1),
    )
