"""Rendering without processes, and without a renderer."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.simulation.actors import StillStage


@pytest.fixture
def in_process(monkeypatch):
    """What would run in other processes runs in this one; the same in few seconds."""
    from depmap_cli.simulation import work

    monkeypatch.setattr(
        work, "ProcessPoolExecutor", lambda jobs, *others: ThreadPoolExecutor(max_workers=1)
    )


@pytest.fixture
def stage() -> StillStage:
    return StillStage()


@pytest.fixture
def faces_stage(interview) -> StillStage:
    """One with a face that the detector finds."""
    return StillStage(os.fspath(interview))
