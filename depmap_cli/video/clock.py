"""The times of the frames of a video, from the time stamps of its packets, without decoding.

All times are seconds from the first presentable frame. Frames that an edit list leaves out, or that
precede the first key frame, are not presentable. Time stamps that jump, as in joined transport
streams, are made to continue; where they are missing or useless, frames are counted and the nominal
rate is used. Lengths and numbers in headers are not used, except to notice that a file is cut off.
"""

from array import array
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.packet import Packet

from depmap_cli.config import QualityConfig
from depmap_cli.video.container import OpenVideo, open_video
from depmap_cli.video.limits import MAX_SECONDS, is_plausible_fps

_TIME_STAMPS_RESTART = 0x0200
"""AVFMT_TS_DISCONT: formats whose parts can be joined although the time stamps jump."""
_LONGEST_PAUSE = 10.0
"""Seconds by which time stamps may jump forward in these formats, as in FFmpeg."""
_BACKWARD_TOLERANCE = 0.1
"""Seconds by which decoding time stamps may run backwards before they count as a jump."""
_REORDER_TOLERANCE = 5.0
"""The same for presentation time stamps, which are not in order where frames are reordered."""
_MIN_GOOD_SHARE = 0.9
"""Share of frames with time stamps of their own below which time stamps are not used."""
_MAX_STAMP = 1 << 60
_STATE_LENGTH = ("mov", "matroska", "avi", "flv", "asf")
"""Formats whose header states the length; others estimate it."""
_SEEKABLE = ("mov", "matroska")
"""Formats whose index says where the key frames are."""


@dataclass(frozen=True, kw_only=True)
class FrameIndex:
    """The times of the frames of a video stream."""

    times: np.ndarray  # (n,) of all presentable frames, in seconds, increasing, from 0
    key_times: np.ndarray  # (k,) of the key frames, where decoding can start
    step: float  # seconds from one frame to the next, at a constant rate
    origin: int | None  # time stamp at 0 s; None if time stamps are not used
    time_base: Fraction  # seconds, unit of the time stamps
    can_seek: bool  # whether decoding can start at the key frames
    promised: float | None  # length in seconds that the header states if the file is cut off

    @property
    def duration(self) -> float:
        """Seconds from the first presentable frame to the end of the last one."""
        return float(self.times[-1]) + self.step if len(self.times) else 0.0

    def counted(self, fps: float) -> "FrameIndex":
        """Return the index of the same frames at a rate of ``fps`` frames per second."""
        return replace(
            self,
            times=np.arange(len(self.times)) / fps,
            step=1 / fps,
            origin=None,
            can_seek=False,
            promised=None,
        )

    def of_pairs(self) -> "FrameIndex":
        """Return the index of frames that consist of two packets, one for each field."""
        return replace(self, times=self.times[::2], step=2 * self.step, can_seek=False)


class PacketClock:
    """Changes the time stamps of packets, read in order, so that they do not jump."""

    def __init__(self, video: OpenVideo) -> None:
        self._unit = float(video.stream.time_base or 1)
        self._step = max(1, round(_nominal_step(video) / self._unit))
        restarts = video.container.format.flags & _TIME_STAMPS_RESTART
        self._longest_pause = (_LONGEST_PAUSE if restarts else MAX_SECONDS) / self._unit
        self._offset = self.n_jumps = 0
        self._last: dict[str, int] = {}  # latest time stamp, by kind

    def restart(self) -> None:
        """Forget the packets so far, because the file is read from another position."""
        self._offset, self._last = 0, {}

    def correct(self, packet: Packet) -> None:
        """Change the time stamps of the next packet."""
        pts, dts = _plausible(packet.pts), _plausible(packet.dts)
        if dts is not None:
            self._follow("dts", dts, _BACKWARD_TOLERANCE / self._unit)
        elif pts is not None:
            self._follow("pts", pts, _REORDER_TOLERANCE / self._unit)
        packet.pts = None if pts is None else pts + self._offset
        packet.dts = None if dts is None else dts + self._offset

    def _follow(self, kind: str, stamp: int, tolerance: float) -> None:
        time = stamp + self._offset
        last = self._last.get(kind, time)
        if -tolerance <= time - last <= self._longest_pause:
            self._last[kind] = max(last, time)
            return
        self._offset += last + self._step - time
        self._last = {kind: last + self._step}
        self.n_jumps += 1


