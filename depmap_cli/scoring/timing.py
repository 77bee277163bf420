"""A clock that adds up how long each stage of a video takes."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")


class ScoringStage(StrEnum):
    """The parts of scoring, in order."""

    decode = "decode"
    faces = "faces"
    semantics = "semantics"
    network = "network"
    report = "report"


class StageClock:
    """Seconds by stage of one thread. Of stages within each other only the inner one counts.

    Decoding is timed by itself (``scoring/decoding.py``): it happens beside the other stages, so
    that the sum may exceed the time that passed.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {stage.value: 0.0 for stage in ScoringStage}
        self._now: ScoringStage | None = None
        self._since = 0.0

    @contextmanager
    def timed(self, stage: ScoringStage | None) -> Iterator[None]:
        """Count what happens meanwhile as ``stage``; as nothing if None, for waiting."""
        outer = self._now
        self._turn(stage)
        try:
            yield
        finally:
            self._turn(outer)

    def _turn(self, stage: ScoringStage | None) -> None:
        now = time.perf_counter()
        if self._now is not None:
            self.seconds[self._now] += now - self._since
        self._now, self._since = stage, now

    def drawn(self, stage: ScoringStage | None, source: Iterable[T]) -> Iterator[T]:
        """The items of ``source``; making each of them is ``timed``."""
        items = iter(source)
        while True:
            with self.timed(stage):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item
