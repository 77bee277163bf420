"""Pictures have the true shape: pixel aspect ratio, rotation, interlacing, changes on the way."""

import subprocess

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from depmap_cli.config import SamplingConfig
from depmap_cli.video.reader import MAX_WORKING_SIDE, probe, sample_frames
from tests.support.videos import ffmpeg

PATTERN = ("-f", "lavfi", "-i", "testsrc=size=256x192:rate=25:duration=2")
H264 = ("-c:v", "libx264", "-bf", "3", "-crf", "12", "-pix_fmt", "yuv420p")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("picture")


@pytest.fixture(scope="module")
def square(folder):
    ffmpeg(*PATTERN, *H264, folder / "square.mp4")
    return folder / "square.mp4"


def every_frame(path):
    return list(sample_frames(path, SamplingConfig(every_frame=True)))


def alike(image, expected):
    """Correlation of two pictures, the first brought to the size of the second."""
    height, width = expected.shape[:2]
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return np.corrcoef(image.ravel(), expected.ravel())[0, 1]


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts", "avi"])
@pytest.mark.parametrize(
    ("stored", "aspect", "shown"),
    [("180x192", "64/45", (256, 192)), ("256x144", "3/4", (256, 192)), ("256x96", "1/2", None)],
)
def test_pixels_that_are_not_square_are_stretched(folder, square, ending, stored, aspect, shown):
    path = folder / f"{stored}.{ending}"
    ffmpeg(*PATTERN, "-vf", f"scale={stored.replace('x', ':')},setsar={aspect}", *H264, path)
    properties, frames = probe(path), every_frame(path)
    assert (properties.width, properties.height) == (shown or (256, 192))
    assert {f.image.shape for f in frames} == {(192, 256, 3)}
    assert {f.scale for f in frames} == {1.0}
    assert alike(frames[20].image, every_frame(square)[20].image) > 0.97


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_the_containers_aspect_ratio_counts_where_the_stream_has_another_or_none(folder, ending):
    for name, in_stream in (("none", "0"), ("another", "2")):
        stream, path = folder / f"{name}.tmp.mp4", folder / f"{name}.{ending}"
        ffmpeg(*PATTERN, "-vf", f"scale=180:192,setsar={in_stream}", *H264, stream)
        ffmpeg("-i", stream, "-aspect", "4:3", "-c", "copy", path)
        assert (probe(path).width, probe(path).height) == (256, 192)


def test_an_aspect_ratio_that_is_not_plausible_is_ignored(folder):
    path = folder / "odd.mp4"
    ffmpeg(*PATTERN, "-vf", "setsar=1/30", *H264, path)
    assert (probe(path).width, probe(path).height) == (256, 192)


def test_size_and_aspect_ratio_may_change_on_the_way(folder):
    parts = [("256:192", "1"), ("128:192", "2"), ("320:240", "1"), ("320:240", "3/4")]
    data = b""
    for number, (size, aspect) in enumerate(parts):
        part = folder / f"part{number}.ts"
        ffmpeg(*PATTERN, "-vf", f"scale={size},setsar={aspect}", *H264, part)
        data += part.read_bytes()
    path = folder / "changes.ts"
    path.write_bytes(data)
    shapes = [f.image.shape[:2] for f in every_frame(path)]
    assert shapes == [(192, 256)] * 100 + [(240, 320)] * 50 + [(320, 320)] * 50


def autorotated(path, size):
    """The first frame as the ffmpeg command shows it."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(path)]
    command += ["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(data, np.uint8).reshape(*size, 3)


@pytest.mark.parametrize("flip", [(), ("-display_hflip",), ("-display_vflip",)])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_frames_are_turned_and_mirrored_as_players_show_them(folder, square, degrees, flip):
    path = folder / f"turned{degrees}{''.join(flip)}.mp4"
    ffmpeg("-display_rotation", str(degrees), *flip, "-i", square, "-c", "copy", path)
    size = (256, 192) if degrees % 180 else (192, 256)
    properties, frame = probe(path), every_frame(path)[0]
    assert (properties.height, properties.width) == size == frame.image.shape[:2]
    assert alike(frame.image, autorotated(path, size)) > 0.999


def test_pixels_are_stretched_before_a_frame_is_turned(folder, square):
    flat, path = folder / "flat.mp4", folder / "flat_turned.mp4"
    ffmpeg(*PATTERN, "-vf", "scale=128:192,setsar=2", *H264, flat)
    ffmpeg("-display_rotation", "90", "-i", flat, "-c", "copy", path)
    frame, upright = every_frame(path)[10], every_frame(square)[10]
    assert frame.image.shape == (256, 192, 3)
    assert alike(frame.image, np.rot90(upright.image)) > 0.97


@pytest.mark.parametrize(
    ("size", "aspect", "scale"), [("2000:1200", "1", 0.64), ("1440:1080", "4/3", 2 / 3)]
)
def test_large_pictures_are_scaled_down_in_one_step(folder, size, aspect, scale):
    path = folder / "large.mp4"
    ffmpeg(
        *PATTERN[:-1], "testsrc=duration=0.2", "-vf", f"scale={size},setsar={aspect}", *H264, path
    )
    properties, frame = probe(path), every_frame(path)[0]
    assert max(frame.image.shape) == MAX_WORKING_SIDE
    assert frame.scale == pytest.approx(scale, rel=2e-3)
    assert properties.width == pytest.approx(frame.image.shape[1] / scale, rel=2e-3)


INTERLACED = {
    "a.mp4": (*H264, "-flags", "+ildct+ilme"),
    "a.mpg": ("-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ildct+ilme", "-bf", "2"),
    "a.mkv": (
        "-c:v",
        "ffv1",
    ),
}


def combing(image):
    """How far neighbouring lines differ more than lines two apart, as where fields are woven."""
    grey = image.astype(float).mean(2)
    return np.abs(np.diff(grey, axis=0)).mean() - np.abs(grey[2:] - grey[:-2]).mean()


@pytest.mark.parametrize("name", INTERLACED)
def test_interlaced_video_is_deinterlaced(folder, name):
    path = folder / name
    moving = "color=black:size=320x240:rate=50:duration=2"
    box = "color=white:size=40x120:rate=50:duration=2"
    graph = "[0][1]overlay=x='mod(t*400,280)':y=60,tinterlace=interleave_top,setfield=tff"
    ffmpeg("-f", "lavfi", "-i", moving, "-f", "lavfi", "-i", box, "-filter_complex", graph,
           *INTERLACED[name], path)  # fmt: skip
    frames = every_frame(path)
    assert len(frames) == 50
    np.testing.assert_allclose([f.time for f in frames], np.arange(50) / 25, atol=1e-3)
    assert [f.number for f in frames] == list(range(1, 51))
    assert probe(path).fps == pytest.approx(25)
    from tests.support.videos import read_video

    woven = np.mean([combing(image) for image in read_video(path)[5:45]])
    assert woven > 3
    assert np.mean([combing(f.image) for f in frames[5:45]]) < woven / 4


def test_progressive_frames_are_not_filtered(square):
    from tests.support.videos import read_video

    for frame, plain in zip(every_frame(square), read_video(square), strict=True):
        assert np.abs(frame.image.astype(int) - plain).mean() < 2
