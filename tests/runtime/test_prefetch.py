"""The prefetcher: order, errors, closing, and how many items it prefetches."""

import threading
import time
from contextlib import closing

import pytest

from depmap_cli.runtime.prefetch import Prefetcher


@pytest.fixture
def running():
    """Return a function that lists the prefetching threads started since the test began."""
    before = set(threading.enumerate())
    return lambda: [t for t in set(threading.enumerate()) - before if t.name == "prefetch"]


def until(condition) -> bool:
    """Whether ``condition`` becomes true within a few seconds."""
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(condition())


def test_items_come_in_order_from_another_thread(running):
    def numbers():
        for i in range(200):
            yield i, threading.current_thread()

    items = list(Prefetcher(numbers(), 3))
    assert [i for i, _ in items] == list(range(200))
    assert {thread.name for _, thread in items} == {"prefetch"}
    assert not running()


def test_an_error_is_raised_where_it_happened(running):
    def breaking():
        yield 1
        yield None
        raise ValueError("broke")

    ahead = Prefetcher(breaking(), 8)
    assert next(ahead) == 1
    assert next(ahead) is None
    with pytest.raises(ValueError, match="broke"):
        next(ahead)
    with pytest.raises(StopIteration):
        next(ahead)
    assert not running()


def test_it_is_at_most_capacity_items_ahead():
    made = []

    def numbers():
        for i in range(100):
            made.append(i)
            yield i

    with closing(Prefetcher(numbers(), 4)) as ahead:
        assert next(ahead) == 0
        assert until(lambda: len(made) == 6)  # one taken, four in the queue, one waits for space
        time.sleep(0.2)
        assert len(made) == 6


def test_an_early_end_ends_the_thread_and_closes_the_source(running):
    closed = []

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed.append(threading.current_thread().name)

    with closing(Prefetcher(endless(), 2)) as ahead:
        next(ahead)
    assert closed == ["prefetch"]
    assert not running()
    assert list(ahead) == []


def test_a_source_that_is_no_generator_is_not_closed():
    assert list(Prefetcher([1, 2, 3], 1)) == [1, 2, 3]
