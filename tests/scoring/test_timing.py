"""The clock of the scoring stages: which time counts for which stage."""

import time

import pytest

from depmap_cli.scoring.timing import ScoringStage, StageClock


@pytest.fixture
def clock(monkeypatch):
    """A stage clock, and the current time, which tests can set."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return StageClock(), now


def test_only_the_inner_of_nested_stages_counts(clock):
    clock, now = clock
    with clock.timed(ScoringStage.report):
        now[0] += 1
        with clock.timed(ScoringStage.network):
            now[0] += 10
        with clock.timed(None):
            now[0] += 100
        now[0] += 1000
    now[0] += 10_000
    assert clock.seconds["report"] == 1001
    assert clock.seconds["network"] == 10
    assert sum(clock.seconds.values()) == 1011


def test_items_count_while_they_are_produced_and_not_while_they_are_used(clock):
    clock, now = clock

    def slow():
        for i in range(3):
            now[0] += 1
            yield i

    for _ in clock.timed_items(ScoringStage.faces, slow()):
        now[0] += 10
    assert clock.seconds["faces"] == 3


def test_a_stage_that_fails_counts_until_it_fails(clock):
    clock, now = clock

    def breaking():
        now[0] += 2
        raise ValueError("broke")
        yield

    with pytest.raises(ValueError, match="broke"):
        next(clock.timed_items(ScoringStage.decode, breaking()))
    now[0] += 5
    with clock.timed(ScoringStage.report):
        now[0] += 1
    assert (clock.seconds["decode"], clock.seconds["report"]) == (2, 1)
