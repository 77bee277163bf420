"""Decodes the frames of a video file, one after another or with some skipped.

If the frames wanted are far apart, decoding those in between would take most of the time. So it
restarts at the last key frame before each of them; the packets say where the key frames are. A seek is trusted only if it ends at a time that the file contains and before the frame
wanted; otherwise everything is decoded from the beginning. The frames are therefore the same as
without seeking.
"""

from collections.abc import Generator, Iterator
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame

from depmap_cli.runtime.watchdog import heartbeat
from depmap_cli.video.clock import FrameIndex, PacketClock
from depmap_cli.video.container import OpenVideo, no_picture, open_video
from depmap_cli.video.picture import Deinterlacer, PictureMaker

_SEEK_MARGIN = 20
"""Frames from a key frame to the frame wanted, in case decoding needs some to recover."""
_MIN_SKIP = 5.0
"""Seconds to skip from which a seek is worthwhile."""
_TIME_TOLERANCE = 1e-4
"""Seconds by which two times of the same frame may differ."""


class FrameDecoder:
    """Decodes a file; iterating yields the presentation time of each frame, in seconds.

    Times are those of ``index``, from the first presentable frame on. A frame without a time stamp
    comes one step after the one before; a frame that is not later than the one before is never
    shown, and left out. Times therefore always increase.

    Args:
        path: the video.
        index: the times of its frames; from ``FrameIndex.counted`` for a rate that replaces them.

    Raises:
        VideoUnreadable: as for ``open_video``; while iterating: the codec cannot be used.
    """

    def __init__(self, path: Path, index: FrameIndex) -> None:
        self._path, self._index = path, index
        self._can_seek, self._unit = index.can_seek, float(index.time_base)
        self._open()

    def _open(self) -> None:
        self._video = open_video(self._path)
        self._video.ignore_other_streams()
        self._clock = PacketClock(self._video)
        self._pictures = PictureMaker(self._video.stream)
        self._frame: VideoFrame | None = None
        self._start()
        self._time, self.number = -np.inf, 0

    def _start(self) -> None:
        """Decode from the current position of the file on."""
        self._clock.restart()
        self._deinterlacer = Deinterlacer()
        self._frames = _frames(self._video, self._clock, self._deinterlacer)

    @property
    def note(self) -> str:
        """Which stream is read, if the file has several; "" otherwise."""
        return self._video.note

    @property
    def codec(self) -> str:
        """Name of the codec, e.g. ``h264``."""
        return self._video.codec

    @property
    def is_interlaced(self) -> bool:
        """Whether frames are deinterlaced from here on."""
        return self._deinterlacer.is_active

    def __iter__(self) -> Iterator[float]:
        return self

    def __next__(self) -> float:
        """Decode the next frame and return its time; its number is ``number``, from 1."""
        for frame in self._frames:
            time = self._time_of(frame)
            if time <= self._time or time < -_TIME_TOLERANCE:
                continue
            self._frame, self._time, self.number = frame, time, self.number + 1
            return time
        raise StopIteration

    def _time_of(self, frame: VideoFrame) -> float:
        index = self._index
        if index.origin is None and self.number < len(index.times):
            return float(index.times[self.number])
        if index.origin is None or frame.pts is None:
            return max(self._time + index.step, 0.0)
        if self._deinterlacer.is_active:  # it changes the time base
            return frame.pts * float(frame.time_base or 1) - index.origin * self._unit
        return (frame.pts - index.origin) * self._unit

    def image(self) -> tuple[np.ndarray, float] | None:
        """Return the frame decoded last, as ``PictureMaker.picture``; None if it is damaged."""
        try:
            return None if self._frame is None else self._pictures.picture(self._frame)
        except av.error.FFmpegError:
            return None

    def shown_size(self) -> tuple[int, int] | None:
        """Return width and height, in pixels, in which the frame decoded last is shown.

        None if it is damaged.
        """
        if (picture := self.image()) is None:
            return None
        image, scale = picture
        return round(image.shape[1] / scale), round(image.shape[0] / scale)

    def seek(self, target: float) -> None:
        """Skip frames before ``target`` (seconds), if a key frame lies in between and far ahead.

        The next frame decoded is then still before ``target``. If the seek fails, all frames up to
        the current time are decoded again.
        """
        index = self._index
        last = target - _SEEK_MARGIN * index.step
        key_times = index.key_times[: np.searchsorted(index.key_times, last)]
        if not self._can_seek or not len(key_times) or key_times[-1] < self._time + _MIN_SKIP:
            return
        before, key_time = self._time, float(key_times[-1])
        if not self._decode_from(key_time, target):
            self._restart(before)

    def _decode_from(self, key_time: float, target: float) -> bool:
        """Continue at a key frame, and return whether the next frame lies where it must."""
        index = self._index
        stamp = round(key_time / self._unit) + (index.origin or 0)
        try:
            self._video.seek(stamp)
        except av.error.FFmpegError:
            return False
        self._start()
        self._time = key_time - _TIME_TOLERANCE  # earlier frames lack what they refer to
        time = next(self, None)
        if time is None or time >= target:
            return False
        nearest = int(np.abs(index.times - time).argmin())
        self.number = nearest + 1
        return bool(abs(index.times[nearest] - time) <= _TIME_TOLERANCE)

    def _restart(self, until: float) -> None:
        """Decode from the beginning up to the time ``until``, and never seek again."""
        self.close()
        self._can_seek = False
        self._open()
        while self._time < until and next(self, None) is not None:
            continue

    def close(self) -> None:
        """Release the file."""
        self._frames.close()
        self._video.close()


def _frames(
    video: OpenVideo, clock: PacketClock, deinterlacer: Deinterlacer
) -> Generator[VideoFrame]:
    """Decode and deinterlace the frames from the current position on; damaged ones are skipped."""
    for packet in video.packets(only_video=True):
        clock.correct(packet)
        for frame in _decoded(video, packet):
            yield from deinterlacer.add(frame)
    for frame in _decoded(video, None):
        yield from deinterlacer.add(frame)
    yield from deinterlacer.finish()


def _decoded(video: OpenVideo, packet: Packet | None) -> list[VideoFrame]:
    """Decode a packet; None at the end of the file."""
    context = video.stream.codec_context
    try:
        frames = context.decode(packet)
    except av.error.FFmpegError as error:
        if not context.is_open:
            raise no_picture(video.codec) from error
        return []
    heartbeat()
    if packet is None:
        for frame in frames:
            frame.time_base = video.stream.time_base  # PyAV does not set it
    return list(frames)
