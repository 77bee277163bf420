"""Reading: which frames are sampled, their times, and the errors of bad files."""

import os
import shutil
import weakref
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from depmap_cli.config import SamplingConfig
from depmap_cli.errors import InstallationBroken, UsageProblem, VideoUnreadable
from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.video.decoder import FrameDecoder
from depmap_cli.video.reader import MAX_WORKING_SIDE, check_complete, probe, sample_frames
from tests.support.videos import ffmpeg, write_video


def take(path: Path, **settings) -> list:
    return list(sample_frames(path, SamplingConfig(**settings)))


@pytest.fixture(scope="module")
def counted(tmp_path_factory) -> Path:
    """100 frames at 10 frames per second; the first 1.6 * i of 160 columns of frame i are white."""
    columns = np.arange(160)
    frames = [
        np.where(columns[None, :, None] < 1.6 * i, 255, np.zeros((64, 160, 3))).astype(np.uint8)
        for i in range(100)
    ]
    return write_video(tmp_path_factory.mktemp("video") / "counted.mp4", frames, 10)


def test_frames_are_sampled_evenly_from_the_whole_video(counted):
    times = [f.time for f in take(counted, frames=10)]
    assert times == pytest.approx([0.5 + i for i in range(10)], abs=0.051)


def test_time_and_image_belong_together(counted):
    for frame in take(counted, frames=20):
        assert (frame.image[..., 1] > 128).mean() == pytest.approx(frame.time / 10, abs=0.01)


def test_fewer_frames_than_asked_for_gives_each_once(counted):
    times = [f.time for f in take(counted, frames=1000)]
    assert len(times) == 100
    assert all(b > a for a, b in pairwise(times))


def test_fps_start_and_end(counted):
    frames = take(counted, fps=2, start=3, end=6)
    assert [f.time for f in frames] == pytest.approx([3, 3.5, 4, 4.5, 5, 5.5], abs=0.051)


def test_a_start_after_the_end_is_a_usage_problem(counted):
    with pytest.raises(UsageProblem, match="start"):
        take(counted, start=60)
    with pytest.raises(UsageProblem, match="start"):
        take(counted, start=60, fps=2)


def test_variable_frame_rate_keeps_true_times(media):
    times = np.array([f.time for f in take(media("vfr.mp4"), frames=1000)])
    gaps = np.diff(times)
    assert gaps.max() == pytest.approx(10, abs=0.5)  # the ten seconds that were cut out
    assert np.median(gaps) == pytest.approx(1 / 25, abs=0.01)


def test_a_given_rate_replaces_the_headers(counted):
    assert probe(counted, 5).duration == pytest.approx(2 * probe(counted).duration)
    frames = list(sample_frames(counted, SamplingConfig(fps=1, start=10, end=16), 5))
    assert [f.time for f in frames] == pytest.approx([10, 11, 12, 13, 14, 15])
    for frame in frames:  # the 50th picture, now 10 s from the start, is half white
        assert (frame.image[..., 1] > 128).mean() == pytest.approx(frame.time / 20, abs=0.01)
    spread = [f.time for f in sample_frames(counted, SamplingConfig(frames=10), 5)]
    assert spread == pytest.approx([1 + 2 * i for i in range(10)], abs=0.11)


def test_a_given_rate_that_is_right_changes_nothing(interview):
    both = [
        [f.time for f in sample_frames(interview, SamplingConfig(frames=40), fps)]
        for fps in (None, 25)
    ]
    assert both[0] == pytest.approx(both[1], abs=1e-6)


@pytest.mark.parametrize("name", ["lying.mkv", "lying.avi", "lying.mp4"])
def test_frames_are_counted_where_the_header_lies_about_their_number_too(counted, tmp_path, name):
    path = tmp_path / name  # 30 s, of which the header says 10 frames/s
    ffmpeg("-i", counted, "-c", "copy", "-bsf:v", "setts=ts=TS*3", path)
    assert probe(path, 10 / 3).duration == pytest.approx(30)
    times = [f.time for f in sample_frames(path, SamplingConfig(frames=10), 10 / 3)]
    assert times == pytest.approx([1.5 + 3 * i for i in range(10)], abs=0.16)


def test_a_given_rate_overrules_a_variable_one(media):
    times = [f.time for f in sample_frames(media("vfr.mp4"), SamplingConfig(frames=1000), 25)]
    assert times == pytest.approx(np.arange(len(times)) / 25)


