"""One clock: from the first presentable frame on, whatever headers and time stamps say."""

import numpy as np
import pytest

from depmap_cli.config import SamplingConfig
from depmap_cli.video.clock import read_frame_index
from depmap_cli.video.reader import check_complete, probe, sample_frames
from tests.support.videos import ffmpeg, read_video

RATE, SECONDS = 25, 4
SOURCE = ("-f", "lavfi", "-i", f"testsrc2=size=96x64:rate={RATE}:duration={SECONDS}")
H264 = ("-c:v", "libx264", "-bf", "3", "-g", "25")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    path = tmp_path_factory.mktemp("clock") / "plain.mp4"
    ffmpeg(*SOURCE, *H264, path)
    return path


def sampled(path, **settings):
    settings = settings or {"every_frame": True}
    return list(sample_frames(path, SamplingConfig(**settings)))


def times(path):
    return np.array([frame.time for frame in sampled(path)])


def check_constant(path, n, rate=RATE, atol=6e-4):
    """All frames come in equal steps from 0; the index says the same without decoding."""
    found, index = times(path), read_frame_index(path)
    np.testing.assert_allclose(found, np.arange(n) / rate, atol=atol)
    np.testing.assert_allclose(index.times, found, atol=1e-9)
    assert probe(path).duration == pytest.approx(n / rate, abs=2e-3)
    assert probe(path).fps == pytest.approx(rate, rel=1e-3)
    assert [frame.number for frame in sampled(path)] == list(range(1, n + 1))


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "ts", "mpg", "avi", "flv", "m2ts", "vob",
                                    "asf", "3g2", "dat"])  # fmt: skip
