"""First room of the corridor: a video file becomes a stream of sampled frames with true times.

Frames are decoded one after the other and never sought (seeking is slow and, in many files,
wrong); those between two samples are decoded but not converted. One frame is held at a time, so
memory does not depend on the length of the video.
"""

import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from depmap_cli.config import QualityConfig, SamplingConfig
from depmap_cli.errors import UsageProblem, VideoUnreadable
from depmap_cli.limits import MAX_SECONDS, check_size, is_rate
from depmap_cli.opencv import load_opencv
from depmap_cli.watched import beat, patiently, watched

MAX_WORKING_SIDE = 1280
"""Longest side in pixels of the frames handed on; larger video is scaled down on arrival."""
_JOINABLE = frozenset({".ts", ".mts", ".mpg", ".mpeg"})
"""Streams without a table of contents, that cameras cut and people join: what OpenCV takes for
their length is that of the first part, so that their frames are counted."""


@dataclass(frozen=True)
class VideoInfo:
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


@patiently
def probe(path: Path, fps: float | None = None) -> VideoInfo:
    """Read size, rate and duration from the container.

    A given ``fps`` replaces the rate; frames are then counted, since a container that is wrong
    about their rate may be wrong about their number. So are those of transport streams.

    Raises:
        VideoUnreadable: missing, not a file, empty, or without a decodable picture stream.
    """
    cv2 = load_opencv()
    capture = _open(path)
    try:
        rate = fps or float(capture.get(cv2.CAP_PROP_FPS))
        counted = bool(fps) or path.suffix.lower() in _JOINABLE
        frames = len(_times_held(path)) if counted else capture.get(cv2.CAP_PROP_FRAME_COUNT)
        known = is_rate(rate) and 0 < frames < MAX_SECONDS * rate
        return VideoInfo(
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
    patience: float | None = None,
) -> Iterator[Frame]:
    """Decode ``path`` once, front to back, and yield the frames that ``sampling`` asks for.

    With ``sampling.fps`` frames lie that far apart; otherwise ``sampling.frames`` of them are
    spread evenly between ``start`` and ``end``, each in the middle of its share of the time.
    A video with fewer frames than asked for yields each of its frames once.

    With ``fps``, the true rate of a video whose header lies, its n-th frame is at n / ``fps``
    seconds (n from 0), whatever the stream says; a variable rate is then overruled too. After
    ``patience`` seconds without progress (``depmap_cli/watched.py``) it is given up.

    Raises:
        VideoUnreadable: the file cannot be opened, holds no decodable frame, or does not get on.
        UsageProblem: ``start`` lies behind the end of the video.
    """
    return watched(_sampled(path, sampling, fps), patience)


def _sampled(path: Path, sampling: SamplingConfig, fps: float | None) -> Iterator[Frame]:
    info = probe(path, fps)
    rate = info.fps
    lead = 0.5 / rate + 1e-6 if rate > 0 else 1e-6  # the frame nearest in time, not the next one
    targets = _target_times(path, sampling, fps, info.duration)
    target = next(targets)
    yielded = False
    for time, capture in _decode(path, fps):
        if sampling.end is not None and time >= sampling.end:
            break
        if time < sampling.start or time + lead < target:
            continue
        image = _retrieve(capture)
        if image is None:
            continue
        yield Frame(time, *_to_working_size(image))
        yielded = True
        while target <= time + lead:
            target = targets.send(time + lead)
        if target == float("inf"):  # what comes after the last one wanted is not decoded
            break
    if not yielded:
        if sampling.start > 0:
            raise UsageProblem(
                f"no frame at or after --start {sampling.start:g} s", "the video is shorter"
            )
        raise VideoUnreadable("holds no decodable picture", "is it audio only, or damaged?")


@patiently
def check_whole(path: Path, fps: float | None = None) -> None:
    """Read a whole video, without decoding it, and see whether it ends where it should.

    With ``fps`` nothing tells where that would be.

    Raises:
        VideoUnreadable: as ``probe``, or the file was cut off.
    """
    info = probe(path, fps)
    if info.duration is None:
        return
    times = _times_held(path)
    reached = max(len(times) / info.fps, times[-1] if times else 0.0)
    if reached < QualityConfig().decoded_share[0] * info.duration:
        raise VideoUnreadable(
            f"cut off: it holds only the first {reached:.1f} s of {info.duration:.1f} s",
            "copy it again; if no more was recorded: ffmpeg -i IN -an -c copy OUT.mp4",
        )


def _times_held(path: Path) -> list[float]:
    """The times of all frames in seconds, sorted, read but not decoded."""
    cv2 = load_opencv()
    capture = _open(path, [cv2.CAP_PROP_FORMAT, -1])
    try:
        milliseconds = [capture.get(cv2.CAP_PROP_POS_MSEC) for _ in _grabs(capture)]
    finally:
        capture.release()
    return sorted(time / 1000 for time in milliseconds)


def _grabs(capture: Any) -> Iterator[None]:
    """Once for every frame, or packet, that could be read."""
    while capture.grab():
        beat()
        yield


def _open(path: Path, settings: Sequence[int] = ()) -> Any:
    """A cv2.VideoCapture on a local, non-empty file; ``settings`` as OpenCV takes them."""
    if not os.path.exists(path):  # unlike Path.exists, never raises
        raise VideoUnreadable("no such file", "check the path and the rights to its folders")
    if not os.path.isfile(path):
        raise VideoUnreadable("not a file", "give a video file, or a folder of videos")
    if not _is_utf8(path.resolve()):  # OpenCV would crash
        raise VideoUnreadable("its name, or a folder's, is not UTF-8", "rename it")
    try:
        if path.stat().st_size == 0:
            raise VideoUnreadable("the file is empty", "copy or record it again")
        with path.open("rb"):
            pass
    except OSError as error:
        raise VideoUnreadable(f"cannot be read: {error.strerror}", "check permissions") from error
    cv2 = load_opencv()
    capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG, settings)
    if not capture.isOpened():
        raise VideoUnreadable(
            "not a video that OpenCV can decode",
            "convert it, e.g. ffmpeg -i IN -c:v libx264 OUT.mp4",
        )
    beat()
    check_size(capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    return capture


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _decode(path: Path, fps: float | None) -> Iterator[tuple[float, Any]]:
    """Grab every frame in order: (presentation time in seconds, capture to retrieve it from).

    Times come from the stream, or from ``fps`` where that is given. Where the stream gives none, or
    they run backwards, one step of the nominal rate stands in, so times always increase.
    """
    cv2 = load_opencv()
    capture = _open(path)
    try:
        rate = fps or capture.get(cv2.CAP_PROP_FPS)
        step = 1 / rate if is_rate(rate) else 1 / 25
        last = -step
        for number, _ in enumerate(_grabs(capture)):
            time = number / fps if fps else capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if not last < time < MAX_SECONDS:
                time = last + step
            last = time
            yield time, capture
    finally:
        capture.release()


def _retrieve(capture: Any) -> np.ndarray | None:
    cv2 = load_opencv()
    try:
        ok, image = capture.retrieve()
    except cv2.error:
        return None
    if not ok or image is None or not image.size:
        return None
    height, width = image.shape[:2]
    check_size(width, height)
    return np.asarray(image)


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
        duration = max((time for time, _ in _decode(path, fps)), default=0.0)
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