def test_rotation_is_honoured(media, interview):
    properties = probe(media("rotated.mp4"))
    assert (properties.width, properties.height) == (192, 160)
    upright = take(interview, frames=1, end=12)[0].image
    turned = take(media("rotated.mp4"), frames=1)[0].image
    upright = cv2.resize(upright, (192, 160))
    assert np.corrcoef(upright.ravel(), turned.ravel())[0, 1] > 0.9


def test_large_video_is_scaled_down(tmp_path):
    path = write_video(tmp_path / "large.mp4", [np.zeros((1200, 2000, 3), np.uint8)] * 3)
    frame = take(path, frames=1)[0]
    assert frame.image.shape == (768, MAX_WORKING_SIDE, 3)
    assert frame.scale == pytest.approx(0.64)


def test_only_one_frame_is_in_memory_at_a_time(counted):
    images = []
    for frame in sample_frames(counted, SamplingConfig(frames=100)):
        images.append(weakref.ref(frame.image))
        del frame
        assert sum(image() is not None for image in images) <= 1
    assert len(images) == 100


def test_a_name_that_is_not_utf8_is_no_obstacle(counted, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    shutil.copy(counted, path)
    assert check_complete(path) == probe(counted)
    assert [f.time for f in take(path, frames=2)] == [f.time for f in take(counted, frames=2)]


def test_joined_transport_streams_are_as_long_as_all_their_parts(interview, tmp_path):
    part, joined = tmp_path / "a.ts", tmp_path / "ab.ts"
    ffmpeg("-i", interview, "-t", "8", "-c:v", "libx264", part)
    joined.write_bytes(part.read_bytes() * 2)  # as users concatenate them
    assert probe(part).duration == pytest.approx(8, abs=0.2)
    assert probe(joined).duration == pytest.approx(16, abs=0.4)
    times = [frame.time for frame in take(joined, frames=8)]
    np.testing.assert_allclose(times, np.arange(1, 16, 2), atol=0.3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("text.mp4", "not a video"),
        ("empty.mp4", "empty"),
        ("audio.mp4", "no video stream"),
        ("broken.mp4", "not a video"),
    ],
)
def test_unreadable(media, name, message):
    with pytest.raises(VideoUnreadable, match=message):
        take(media(name), frames=4)


def test_missing_and_folder(tmp_path):
    with pytest.raises(VideoUnreadable, match="no such file"):
        probe(tmp_path / "none.mp4")
    with pytest.raises(VideoUnreadable, match="not a file"):
        probe(tmp_path)


def test_a_truncated_video_yields_the_frames_it_contains(media, interview):
    whole, part = (take(p, fps=2)[-1].time for p in (interview, media("truncated.mkv")))
    assert 0.2 * whole < part < 0.8 * whole


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.mp4", ("-movflags", "+faststart")), ("a.mkv", ()), ("a.avi", ("-c:v", "mpeg4"))],
)
def test_a_truncated_file_is_detected(interview, tmp_path, name, options):
    path = tmp_path / name
    ffmpeg("-i", interview, *(options if "-c:v" in options else ("-c", "copy", *options)), path)
    check_complete(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3])
    with pytest.raises(VideoUnreadable, match=r"contains only the first \d+\.\d s of 33\.\d s"):
        check_complete(path)


@pytest.mark.parametrize("name", ["vfr.mp4", "one_frame.mp4", "rotated.mp4"])
def test_a_complete_file_is_not_called_truncated(media, name):
    check_complete(media(name))
    check_complete(media(name), 2.0)


def test_missing_libgl_is_explained(monkeypatch):
    import builtins

    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "cv2":
            raise ImportError("libGL.so.1: cannot open shared object file")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InstallationBroken, match="libGL") as caught:
        load_opencv()
    assert "opencv-python-headless" in caught.value.hint
    assert "\n" not in str(caught.value)


def test_nothing_is_decoded_after_the_last_target(counted, monkeypatch):
    grabbed = []

    def counting(decoder):
        grabbed.append(decode(decoder))
        return grabbed[-1]

    decode = FrameDecoder.__next__
    monkeypatch.setattr(FrameDecoder, "__next__", counting)
    frames = take(counted, frames=2, end=4)
    assert grabbed[-1] == frames[-1].time == pytest.approx(3, abs=0.051)