def test_frames_are_numbered_and_timed_from_the_first_one(plain, tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    kind = {"m2ts": "mpegts", "dat": "mpegts"}.get(ending)
    codec = ("-c:v", "mpeg2video", "-bf", "2") if ending in ("mpg", "vob", "asf") else H264
    ffmpeg("-i", plain, *codec, *(("-f", kind) if kind else ()), path)
    check_constant(path, RATE * SECONDS)
    assert check_complete(path).promised is None


@pytest.mark.parametrize(
    ("ending", "start"),
    [("mkv", 5), ("mkv", 60), ("mkv", 3600), ("ts", 60), ("ts", -3), ("mp4", 60), ("mp4", 0.3)],
)
def test_a_first_time_stamp_that_is_not_0_does_not_matter(plain, tmp_path, ending, start):
    path = tmp_path / f"a.{ending}"
    ffmpeg("-i", plain, "-c", "copy", "-output_ts_offset", str(start),
           "-avoid_negative_ts", "disabled", path)  # fmt: skip
    check_constant(path, RATE * SECONDS)
    check_complete(path)
    for ours, expected in zip(sampled(path, frames=7), sampled(plain, frames=7), strict=True):
        assert ours.time == pytest.approx(expected.time, abs=1e-3)
        np.testing.assert_array_equal(ours.image, expected.image)


def test_frames_that_an_edit_list_leaves_out_are_not_presented(plain, tmp_path):
    path = tmp_path / "cut.mp4"
    ffmpeg("-ss", "1.48", "-i", plain, "-c", "copy", path)  # keeps the key frame at 1 s
    index = read_frame_index(path)
    found = sampled(path)
    assert len(index.times) == len(found) == RATE * SECONDS - 37
    assert found[0].time == 0.0
    np.testing.assert_allclose([f.time for f in found], np.arange(63) / RATE, atol=1e-3)
    np.testing.assert_array_equal(found[0].image, sampled(plain)[37].image)


@pytest.mark.parametrize("ending", ["ts", "mts", "mp4", "dat"])
def test_joined_streams_continue_whatever_their_ending(plain, tmp_path, ending):
    part, path = tmp_path / "part.ts", tmp_path / f"joined.{ending}"
    ffmpeg("-i", plain, "-c", "copy", part)
    path.write_bytes(part.read_bytes() * 3)
    check_constant(path, 3 * RATE * SECONDS)
    later = tmp_path / "later.ts"  # as when a camera records two files an hour apart
    ffmpeg("-i", plain, "-c", "copy", "-output_ts_offset", "3600", later)
    path.write_bytes(part.read_bytes() + later.read_bytes() + part.read_bytes())
    check_constant(path, 3 * RATE * SECONDS)


def test_a_stream_that_begins_within_a_group_of_pictures(plain, tmp_path):
    """A part that a camera split off: the frames before its first key frame cannot be decoded."""
    whole, part = tmp_path / "whole.ts", tmp_path / "part.ts"
    ffmpeg("-i", plain, "-c", "copy", whole)
    data = whole.read_bytes()
    n_packets = len(data) // 188
    part.write_bytes(data[: 188 * 3] + data[188 * (n_packets // 3) :])
    found, index = sampled(part), read_frame_index(part)
    assert found[0].time == pytest.approx(0, abs=0.13)
    assert len(index.times) == pytest.approx(len(found), abs=3)
    assert found[-1].time == pytest.approx(index.times[-1], abs=1e-6)


def test_a_variable_rate_keeps_true_times(plain, tmp_path):
    path = tmp_path / "vfr.mkv"
    ffmpeg("-i", plain, "-vf", "select='lt(t,1)+gte(t,3)+not(mod(n,5))'", "-fps_mode", "vfr", *H264,
           path)  # fmt: skip
    expected = [n / RATE for n in range(RATE * SECONDS) if n < 25 or n >= 75 or n % 5 == 0]
    np.testing.assert_allclose(times(path), expected, atol=1e-3)
    assert probe(path).duration == pytest.approx(SECONDS, abs=2e-3)


@pytest.mark.parametrize("name", ["a.h264", "a.m2v"])
def test_without_time_stamps_the_nominal_rate_counts(tmp_path, name):
    codec = H264 if name.endswith("h264") else ("-c:v", "mpeg2video", "-bf", "2")
    ffmpeg(*SOURCE, *codec, tmp_path / name)
    check_constant(tmp_path / name, RATE * SECONDS)


@pytest.mark.parametrize(
    ("stamps", "shown"),
    [
        ("0", 100),  # useless, so frames are counted
        ("if(eq(N,10),TS-12/TB/100,TS)", 99),
        ("if(between(N,50,74),49/25/TB,if(gte(N,75),TS-1/TB,TS))", 75),  # 25 are never shown
    ],
)
def test_time_stamps_that_do_not_increase_never_stop_the_clock(tmp_path, stamps, shown):
    path = tmp_path / "a.mkv"
    ffmpeg(*SOURCE, "-c:v", "mpeg4", "-bsf:v", f"setts=ts='{stamps}'", path)
    found = times(path)
    assert (np.diff(found) > 0).all()
    assert len(found) == pytest.approx(shown, abs=1)
    np.testing.assert_allclose(found, read_frame_index(path).times, atol=1e-9)
    assert found[-1] == pytest.approx(shown / RATE, abs=0.1)


def test_a_header_that_states_a_wrong_length_is_not_believed(plain, tmp_path):
    data = bytearray(plain.read_bytes())
    for box, offset in ((b"mvhd", 20), (b"tkhd", 24), (b"mdhd", 20), (b"elst", 12)):
        at = data.index(box) + offset
        stated = int.from_bytes(data[at : at + 4], "big")
        data[at : at + 4] = (7 * stated).to_bytes(4, "big")
    path = tmp_path / "lies.mp4"
    path.write_bytes(data)
    check_constant(path, RATE * SECONDS)
    check_complete(path)


def test_the_index_is_that_of_a_plain_decoder(plain):
    assert len(read_frame_index(plain).times) == len(read_video(plain))
    index = read_frame_index(plain)
    assert index.key_times == pytest.approx([0, 1, 2, 3])
    assert index.can_seek