def read_frame_index(path: Path) -> FrameIndex:
    """Read a whole file, without decoding it, to find the times of its frames.

    Raises:
        VideoUnreadable: as for ``open_video``.
    """
    video = open_video(path)
    try:
        return _read_packets(video).index(video)
    finally:
        video.close()


class _Packets:
    """What is kept of the packets of a file."""

    def __init__(self) -> None:
        self.stamps, self.key_stamps = array("q"), array("q")  # of presentable and of key frames
        self.n_frames = self.n_presentable = self.n_jumps = 0
        self.start, self.end = float("inf"), float("-inf")  # seconds, of all streams

    def add_frame(self, packet: Packet) -> None:
        """Add a packet of the stream that is read, after the clock has corrected it."""
        self.n_frames += 1
        self.n_presentable += not packet.is_discard
        if packet.pts is None:
            return
        if packet.is_keyframe:
            self.key_stamps.append(packet.pts)
        if not packet.is_discard:
            self.stamps.append(packet.pts)

    def add_content(self, packet: Packet) -> None:
        """Extend the part of the file that packets of any stream cover."""
        if packet.pts is not None:
            unit = float(packet.time_base)
            self.start = min(self.start, packet.pts * unit)
            self.end = max(self.end, (packet.pts + (packet.duration or 0)) * unit)

    def index(self, video: OpenVideo) -> FrameIndex:
        """Return the times of the presentable frames."""
        unit = video.stream.time_base or Fraction(1)
        stamps, keys = np.unique(self.stamps), np.unique(self.key_stamps)
        if len(keys):  # what precedes the first key frame cannot be decoded
            stamps = stamps[stamps >= keys[0]]
        times = (stamps - stamps[:1]) * float(unit)
        is_good = (
            len(times) > 0
            and len(times) >= _MIN_GOOD_SHARE * self.n_presentable
            and times[-1] < MAX_SECONDS
        )
        step = _nominal_step(video)
        if not is_good:
            times, keys = np.arange(self.n_presentable) * step, keys[:0]
        elif len(times) > 1:
            step = _typical_step(times)
        is_indexed = video.container.format.name.startswith(_SEEKABLE)
        return FrameIndex(
            times=times,
            key_times=(keys - stamps[0]) * float(unit) if is_good else np.empty(0),
            step=step,
            origin=int(stamps[0]) if is_good else None,
            time_base=unit,
            can_seek=is_good and is_indexed and not self.n_jumps,
            promised=self._promised(video),
        )

    def _promised(self, video: OpenVideo) -> float | None:
        """Return the length in the header, in seconds, if the file ends long before it."""
        container, stream = video.container, video.stream
        is_complete = 0 < stream.frames <= self.n_frames
        if not container.duration or is_complete or self.end < self.start:
            return None
        if not container.format.name.startswith(_STATE_LENGTH):
            return None
        stated = container.duration / 1e6 * _missing_factor(Path(container.name))
        length = self.end - self.start
        without_start = stated - max(self.start, 0.0)  # some muxers state the time of the end
        if length < QualityConfig().decoded_share[0] * min(stated, without_start):
            return without_start
        return None


def _read_packets(video: OpenVideo) -> _Packets:
    clock, packets = PacketClock(video), _Packets()
    for packet in video.packets(only_video=False):
        packets.add_content(packet)
        if packet.stream_index == video.stream.index:
            clock.correct(packet)
            packets.add_frame(packet)
    packets.n_jumps = clock.n_jumps
    return packets


def _nominal_step(video: OpenVideo) -> float:
    """Return the seconds from one frame to the next that the header states, or 1/25."""
    stream = video.stream
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and is_plausible_fps(float(rate)):
            return 1 / float(rate)
    return 1 / 25


def _typical_step(times: np.ndarray) -> float:
    """Return the mean of the steps near the median, because time stamps are rounded."""
    steps = np.diff(times)
    median = np.median(steps)
    return float(steps[np.abs(steps - median) <= median / 2].mean())


def _missing_factor(path: Path) -> float:
    """Return how many times longer a RIFF file (AVI) was, because FFmpeg states what remains."""
    with path.open("rb") as file:
        head = file.read(8)
    if head[:4] != b"RIFF":
        return 1.0
    return max(1.0, int.from_bytes(head[4:], "little") / path.stat().st_size)


def _plausible(stamp: int | None) -> int | None:
    return stamp if stamp is not None and abs(stamp) < _MAX_STAMP else None
