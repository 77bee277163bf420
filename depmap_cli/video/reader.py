"""First room of the corridor: a video file becomes a stream of sampled frames with true times.

Frames between two samples are decoded but not converted, or leapt over where samples lie far apart
(``decoder.py``). One frame is held at a time, so memory does not depend on the length
of the video.
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
"""Longest side in pixels of the frames handed on; larger video is scaled down on arrival."""
_JOINABLE = frozenset({".ts", ".mts", ".mpg", ".mpeg"})
"""Streams without a table of contents, that cameras cut and people join: what OpenCV takes for
their length is that of the first part, so that their frames are counted."""
_INDEXED = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm"})
"""Files that tell where their key frames lie."""
_SOME = 3
"""Pictures that must differ, lest a video be taken for one that cannot be decoded."""
_FAR = 8.0
"""Seconds between two samples from which on what lies between is leapt over."""


@dataclass(frozen=True, kw_only=True)
class VideoProperties:
    """What the container says, after rotation, or what is known better.

    ``fps`` is frames/s; ``duration`` is seconds, None if the container does not say.
    """

    width: int
    height: int
    fps: float
    duration: float | None


@dataclass(frozen=True)
class Frame:
    """One sampled frame."""

    time: float  # seconds from the start of the file (presentation time)
    image: np.ndarray  # (height, width, 3) RGB uint8, longest side <= MAX_WORKING_SIDE
    scale: float  # working pixels per source pixel, <= 1


@watchdog_timeout
def probe(path: Path, fps: float | None = None) -> VideoProperties:
    """Read size, rate and duration from the container.

    A given ``fps`` replaces the rate; frames are then counted, since a container that is wrong
    about their rate may be wrong about their number. So are those of transport streams. The head of
    a fragmented MP4 may tell of its first fragment alone: its last frame counts, if it is later.

    Raises:
        VideoUnreadable: missing, not a file, empty, or without a decodable picture stream.
    """
    cv2 = load_opencv()
    capture = open_capture(path)
    try:
        rate = fps or float(capture.get(cv2.CAP_PROP_FPS))
        counted = bool(fps) or path.suffix.lower() in _JOINABLE
        frames = (
            len(read_frame_index(path).times) if counted else capture.get(cv2.CAP_PROP_FRAME_COUNT)
        )
        if not counted and is_plausible_fps(rate) and is_fragmented(path):
            frames = max(frames, round(read_frame_index(path).times.max(initial=0) * rate) + 1)
        known = is_plausible_fps(rate) and 0 < frames < MAX_SECONDS * rate
        return VideoProperties(
            width=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            fps=rate,
            duration=frames / rate if known else None,
        )
    finally:
        capture.release()


def sample_frames(
    path: Path,
    sampling: SamplingConfig,
    fps: float | None = None,
    timeout: float | None = None,
) -> Iterator[Frame]:
    """Decode ``path`` once, front to back, and yield the frames that ``sampling`` asks for.

    With ``sampling.fps`` frames lie that far apart; otherwise ``sampling.frames`` of them are
    spread evenly between ``start`` and ``end``, each in the middle of its share of the time.
    A video with fewer frames than asked for yields each of its frames once.

    With ``fps``, the true rate of a video whose header lies, its n-th frame is at n / ``fps``
    seconds (n from 0), whatever the stream says; a variable rate is then overruled too. After
    ``timeout`` seconds without progress (``depmap_cli/runtime/watchdog.py``) it is given up.

    Raises:
        VideoUnreadable: the file cannot be opened, holds no decodable frame, or does not get on.
        UsageProblem: ``start`` lies behind the end of the video.
    """
    return with_watchdog(_sampled(path, sampling, fps), timeout)


def _sampled(path: Path, sampling: SamplingConfig, fps: float | None) -> Iterator[Frame]:
    info = probe(path, fps)
    lead = 0.5 / info.fps + 1e-6 if info.fps > 0 else 1e-6  # nearest in time, not next
    targets = _target_times(path, sampling, fps, info.duration)
    target, end = next(targets), sampling.end or float("inf")
    held = read_frame_index(path) if _far_apart(path, sampling, info.duration) else None
    pictures = _Pictures()
    with closing(FrameDecoder(path, fps)) as playback:
        while target - lead < end:  # what comes after the last one wanted is not decoded
            if held is not None:
                playback.leap(target - lead, held)
            due = max(target - lead, sampling.start)
            time = next((time for time in playback if time >= min(due, end)), None)
            if time is None or time >= end:
                break
            image = playback.picture()
            if image is None:
                continue
            pictures.add(image)
            yield Frame(time, *_to_working_size(image))
            while target <= time + lead:
                target = targets.send(time + lead)
    if pictures.stand_still:
        raise VideoUnreadable(
            "all of its pictures are one and the same",
            "interlaced? ffmpeg -i IN -vf yadif -c:v libx264 OUT.mp4; or did the camera hang?",
        )
    if not pictures.number:
        if sampling.start > 0:
            raise UsageProblem(
                f"no frame at or after --start {sampling.start:g} s", "the video is shorter"
            )
        raise VideoUnreadable("holds no decodable picture", "is it audio only, or damaged?")


class _Pictures:
    """Whether a video's pictures differ.

    Of interlaced ones OpenCV (4.14, 5.0) converts none and says nothing: its memory stays as it
    was, the same for all.
    """

    def __init__(self) -> None:
        self.number = 0
        self._first: np.ndarray | None = None

    def add(self, image: np.ndarray) -> None:
        """One more picture."""
        if self.number == 0:
            self._first = image
        elif self._first is not None and not np.array_equal(image, self._first):
            self._first = None
        self.number += 1

    @property
    def stand_still(self) -> bool:
        """Whether there are some, all alike."""
        return self.number >= _SOME and self._first is not None


def _far_apart(path: Path, sampling: SamplingConfig, duration: float | None) -> bool:
    """Whether leaping over frames can pay, in a file that tells where decoding can begin."""
    if duration is None or path.suffix.lower() not in _INDEXED:
        return False
    span = min(sampling.end or duration, duration) - sampling.start
    step = span / sampling.frames if sampling.fps is None else 1 / sampling.fps
    return step >= _FAR


@watchdog_timeout
def check_complete(path: Path, fps: float | None = None) -> None:
    """Read a whole video, without decoding it, and see whether it ends where it should.

    With ``fps`` nothing tells where that would be.

    Raises:
        VideoUnreadable: as ``probe``, or the file was cut off.
    """
    info = probe(path, fps)
    if info.duration is None:
        return
    times = read_frame_index(path).times
    reached = max(len(times) / info.fps, times[-1] if len(times) else 0.0)
    if reached < QualityConfig().decoded_share[0] * info.duration:
        raise VideoUnreadable(
            f"cut off: it holds only the first {reached:.1f} s of {info.duration:.1f} s",
            "copy it again; if no more was recorded: ffmpeg -i IN -an -c copy OUT.mp4",
        )


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
    """The times, in seconds, nearest to which a frame is wanted; ends with infinity.

    A duration that the container does not tell is counted, if it is needed.
    It may be sent the time that is reached, so that a gap is not crossed step by step.
    """
    if sampling.fps is not None:
        index = 0
        while True:
            reached = (yield sampling.start + index / sampling.fps) or 0.0
            index = max(index + 1, int((reached - sampling.start) * sampling.fps))
    if duration is None:
        with closing(FrameDecoder(path, fps)) as playback:
            duration = max(playback, default=0.0)
    end = _end_time(sampling, duration)
    step = (end - sampling.start) / sampling.frames
    for index in range(sampling.frames):
        yield sampling.start + (index + 0.5) * step
    while True:
        yield float("inf")


def _end_time(sampling: SamplingConfig, duration: float) -> float:
    """Where sampling stops: ``--end`` or the end of the video."""
    end = duration if sampling.end is None else min(sampling.end, duration)
    if end <= sampling.start and sampling.start > 0:
        raise UsageProblem(
            f"--start {sampling.start:g} s lies behind the end ({duration:.1f} s)",
            "the video is shorter",
        )
    return end
