"""Which stream is read, and what is said of files that cannot be."""

import numpy as np
import pytest

from depmap_cli.config import SamplingConfig
from depmap_cli.errors import VideoUnreadable
from depmap_cli.video.container import open_video
from depmap_cli.video.reader import probe, sample_frames
from tests.support.videos import ffmpeg


def source(colour, size="96x64"):
    return ("-f", "lavfi", "-i", f"color={colour}:size={size}:rate=10:duration=2")


def mean_colour(path):
    frame = next(sample_frames(path, SamplingConfig(frames=1)))
    return frame.image.mean((0, 1)).round(-2).tolist()


TWO = (*source("red"), *source("blue", "192x128"), "-map", "0", "-map", "1", "-c:v", "libx264")
RED, BLUE = [300, 0, 0], [0, 0, 300]


def test_the_default_stream_is_read_else_the_largest_and_the_report_says_so(tmp_path):
    marked, unmarked = tmp_path / "marked.mkv", tmp_path / "unmarked.mkv"
    ffmpeg(*TWO, "-disposition:v:0", "default", "-disposition:v:1", "0", marked)
    ffmpeg(*TWO, "-disposition:v:0", "0", "-disposition:v:1", "0", unmarked)
    for path, colour, index, size in (
        (marked, RED, 0, "96 x 64"),
        (unmarked, BLUE, 1, "192 x 128"),
    ):
        assert mean_colour(path) == colour
        (note,) = probe(path).notes
        assert note == f"one of 2 video streams is read: number {index}, {size} px"


def test_of_several_default_streams_the_largest_is_read(tmp_path):
    path = tmp_path / "a.mp4"
    ffmpeg(*TWO, "-disposition:v", "default", path)
    assert mean_colour(path) == BLUE


def test_a_cover_picture_is_no_video(tmp_path):
    cover, video, path = tmp_path / "c.png", tmp_path / "v.mp4", tmp_path / "a.mp4"
    ffmpeg(*source("blue", "640x480"), "-frames:v", "1", cover)
    ffmpeg(*source("red"), "-c:v", "libx264", video)
    ffmpeg("-i", cover, "-i", video, "-map", "0", "-map", "1", "-c", "copy",
           "-disposition:v:0", "attached_pic", path)  # fmt: skip
    assert mean_colour(path) == RED
    assert probe(path).notes == ()
    sound = tmp_path / "sound.m4a"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-i", cover, "-map", "0", "-map", "1",
           "-c:v", "copy", "-disposition:v", "attached_pic", sound)  # fmt: skip
    with pytest.raises(VideoUnreadable, match="no video stream"):
        probe(sound)


@pytest.mark.parametrize("encoder", ["libsvtav1", "libaom-av1", "libvpx-vp9", "libx265", "prores"])
def test_modern_codecs_are_decoded(tmp_path, encoder):
    """Encoded with PyAV itself."""
    import av

    try:
        av.codec.Codec(encoder, "w")
    except av.codec.codec.UnknownCodecError:
        pytest.skip(f"PyAV has no {encoder}")
    path = tmp_path / "a.mov" if encoder == "prores" else tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, rate=10)
        stream.width, stream.height = 128, 96
        stream.pix_fmt = "yuv422p10le" if encoder == "prores" else "yuv420p"
        for i in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((96, 128, 3), 10 * i, np.uint8), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    frames = list(sample_frames(path, SamplingConfig(every_frame=True)))
    assert [f.time for f in frames] == pytest.approx(np.arange(20) / 10, abs=1e-3)
    assert [f.image.mean() for f in frames] == pytest.approx(10 * np.arange(20), abs=4)


@pytest.mark.parametrize(("tag", "name"), [(b"evc1", "evc"), (b"xyzq", "xyzq")])
def test_a_codec_that_cannot_be_decoded_is_named(tmp_path, tag, name):
    path = tmp_path / "a.mp4"
    ffmpeg(*source("red"), "-c:v", "libx264", path)
    path.write_bytes(path.read_bytes().replace(b"avc1", tag).replace(b"avcC", b"free"))
    with pytest.raises(VideoUnreadable, match=rf"\b{name}\b") as caught:
        probe(path)
    assert "convert it" in caught.value.hint


def test_a_stream_without_a_decodable_frame_names_its_codec(tmp_path):
    path = tmp_path / "a.mp4"
    ffmpeg(*source("red"), "-c:v", "libx264", "-movflags", "faststart", path)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    data[start:] = bytes(len(data) - start)
    path.write_bytes(data)
    with pytest.raises(VideoUnreadable, match=r"no decodable image \(codec: h264\)"):
        probe(path)


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile 'other.mp4'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nother.ts\n#EXT-X-ENDLIST\n",
        "this is no video\n" * 50,
    ],
)
def test_a_playlist_reads_no_other_file(tmp_path, text):
    for name in ("other.mp4", "other.ts"):
        ffmpeg(*source("red"), "-c:v", "libx264", tmp_path / name)
    (tmp_path / "a.mp4").write_text(text)
    with pytest.raises(VideoUnreadable, match="not a video"):
        probe(tmp_path / "a.mp4")


def test_labels_in_any_encoding_are_no_obstacle(tmp_path):
    path = tmp_path / "a.avi"
    ffmpeg(*source("red"), "-metadata", "title=caf@", "-c:v", "mpeg4", path)
    path.write_bytes(path.read_bytes().replace(b"caf@", b"caf\xe9"))
    assert mean_colour(path) == RED


def test_a_file_is_released(tmp_path):
    path = tmp_path / "a.mp4"
    ffmpeg(*source("red"), "-c:v", "libx264", path)
    video = open_video(path)
    video.close()
    path.unlink()
