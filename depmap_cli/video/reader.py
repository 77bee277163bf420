"""Turns a video file into a stream of sampled frames with presentation times.

Frames between two samples are decoded but not converted, or skipped if the samples are far apart
(``decoder.py``). One frame is in memory at a time, so memory use does not depend on the length of
the video.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from depmap_cli.config import SamplingConfig
from depmap_cli.errors import UsageProblem, VideoUnreadable
from depmap_cli.runtime.watchdog import watchdog_timeout, with_watchdog
from depmap_cli.video.clock import FrameIndex, read_frame_index
from depmap_cli.video.container import no_picture
from depmap_cli.video.decoder import FrameDecoder
from depmap_cli.video.picture import MAX_WORKING_SIDE

__all__ = [
    "MAX_WORKING_SIDE",
    "Frame",
    "VideoProperties",
    "check_complete",
    "probe",
    "sample_frames",
]
_MIN_IMAGES_TO_COMPARE = 3
"""Fewer identical images than this are not taken for a failure of the recording."""
_MIN_SEEK_INTERVAL = 8.0
"""Seconds between two samples from which the frames in between are skipped."""


@dataclass(frozen=True, kw_only=True)
class VideoProperties:
    """The properties of a video: of its first frame, and of the time stamps of all of them."""

    width: int  # pixels, as shown: upright, with square pixels
    height: int
    fps: float  # frames per second
    duration: float | None  # seconds from the first presentable frame; None if unknown
    promised: float | None = None  # seconds that the header states, if the file is cut off
    notes: tuple[str, ...] = ()  # what was chosen, e.g. one of several video streams
    index: FrameIndex | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One sampled frame."""

    time: float  # presentation time, seconds from the first presentable frame
    image: np.ndarray  # (height, width, 3) RGB uint8, longest side <= MAX_WORKING_SIDE
    scale: float  # pixels of ``image`` per pixel of the video as shown, <= 1
    number: int = 0  # of the frame in the video, from 1; 0 if unknown


@watchdog_timeout
def probe(path: Path, fps: float | None = None) -> VideoProperties:
    """Read the time stamps of a whole file, and decode its first frame.

    Args:
        path: the video.
        fps: frame rate that replaces the time stamps.

    Raises:
        VideoUnreadable: the file is missing, not a file, empty, or no frame can be decoded.
    """
    stamped = read_frame_index(path)
    index = stamped if fps is None else stamped.counted(fps)
    with closing(FrameDecoder(path, index)) as decoder:
        first = next(decoder, None)
        shown = None if first is None else decoder.shown_size()
        if first is None or shown is None:
            raise no_picture(decoder.codec)
        second = next(decoder, None) if decoder.is_interlaced else None
        notes = (decoder.note,) if decoder.note else ()
    if second is not None and 1.5 < (second - first) / index.step < 2.5:
        index = index.of_pairs()  # the two fields of a frame have time stamps of their own
    return VideoProperties(
        width=shown[0],
        height=shown[1],
        fps=fps or 1 / index.step,
        duration=index.duration,
        promised=index.promised,
        notes=notes,
        index=index,
    )


def sample_frames(
    path: Path,
    sampling: SamplingConfig,
    fps: float | None = None,
    timeout: float | None = None,
    properties: VideoProperties | None = None,
) -> Iterator[Frame]:
    """Decode a video once, front to back, and yield the frames that ``sampling`` asks for.

    With ``sampling.every_frame``, these are all frames between ``start`` and ``end``, and with
    ``sampling.fps``, frames of that rate. Otherwise the time between ``start`` and ``end`` is
    divided into ``sampling.frames`` equal parts, and the frame nearest to the middle of each part
    is taken. A video with fewer frames than asked for yields each of its frames once.

    Args:
        path: the video.
        sampling: the frames wanted.
        fps: true frame rate of a video whose container is wrong: frame n (from 0) is at n / ``fps``
            seconds, whatever the stream says, also if its rate varies.
        timeout: seconds without progress after which reading is abandoned
            (``depmap_cli/runtime/watchdog.py``); None for the default.
        properties: the result of ``probe(path, fps)`` if it is known; None to read it.

    Raises:
        VideoUnreadable: the file cannot be opened, has no decodable frame, all its images are
            identical, or reading made no progress.
        UsageProblem: ``start`` is after the end of the video.
    """
    return with_watchdog(_sample(path, sampling, fps, properties), timeout)


