"""Encodes pictures with times of their own as an MP4 file."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from jaxtyping import UInt8

CODECS = ("libx264", "mpeg4")
"""Encoders, the first that is available is used. Some builds of FFmpeg have no libx264."""
TIME_BASE = Fraction(1, 60_000)
"""Unit of the time stamps in seconds; MPEG-4 allows no finer one than 1/65535 s."""
_OPTIONS = {
    # x264's macroblock tree gives other bytes in some runs (measured: LOG L70).
    "libx264": {"preset": "veryfast", "crf": "23", "x264-params": "mbtree=0"},
    "mpeg4": {"qscale": "4", "flags": "+qscale"},
}
_CONTAINER = {
    "movflags": "+faststart",
    "movie_timescale": str(TIME_BASE.denominator),  # the time of the first frame is as exact
    "fflags": "+bitexact",  # the file does not contain the version of the encoder
}


class VideoEncoder:
    """Adds pictures to a video that is open for writing."""

    def __init__(self, container: Any, stream: Any, step: float) -> None:
        self._container, self._stream = container, stream
        self._duration = max(1, round(step / TIME_BASE))
        self._last = -1

    def add(self, picture: UInt8[np.ndarray, "h w 3"], time: float) -> None:
        """Add an RGB picture that is shown from ``time`` on, in seconds from the start.

        Times must not decrease; a time that is already taken moves by one unit of ``TIME_BASE``.
        """
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.time_base = TIME_BASE
        frame.pts = self._last = max(round(time / TIME_BASE), self._last + 1)
        frame.duration = self._duration
        self._container.mux(self._stream.encode(frame))

    def flush(self) -> None:
        """Write the pictures that the encoder holds back."""
        self._container.mux(self._stream.encode(None))


@contextmanager
def encoded_video(path: Path, width: int, height: int, step: float) -> Iterator[VideoEncoder]:
    """Open ``path`` for pictures of ``width`` x ``height`` pixels, both even.

    The file is complete after the block; it is removed if the block raises an error. One thread
    encodes, so that the bytes do not depend on the number of cores.

    Args:
        path: the MP4 file.
        width: width of all pictures, even.
        height: height of all pictures, even.
        step: usual time between two pictures, in seconds.

    Raises:
        OSError: the file cannot be written.
    """
    name = next(codec for codec in CODECS if codec in av.codecs_available)
    try:
        with av.open(str(path), "w", format="mp4", options=_CONTAINER) as container:
            rate = Fraction(1 / max(step, 1e-3)).limit_denominator(1001)
            stream: Any = container.add_stream(name, rate=rate, options=dict(_OPTIONS[name]))
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.time_base = stream.time_base = TIME_BASE
            stream.codec_context.thread_count = 1
            encoder = VideoEncoder(container, stream, step)
            yield encoder
            encoder.flush()
    except BaseException:
        path.unlink(missing_ok=True)
        raise
