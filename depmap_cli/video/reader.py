"""Turns a video file into a stream of sampled frames with presentation times.

Frames between two samples are decoded but not converted, or skipped if the samples are far apart
(``decoder.py``). One frame is in memory at a time, so memory use does not depend on the length of
the video.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from depmap_cli.config import QualityConfig, SamplingConfig
from depmap_cli.errors import UsageProblem, VideoUnreadable
from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.runtime.watchdog import watchdog_timeout, with_watchdog
from depmap_cli.video.decoder import FrameDecoder, is_fragmented, open_capture, read_frame_index
from depmap_cli.video.limits import MAX_SECONDS, is_plausible_fps

MAX_WORKING_SIDE = 1280
"""Longest side of the sampled frames in pixels; larger video is scaled down."""
_TRANSPORT_STREAMS = frozenset({".ts", ".mts", ".mpg", ".mpeg"})
"""Formats without an index, which cameras split and people concatenate. OpenCV reports the length
of the first part only, so their frames are counted."""
_INDEXED = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm"})
"""Formats whose index says where the key frames are."""
_MIN_IMAGES_TO_COMPARE = 3
"""Fewer identical images than this are not taken for a decoding failure."""
_MIN_SEEK_INTERVAL = 8.0
"""Seconds between two samples from which the frames in between are skipped."""


@dataclass(frozen=True, kw_only=True)
class VideoProperties:
    """The properties of a video, after rotation; corrected if the container is known to err."""

    width: int
    height: int
    fps: float  # frames per second
    duration: float | None  # seconds; None if the container does not say


@dataclass(frozen=True)
class Frame:
    """One sampled frame."""

    time: float  # presentation time, seconds from the start of the file
    image: np.ndarray  # (height, width, 3) RGB uint8, longest side <= MAX_WORKING_SIDE
    scale: float  # pixels of ``image`` per pixel of the video, <= 1
    number: int = 0  # of the frame in the video, from 1; 0 if unknown


@watchdog_timeout
def probe(path: Path, fps: float | None = None) -> VideoProperties:
    """Read size, frame rate and duration.

    The frames of transport streams are counted, which reads the whole file. The header of a
    fragmented MP4 may describe its first fragment only; the duration then extends to the last
    frame.

    Args:
        path: the video.
        fps: frame rate that replaces the one in the container. The frames are then counted, because
            a container with a wrong rate may also give a wrong number of frames.

    Raises:
        VideoUnreadable: the file is missing, not a file, empty, or has no decodable video stream.
    """
    cv2 = load_opencv()
    capture = open_capture(path)
    try:
        rate = fps or float(capture.get(cv2.CAP_PROP_FPS))
        counted = bool(fps) or path.suffix.lower() in _TRANSPORT_STREAMS
        frames = (
            len(read_frame_index(path).times) if counted else capture.get(cv2.CAP_PROP_FRAME_COUNT)
        )
        if not counted and is_plausible_fps(rate) and is_fragmented(path):
            frames = max(frames, round(read_frame_index(path).times.max(initial=0) * rate) + 1)
        has_duration = is_plausible_fps(rate) and 0 < frames < MAX_SECONDS * rate
        return VideoProperties(
            width=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            fps=rate,
            duration=frames / rate if has_duration else None,
        )
    finally:
        capture.release()


def sample_frames(
    path: Path,
    sampling: SamplingConfig,
    fps: float | None = None,
    timeout: float | None = None,
    properties: VideoProperties | None = None,
) -> Iterator[Frame]:
    """Decode a video once, front to back, and yield the frames that ``sampling`` asks for.

    With ``sampling.fps`` the frames have that rate. Otherwise the time between ``start`` and
    ``end`` is divided into ``sampling.frames`` equal parts, and the frame nearest to the middle of
    each part is taken. A video with fewer frames than asked for yields each of its frames once.

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
    properties = properties or probe(path, fps)
    # Half a frame earlier: the frame nearest to a target is wanted, not the next one.
    lead = 0.5 / properties.fps + 1e-6 if properties.fps > 0 else 1e-6
    duration = properties.duration
    targets = _target_times(path, sampling, fps, duration)
    target, end = next(targets), sampling.end or float("inf")
    index = read_frame_index(path) if _can_seek(path, sampling, duration) else None
    images = _IdenticalImages()
    with closing(FrameDecoder(path, fps)) as decoder:
        while target - lead < end:  # frames after the last target are not decoded
            if index is not None:
                decoder.seek(target - lead, index)
            due = max(target - lead, sampling.start)
            time = next((time for time in decoder if time >= min(due, end)), None)
            if time is None or time >= end:
                break
            image = decoder.image()
            if image is None:
                continue
            images.add(image)
            yield Frame(time, *_to_working_size(image))
            while target <= time + lead:
                target = targets.send(time + lead)
    if images.all_identical:
        raise VideoUnreadable(
            "all of its images are identical",
            "if it is interlaced: ffmpeg -i IN -vf yadif -c:v libx264 OUT.mp4; "
            "otherwise check the camera",
        )
    if not images.count:
        if sampling.start > 0:
            raise UsageProblem(
                f"no frame at or after --start {sampling.start:g} s",
                "choose a --start before the end of the video",
            )
        raise VideoUnreadable(
            "the file contains no decodable image", "check that it has video and is not damaged"
        )


