"""Measures how long each stage of scoring a video takes."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")


class ScoringStage(StrEnum):
    """The stages of scoring, in order."""

    decode = "decode"
    faces = "faces"
    semantics = "semantics"
    network = "network"
    report = "report"


class StageClock:
    """Adds up the wall time of each stage in one thread, in seconds.

    Of nested stages only the inner one counts. Decoding (``scoring/decoding.py``), faces and
    networks run in threads of their own, each with its own clock, so the sum of all stages can
    exceed the elapsed time.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {stage.value: 0.0 for stage in ScoringStage}
        self._stage: ScoringStage | None = None
        self._since = 0.0

    @contextmanager
    def timed(self, stage: ScoringStage | None) -> Iterator[None]:
        """Count the time spent in the block as ``stage``; None counts it for no stage."""
        outer = self._stage
        self._switch(stage)
        try:
            yield
        finally:
            self._switch(outer)

    def _switch(self, stage: ScoringStage | None) -> None:
        now = time.perf_counter()
        if self._stage is not None:
            self.seconds[self._stage] += now - self._since
        self._stage, self._since = stage, now

    def timed_items(self, stage: ScoringStage | None, source: Iterable[T]) -> Iterator[T]:
        """Yield the items of ``source``; the time it takes to produce them counts as ``stage``."""
        items = iter(source)
        while True:
            with self.timed(stage):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item
