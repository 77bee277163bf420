"""Implausible headers, and decoders that make no progress."""

import threading
import time

import numpy as np
import pytest

from depmap_cli.config import SamplingConfig
from depmap_cli.errors import VideoUnreadable
from depmap_cli.runtime.watchdog import heartbeat, watchdog_timeout, with_watchdog
from depmap_cli.video.decoder import FrameDecoder
from depmap_cli.video.limits import MAX_PIXELS, MAX_SIDE, check_size
from depmap_cli.video.reader import probe, sample_frames
from tests.support.videos import ffmpeg, write_video


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    frames = [np.full((48, 64, 3), 10 * i, np.uint8) for i in range(20)]
    return write_video(tmp_path_factory.mktemp("limits") / "short.mp4", frames, 10)


@pytest.mark.parametrize("size", [(7680, 4320), (0, 0), (MAX_SIDE, MAX_PIXELS // MAX_SIDE)])
def test_sizes_of_cameras_are_plausible(size):
    check_size(*size)


@pytest.mark.parametrize("size", [(MAX_SIDE + 1, 2), (2, 1e9), (MAX_SIDE, MAX_SIDE), (-1, 5)])
def test_other_sizes_are_refused_in_one_line(size):
    with pytest.raises(VideoUnreadable, match="not plausible") as caught:
        check_size(*size)
    assert "\n" not in str(caught.value)


def test_a_size_is_checked_before_any_frame_is_decoded(short, monkeypatch):
    monkeypatch.setattr("depmap_cli.video.limits.MAX_SIDE", 32)
    with pytest.raises(VideoUnreadable, match="64 x 48"):
        probe(short)


def test_a_size_is_checked_before_each_frame_is_decoded(short, tmp_path, monkeypatch):
    """The header of a joined stream gives the size of its first part only."""
    small, large = tmp_path / "small.ts", tmp_path / "large.ts"
    for path, size in ((small, "64x48"), (large, "640x480")):
        ffmpeg("-i", short, "-s", size, "-c:v", "libx264", "-bf", "0", path)
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    assert [f.image.shape[0] for f in sample_frames(both, SamplingConfig(every_frame=True))] == (
        [48] * 20 + [480] * 20
    )
    monkeypatch.setattr("depmap_cli.video.container.MAX_PIXELS", 200 * 150)
    sampled = list(sample_frames(both, SamplingConfig(every_frame=True)))
    assert [f.image.shape[0] for f in sampled] == [48] * 20


def test_a_gap_of_days_is_not_crossed_step_by_step(short, tmp_path):
    path = tmp_path / "gap.mkv"
    ffmpeg("-i", short, "-c", "copy", "-bsf:v", "setts=ts='if(gte(N,10),PTS+600000/TB,PTS)'", path)
    started = time.monotonic()
    frames = list(sample_frames(path, SamplingConfig(fps=240.0)))
    assert len(frames) == 20
    assert frames[-1].time > 500_000
    assert time.monotonic() - started < 5


def test_a_decoder_that_hangs_is_abandoned(short, monkeypatch):
    released = threading.Event()

    def stuck(decoder):
        released.wait(30 if decoder.number == 3 else 0)
        return forward(decoder)

    forward = FrameDecoder.__next__
    monkeypatch.setattr(FrameDecoder, "__next__", stuck)
    started = time.monotonic()
    try:
        with pytest.raises(VideoUnreadable, match=r"no progress for 0\.4 s"):
            list(sample_frames(short, SamplingConfig(frames=8), timeout=0.4))
    finally:
        released.set()
    assert time.monotonic() - started < 5


def test_slow_work_that_makes_progress_is_not_abandoned():
    def slow():
        for _ in range(8):
            time.sleep(0.1)
            heartbeat()
        yield 1

    assert list(with_watchdog(slow(), timeout=0.4)) == [1]


def test_errors_and_the_end_are_passed_on_and_sources_are_closed():
    closed = threading.Event()

    def source():
        try:
            yield 1
            raise KeyError("x")
        finally:
            closed.set()

    items = with_watchdog(source())
    assert next(items) == 1
    with pytest.raises(KeyError):
        next(items)
    assert closed.wait(2)
    closed.clear()
    unfinished = with_watchdog(source())
    next(unfinished)
    unfinished.close()
    assert closed.wait(2)


def test_functions_are_watched_once():
    threads = []

    @watchdog_timeout
    def inner():
        threads.append(threading.current_thread())
        return 1

    @watchdog_timeout
    def outer():
        threads.append(threading.current_thread())
        return inner() + 1

    assert outer() == 2
    assert threads[0] is threads[1]
    assert threads[0] is not threading.current_thread()