class _IdenticalImages:
    """Detects that all images of a video are identical.

    OpenCV (4.14, 5.0) cannot convert the images of interlaced video and reports no error: it
    returns the same memory for every frame.
    """

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


def _can_seek(path: Path, sampling: SamplingConfig, duration: float | None) -> bool:
    """Whether skipping frames saves time, and the format says where decoding can start."""
    if duration is None or path.suffix.lower() not in _INDEXED:
        return False
    span = min(sampling.end or duration, duration) - sampling.start
    interval = span / sampling.frames if sampling.fps is None else 1 / sampling.fps
    return interval >= _MIN_SEEK_INTERVAL


@watchdog_timeout
def check_complete(path: Path, fps: float | None = None) -> VideoProperties:
    """Read a whole video without decoding it, and check that it is not truncated.

    With ``fps`` the expected length is unknown, so a truncated video is not detected.

    Returns:
        The properties of the video, as ``probe``.

    Raises:
        VideoUnreadable: as for ``probe``, or the file is truncated.
    """
    properties = probe(path, fps)
    if properties.duration is None:
        return properties
    times = read_frame_index(path).times
    end = max(len(times) / properties.fps, times[-1] if len(times) else 0.0)
    if end < QualityConfig().decoded_share[0] * properties.duration:
        raise VideoUnreadable(
            f"truncated: it contains only the first {end:.1f} s of {properties.duration:.1f} s",
            "copy it again; if no more was recorded: ffmpeg -i IN -an -c copy OUT.mp4",
        )
    return properties


def _to_working_size(image: np.ndarray) -> tuple[np.ndarray, float]:
    cv2 = load_opencv()
    height, width = image.shape[:2]
    scale = min(1.0, MAX_WORKING_SIDE / max(height, width))
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), scale


def _target_times(
    path: Path, sampling: SamplingConfig, fps: float | None, duration: float | None
) -> Generator[float, float | None]:
    """Yield the times, in seconds, nearest to which a frame is wanted; at the end, infinity.

    If the duration is needed and unknown, the video is decoded to find it. The consumer may send
    the time it has reached, so that a gap in the video is crossed in one step.
    """
    if sampling.fps is not None:
        index = 0
        while True:
            reached = (yield sampling.start + index / sampling.fps) or 0.0
            index = max(index + 1, int((reached - sampling.start) * sampling.fps))
    if duration is None:
        with closing(FrameDecoder(path, fps)) as decoder:
            duration = max(decoder, default=0.0)
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
