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
_REORDERED_FRAMES, _MIN_REORDER_TOLERANCE = 17, 0.7
"""The same for presentation time stamps, in frames and in seconds: frames are reordered by up to 16
(ITU-T H.264, annex A)."""
_MIN_SHARE = 0.4
"""Share of packets with a presentation time stamp of their own below which these are not used. Of
interlaced frames, only one of two packets may have one."""
_NEARLY_ALL = 0.98
_LONGEST_DELAY = 60.0
"""Seconds from decoding to presentation above which a time stamp is damaged."""
_MAX_STAMP = 1 << 60
_NO_STAMP = -(1 << 62)
_STATE_LENGTH = ("mov", "matroska", "avi", "flv", "asf")
"""Formats whose header states the length; others estimate it."""
_SEEKABLE = ("mov", "matroska")
"""Formats whose index says where the key frames are."""


@dataclass(frozen=True, kw_only=True)
class FrameIndex:
    """The times of the frames of a video stream."""

    times: np.ndarray  # (n,) of presentable frames, in seconds, increasing, from 0
    key_times: np.ndarray  # (k,) of the key frames, where decoding can start
    step: float  # seconds from one frame to the next, at a constant rate
    origin: int | None  # time stamp at 0 s; None if the n-th frame comes at the n-th of ``times``
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
        stated = pts, dts = packet.pts, packet.dts
        if dts is not None and abs(dts) > _MAX_STAMP:
            dts = None
        if pts is not None and abs(pts if dts is None else pts - dts) > self._farthest(dts):
            pts = None
        if dts is not None:
            self._follow("dts", dts, _BACKWARD_TOLERANCE / self._unit)
        elif pts is not None:
            tolerance = max(_MIN_REORDER_TOLERANCE / self._unit, _REORDERED_FRAMES * self._step)
            self._follow("pts", pts, tolerance)
        if self._offset:
            pts = None if pts is None else pts + self._offset
            dts = None if dts is None else dts + self._offset
        if (pts, dts) != stated:
            packet.pts, packet.dts = pts, dts

    def _farthest(self, dts: int | None) -> float:
        """How far a presentation time stamp may be from the decoding time stamp, or from 0."""
        return _MAX_STAMP if dts is None else _LONGEST_DELAY / self._unit

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
        self.pts, self.dts = array("q"), array("q")  # of the stream that is read
        self.is_key, self.is_shown = array("b"), array("b")
        self.start, self.end = float("inf"), float("-inf")  # seconds, of all streams
        self.n_jumps = 0

    def add_frame(self, packet: Packet) -> None:
        """Add a packet of the stream that is read, after the clock has corrected it."""
        self.pts.append(_NO_STAMP if packet.pts is None else packet.pts)
        self.dts.append(_NO_STAMP if packet.dts is None else packet.dts)
        self.is_key.append(packet.is_keyframe)
        self.is_shown.append(not packet.is_discard)

    def add_content(self, packet: Packet) -> None:
        """Extend the part of the file that packets of any stream cover."""
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is not None:
            unit = float(packet.time_base)
            self.start = min(self.start, stamp * unit)
            self.end = max(self.end, (stamp + (packet.duration or 0)) * unit)

    def index(self, video: OpenVideo) -> FrameIndex:
        """Return the times of the presentable frames."""
        is_key, is_shown = (np.array(a, bool) for a in (self.is_key, self.is_shown))
        first = int(is_key.argmax()) if is_key.any() else 0  # decoding can start here
        pts, dts = (np.array(a, np.int64)[first:] for a in (self.pts, self.dts))
        is_key, is_shown = is_key[first:], is_shown[first:]
        if is_key.any():  # frames that are shown before the key frame refer to earlier ones
            is_shown &= (pts >= pts[0]) | (pts == _NO_STAMP)
        unit, step = video.stream.time_base or Fraction(1), _nominal_step(video)
        stamps = _good(pts[is_shown], _NEARLY_ALL, unit)
        if stamps is None:  # both have the same steps
            stamps = _good(dts[is_shown], _NEARLY_ALL, unit)
        has_first = len(pts) > 0 and pts[0] != _NO_STAMP
        some = _good(pts[is_shown], _MIN_SHARE, unit) if has_first else None
        origin = None if some is None else int(some[0])
        stamps = some if stamps is None else stamps
        if stamps is None:
            times = np.arange(is_shown.sum()) * step
        else:
            times = (stamps - stamps[0]) * float(unit)
            step = _typical_step(times) if len(times) > 1 else step
        keys = np.unique(pts[is_key & (pts != _NO_STAMP)])
        is_indexed = video.container.format.name.startswith(_SEEKABLE)
        return FrameIndex(
            times=times,
            key_times=np.empty(0) if origin is None else (keys - origin) * float(unit),
            step=step,
            origin=origin,
            time_base=unit,
            can_seek=origin is not None and is_indexed and not self.n_jumps,
            promised=self._promised(video),
        )

    def _promised(self, video: OpenVideo) -> float | None:
        """Return the length in the header, in seconds, if the file ends long before it."""
        container, stream = video.container, video.stream
        is_complete = 0 < stream.frames <= len(self.pts)
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


def _good(stamps: np.ndarray, min_share: float, unit: Fraction) -> np.ndarray | None:
    """Return the different time stamps, sorted; None if there are too few, or they reach too far.

    Args:
        stamps: of all packets; _NO_STAMP where there is none.
        min_share: how many different ones are enough, as a share of the packets.
        unit: seconds.
    """
    different = np.unique(stamps[stamps != _NO_STAMP])
    if not len(different) or len(different) < min_share * len(stamps):
        return None
    return different if (different[-1] - different[0]) * float(unit) < MAX_SECONDS else None


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
