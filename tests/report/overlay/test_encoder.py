"""The encoder: times come back as they were given, in each codec, and failures leave no file."""

import av
import numpy as np
import pytest

from depmap_cli.report.overlay import encoder
from depmap_cli.report.overlay.encoder import TIME_BASE, encoded_video


def picture(number):
    image = np.full((48, 64, 3), 40, np.uint8)
    image[:, : 4 * number + 4] = (200, 60, 60)
    return image


def encode(path, times, step=0.2):
    with encoded_video(path, 64, 48, step) as video:
        for number, time in enumerate(times):
            video.add(picture(number), time)


def decode(path):
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    times = [float(frame.pts * frame.time_base) for frame in frames]
    return times, [frame.to_ndarray(format="rgb24") for frame in frames]


@pytest.mark.parametrize("codec", encoder.CODECS)
@pytest.mark.parametrize(
    "times", [[0.0, 0.2, 0.4], [0.0], [1.5, 1.7, 9.0, 9.04], [1001 / 24000 * i for i in range(9)]]
)
def test_times_and_pictures_come_back(tmp_path, monkeypatch, codec, times):
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {codec}")
    monkeypatch.setattr(encoder, "CODECS", (codec,))
    path = tmp_path / "a.mp4"
    encode(path, times)
    found, images = decode(path)
    assert found == pytest.approx(times, abs=float(TIME_BASE))
    for number, image in enumerate(images):
        assert np.abs(image.astype(int) - picture(number)).mean() < 6


def test_the_file_is_h264_or_mpeg4_with_the_usual_colours_and_rate(tmp_path):
    encode(tmp_path / "a.mp4", [0.2 * i for i in range(20)])
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name in ("h264", "mpeg4")
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert float(stream.average_rate) == pytest.approx(5)
        assert float(stream.duration * stream.time_base) == pytest.approx(4.0, abs=0.01)


def test_pictures_at_the_same_time_are_all_kept(tmp_path):
    encode(tmp_path / "a.mp4", [0.0, 0.0, 0.0, 0.5])
    times, _ = decode(tmp_path / "a.mp4")
    assert len(times) == 4
    assert times == sorted(set(times))


def test_the_same_pictures_give_the_same_bytes(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        encode(tmp_path / name, [0.04 * i for i in range(12)])
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_an_error_in_between_leaves_no_file(tmp_path):
    def interrupted():
        with encoded_video(tmp_path / "a.mp4", 64, 48, 0.2) as video:
            video.add(picture(0), 0.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