def _sample(
    path: Path, sampling: SamplingConfig, fps: float | None, properties: VideoProperties | None
) -> Iterator[Frame]:
    if properties is None or properties.index is None:
        properties = probe(path, fps)
    index = properties.index
    assert index is not None  # probe sets it
    # Half a frame earlier: the frame nearest to a target is wanted, not the next one.
    lead = 0.5 * index.step + 1e-6
    targets = _target_times(sampling, index.duration)
    target, end = next(targets), sampling.end or float("inf")
    seeks = _samples_are_far_apart(sampling, index.duration)
    images = _IdenticalImages()
    with closing(FrameDecoder(path, index)) as decoder:
        while target - lead < end:  # frames after the last target are not decoded
            if seeks:
                decoder.seek(target - lead)
            due = max(target - lead, sampling.start)
            time = next((time for time in decoder if time >= min(due, end)), None)
            if time is None or time >= end:
                break
            picture = decoder.image()
            if picture is None:
                continue
            image, scale = picture
            images.add(image)
            yield Frame(time=time, image=image, scale=scale, number=decoder.number)
            del picture, image
            while target <= time + lead:
                target = targets.send(time + lead)
        codec = decoder.codec
    if images.all_identical:
        raise VideoUnreadable("all of its images are identical", "check the camera")
    if not images.count:
        if sampling.start > 0:
            raise UsageProblem(
                f"no frame at or after --start {sampling.start:g} s",
                "choose a --start before the end of the video",
            )
        raise no_picture(codec)


class _IdenticalImages:
    """Detects that all images of a video are identical, as of a camera that hangs."""

    def __init__(self) -> None:
        self.count = 0
        self._first: np.ndarray | None = None  # None once another image differs from it

    def add(self, image: np.ndarray) -> None:
        """Compare one more image with the first one."""
        if self.count == 0:
            self._first = image
        elif self._first is not None and not np.array_equal(image, self._first):
            self._first = None
        self.count += 1

    @property
    def all_identical(self) -> bool:
        """Whether there are several images and none differs."""
        return self.count >= _MIN_IMAGES_TO_COMPARE and self._first is not None


def _samples_are_far_apart(sampling: SamplingConfig, duration: float) -> bool:
    """Whether skipping frames saves time."""
    if sampling.every_frame:
        return False
    span = min(sampling.end or duration, duration) - sampling.start
    interval = span / sampling.frames if sampling.fps is None else 1 / sampling.fps
    return interval >= _MIN_SEEK_INTERVAL


@watchdog_timeout
def check_complete(path: Path, fps: float | None = None) -> VideoProperties:
    """Read the properties of a video, as ``probe``, and check that it is not truncated.

    With ``fps`` the expected length is unknown, so a truncated video is not detected.

    Raises:
        VideoUnreadable: as for ``probe``, or the file is truncated.
    """
    properties = probe(path, fps)
    if properties.promised is not None:
        raise VideoUnreadable(
            f"truncated: it contains only the first {properties.duration:.1f} s of "
            f"{properties.promised:.1f} s",
            "copy it again; if no more was recorded: ffmpeg -i IN -an -c copy OUT.mp4",
        )
    return properties


def _target_times(
    sampling: SamplingConfig, duration: float
) -> Generator[float, float | None, None]:
    """Yield the times, in seconds, nearest to which a frame is wanted; at the end, infinity.

    The consumer sends the time it has reached, so that a gap in the video is crossed in one step.
    """
    if sampling.every_frame:
        reached: float | None = sampling.start
        while True:
            reached = yield np.nextafter(reached or 0.0, np.inf)
    if sampling.fps is not None:
        index = 0
        while True:
            reached = (yield sampling.start + index / sampling.fps) or 0.0
            index = max(index + 1, int((reached - sampling.start) * sampling.fps))
    end = _end_time(sampling, duration)
    step = (end - sampling.start) / sampling.frames
    for index in range(sampling.frames):
        yield sampling.start + (index + 0.5) * step
    while True:
        yield float("inf")


def _end_time(sampling: SamplingConfig, duration: float) -> float:
    """Return where sampling stops: at ``sampling.end`` or at the end of the video.

    Raises:
        UsageProblem: ``sampling.start`` is after it.
    """
    end = duration if sampling.end is None else min(sampling.end, duration)
    if end <= sampling.start and sampling.start > 0:
        raise UsageProblem(
            f"--start {sampling.start:g} s is after the end of the video ({duration:.1f} s)",
            "choose an earlier --start",
        )
    return end
