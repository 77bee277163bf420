"""Frames sampled far apart are the same with and without seeking."""

from dataclasses import replace

import pytest

from depmap_cli.config import SamplingConfig
from depmap_cli.video import reader
from depmap_cli.video.container import OpenVideo
from depmap_cli.video.decoder import FrameDecoder
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
    sampled = sample_frames(path, sampling)
    return [(frame.time, frame.number, frame.image.tobytes()) for frame in sampled]


def all_decoded(path, sampling, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(reader, "_samples_are_far_apart", lambda *_: False)
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


@pytest.mark.parametrize(
    "wrong_time",
    [
        lambda target: target + 9,  # too far
        lambda target: SECONDS * 2,  # after the end
    ],
)
def test_a_seek_to_a_wrong_time_is_not_trusted(encoded, decoded, monkeypatch, wrong_time):
    path, sampling = encoded("short.mp4"), SAMPLINGS[0]
    expected = all_decoded(path, sampling, monkeypatch)
    everything, seek = len(decoded), OpenVideo.seek
    decoded.clear()

    def inaccurate(self, stamp):
        unit = self.stream.time_base
        seek(self, round(wrong_time(float(stamp * unit)) / unit))

    monkeypatch.setattr(OpenVideo, "seek", inaccurate)
    assert frames(path, sampling) == expected
    assert len(decoded) >= everything  # no second seek


def test_times_that_are_not_in_the_file_are_not_trusted(encoded, decoded, monkeypatch):
    path, sampling = encoded("short.mp4"), SAMPLINGS[0]
    expected = all_decoded(path, sampling, monkeypatch)
    everything, properties = len(decoded), reader.probe(path)
    decoded.clear()
    times = properties.index.times.copy()
    times[1:-1] += 0.013
    shifted = replace(properties, index=replace(properties.index, times=times))
    sampled = sample_frames(path, sampling, properties=shifted)
    assert [f.image.tobytes() for f in sampled] == [image for *_, image in expected]
    assert len(decoded) >= everything


def test_with_a_given_rate_all_frames_are_counted(encoded, decoded):
    sampled = list(sample_frames(encoded("short.mp4"), SAMPLINGS[0], fps=RATE / 2))
    assert [frame.time for frame in sampled] == pytest.approx([15, 45, 75, 105], abs=0.05)
    assert len(decoded) >= 0.85 * SECONDS * RATE
