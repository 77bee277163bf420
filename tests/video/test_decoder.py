"""Frames sampled far apart are the same with and without seeking."""

import cv2
import numpy as np
import pytest

from depmap_cli.config import SamplingConfig
from depmap_cli.errors import VideoUnreadable
from depmap_cli.video import decoder, reader
from depmap_cli.video.decoder import FrameDecoder, is_fragmented, read_frame_index
from depmap_cli.video.reader import sample_frames
from tests.support.videos import ffmpeg

SECONDS, RATE = 60, 25
SAMPLINGS = [
    SamplingConfig(frames=4),
    SamplingConfig(frames=3, start=21.3, end=52),
    SamplingConfig(fps=0.1),
]
ENCODINGS = {
    "short.mp4": ["-c:v", "libx264", "-g", "50", "-bf", "3"],
    "open.mkv": ["-c:v", "libx264", "-x264-params", "open-gop=1:keyint=75:bframes=5"],
    "refresh.mp4": ["-c:v", "libx264", "-x264-params", "intra-refresh=1:keyint=50"],
    "hevc.mp4": ["-c:v", "libx265", "-x265-params", "log-level=none:keyint=75"],
    "vp9.webm": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "50"],
    "parts.mp4": ["-c:v", "mpeg4", "-bf", "2", "-g", "50", "-movflags", "frag_keyframe+empty_moov"],
    "stills.mov": ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"],
    "gaps.mkv": ["-vf", "select='not(between(mod(t,13),5,9))'", "-fps_mode", "vfr", "-g", "50"],
}


@pytest.fixture(scope="module")
def encoded(tmp_path_factory):
    """Return a function that makes a video of different frames by its name, once."""
    folder = tmp_path_factory.mktemp("encoded")

    def make(name):
        if not (folder / name).exists():
            source = f"testsrc2=size=96x64:rate={RATE}:duration={SECONDS}"
            ffmpeg("-f", "lavfi", "-i", source, *ENCODINGS[name], folder / name)
        return folder / name

    return make


@pytest.fixture
def decoded(monkeypatch):
    """Times of all frames that were decoded."""
    times, forward = [], FrameDecoder.__next__

    def counted(self):
        times.append(forward(self))
        return times[-1]

    monkeypatch.setattr(FrameDecoder, "__next__", counted)
    return times


def frames(path, sampling):
    return [(frame.time, frame.image.tobytes()) for frame in sample_frames(path, sampling)]


def all_decoded(path, sampling, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(reader, "_INDEXED", frozenset())
        return frames(path, sampling)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENCODINGS)
def test_the_frames_are_the_same_as_without_seeking(encoded, decoded, name, monkeypatch):
    for sampling in SAMPLINGS:
        expected = all_decoded(encoded(name), sampling, monkeypatch)
        everything = len(decoded)
        decoded.clear()
        assert frames(encoded(name), sampling) == expected
        assert len(decoded) < everything / 2
        decoded.clear()


class InaccurateCapture:
    """A capture that seeks to the wrong time."""

    def __init__(self, capture, wrong_time):
        self._capture, self._wrong_time = capture, wrong_time

    def __getattr__(self, name):
        return getattr(self._capture, name)

    def set(self, what, value):
        return self._capture.set(what, self._wrong_time(value))


@pytest.mark.parametrize(
    "wrong_time",
    [
        lambda target: target + 9000,  # too far
        lambda target: 0,  # the beginning
        lambda target: SECONDS * 2000,  # after the end
    ],
)
def test_a_seek_to_a_wrong_time_is_not_trusted(encoded, decoded, monkeypatch, wrong_time):
    path, sampling = encoded("short.mp4"), SAMPLINGS[0]
    expected = all_decoded(path, sampling, monkeypatch)
    everything, open_capture = len(decoded), decoder.open_capture
    decoded.clear()
    monkeypatch.setattr(
        decoder,
        "open_capture",
        lambda path, settings=(): InaccurateCapture(open_capture(path, settings), wrong_time),
    )
    assert frames(path, sampling) == expected
    assert len(decoded) >= everything  # no second seek


def test_times_that_are_not_in_the_file_are_not_trusted(encoded, decoded, monkeypatch):
    path, sampling = encoded("short.mp4"), SAMPLINGS[0]
    expected = all_decoded(path, sampling, monkeypatch)
    everything, index = len(decoded), read_frame_index(path)
    decoded.clear()
    shifted = decoder.FrameIndex(index.times + 0.013, index.key_times)
    monkeypatch.setattr(reader, "read_frame_index", lambda path: shifted)
    assert frames(path, sampling) == expected
    assert len(decoded) >= everything


def test_the_frame_index_is_read_without_decoding(encoded):
    index = read_frame_index(encoded("short.mp4"))
    capture = cv2.VideoCapture(str(encoded("short.mp4")), cv2.CAP_FFMPEG)
    times = []
    while capture.grab():
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    np.testing.assert_allclose(index.times, times, atol=1e-9)
    assert index.key_times[0] == 0
    assert np.diff(index.key_times).max() == pytest.approx(2)  # -g 50 at 25 frames per second
    assert np.isin(index.key_times, index.times).all()


@pytest.mark.parametrize("flags", ["frag_keyframe", "frag_keyframe+empty_moov", "faststart"])
def test_an_mp4_is_as_long_as_its_fragments(tmp_path, flags):
    """With the first of these flags, the header gives a duration of two seconds."""
    source, path = f"testsrc2=size=96x64:rate={RATE}:duration=20", tmp_path / "parts.mp4"
    ffmpeg("-f", "lavfi", "-i", source, "-c:v", "mpeg4", "-g", "50", "-movflags", flags, path)
    assert is_fragmented(path) is flags.startswith("frag")
    assert reader.probe(path).duration == pytest.approx(20)
    times = [frame.time for frame in sample_frames(path, SAMPLINGS[0])]
    assert times == pytest.approx([2.5, 7.5, 12.5, 17.5], abs=0.05)


def test_other_files_have_no_fragments(tmp_path):
    huge = b"\x00\x00\x00\x01mdat" + b"\xff" * 8
    for data in (b"", b"text", b"\x00\x00\x00\x01ftyp", b"\x00\x00\x00\x05mdat" * 9, huge * 2):
        (tmp_path / "odd.mp4").write_bytes(data)
        assert not is_fragmented(tmp_path / "odd.mp4")


def test_with_a_given_rate_all_frames_are_counted(encoded, decoded):
    sampled = list(sample_frames(encoded("short.mp4"), SAMPLINGS[0], fps=RATE / 2))
    assert [frame.time for frame in sampled] == pytest.approx([15, 45, 75, 105], abs=0.05)
    assert len(decoded) >= 0.85 * SECONDS * RATE


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", ["-vf", "format=yuv420p,interlace", "-c:v", "libx264", "-flags", "+ildct+ilme"]),
        ("a.avi", ["-vf", "scale=720:576", "-c:v", "dvvideo", "-pix_fmt", "yuv420p"]),
        ("a.mkv", ["-vf", "trim=end_frame=1,loop=50:1", "-c:v", "libx264"]),
    ],
)
def test_interlaced_or_frozen_video_is_refused_with_a_hint(tmp_path, name, options):
    """OpenCV returns the content of its memory for interlaced frames, and reports no error."""
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=4", *options, tmp_path / name)
    with pytest.raises(VideoUnreadable, match="all of its images are identical") as caught:
        list(sample_frames(tmp_path / name, SamplingConfig(frames=5)))
    assert "yadif" in caught.value.hint
