"""Decodes the frames of a video file with OpenCV, one after another or with some skipped.

Decoding takes nearly all of the time needed for an hour of video. If the frames wanted are far
apart, decoding restarts at the last key frame before each of them; the file's index says where the
key frames are. A seek is trusted only if it ends at a time that the file contains and before the
frame wanted; otherwise everything is decoded from the beginning. The frames are therefore the same
as without seeking.
"""

import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from depmap_cli.errors import VideoUnreadable
from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.runtime.watchdog import heartbeat
from depmap_cli.video.limits import MAX_SECONDS, check_size, is_plausible_fps

_SEEK_MARGIN = 20
"""Frames after a key frame that OpenCV is sent to, because it steps back 16 frames from there."""
_MIN_SKIP = 5.0
"""Seconds to skip from which a seek is worthwhile."""
_TIME_TOLERANCE = 1e-4
"""Seconds by which two times of the same frame may differ."""


@dataclass(frozen=True)
class FrameIndex:
    """The times of the frames of a file, read without decoding."""

    times: np.ndarray  # (n,) of all frames, in seconds, sorted
    key_times: np.ndarray  # (k,) of the key frames, where decoding can start


def read_frame_index(path: Path) -> FrameIndex:
    """Read a whole file to find the times of its frames.

    Raises:
        VideoUnreadable: as for ``open_capture``.
    """
    cv2 = load_opencv()
    capture = open_capture(path, [cv2.CAP_PROP_FORMAT, -1])
    times, key_times = array("d"), array("d")
    try:
        while capture.grab():
            heartbeat()
            times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            if capture.get(cv2.CAP_PROP_LRF_HAS_KEY_FRAME):
                key_times.append(times[-1])
    finally:
        capture.release()
    return FrameIndex(np.sort(times), np.sort(key_times))


class FrameDecoder:
    """Decodes a file; iterating yields the presentation time of each frame, in seconds.

    Times come from the stream, or from ``fps`` if it is given. If the stream has no times, or they
    run backwards, the time of the last frame plus one step of the nominal rate is used, so times
    always increase.

    Raises:
        VideoUnreadable: as for ``open_capture``.
    """

    def __init__(self, path: Path, fps: float | None = None) -> None:
        self._path, self._fps = path, fps
        self._capture = open_capture(path)
        rate = fps or self._capture.get(load_opencv().CAP_PROP_FPS)
        self._step = 1 / rate if is_plausible_fps(rate) else 1 / 25
        self._time, self._number = -self._step, 0
        self._can_seek = fps is None  # skipped frames cannot be counted

    def __iter__(self) -> Iterator[float]:
        return self

    def __next__(self) -> float:
        """Decode the next frame and return its time."""
        if not self._capture.grab():
            raise StopIteration
        heartbeat()
        time = self._number / self._fps if self._fps else self._stream_time()
        if not self._time < time < MAX_SECONDS:
            time = self._time + self._step
            self._can_seek = False
        self._time, self._number = time, self._number + 1
        return time

    def image(self) -> np.ndarray | None:
        """Return the frame decoded last, (height, width, 3) BGR uint8; None if it is damaged.

        Raises:
            VideoUnreadable: its size is not plausible.
        """
        cv2 = load_opencv()
        try:
            ok, image = self._capture.retrieve()
        except cv2.error:
            return None
        if not ok or image is None or not image.size:
            return None
        height, width = image.shape[:2]
        check_size(width, height)
        return np.asarray(image)

    def seek(self, target: float, index: FrameIndex) -> None:
        """Skip frames before ``target`` (seconds), if a key frame lies in between and far ahead.

        The next frame decoded is then still before ``target``. If the seek fails, all frames up to
        the current time are decoded again.
        """
        margin = _SEEK_MARGIN * self._step
        key_times = index.key_times[: np.searchsorted(index.key_times, target - 2 * margin)]
        if not self._can_seek or not len(key_times) or key_times[-1] < self._time + _MIN_SKIP:
            return
        before = self._time
        self._capture.set(load_opencv().CAP_PROP_POS_MSEC, (key_times[-1] + margin) * 1000)
        time = next(self, None)
        is_between = time is not None and self._can_seek and key_times[-1] <= time < target
        if not is_between or np.abs(index.times - time).min() > _TIME_TOLERANCE:
            self._restart(before)

    def _restart(self, until: float) -> None:
        """Decode from the beginning up to the time ``until``, and never seek again."""
        self.close()
        self._capture = open_capture(self._path)
        self._time, self._number, self._can_seek = -self._step, 0, False
        while self._time < until and next(self, None) is not None:
            continue

    def close(self) -> None:
        """Release the file."""
        self._capture.release()

    def _stream_time(self) -> float:
        return float(self._capture.get(load_opencv().CAP_PROP_POS_MSEC)) / 1000


def open_capture(path: Path, settings: Sequence[int] = ()) -> Any:
    """Open a local, non-empty file as ``cv2.VideoCapture``.

    The messages of its errors do not name the file, because callers report them beside its name.

    Args:
        path: the video.
        settings: properties and their values in turn, as OpenCV expects them.

    Raises:
        VideoUnreadable: the file is missing, empty, or not a video that OpenCV can decode.
    """
    if not os.path.exists(path):  # unlike Path.exists, never raises
        raise VideoUnreadable("no such file", "check the path and the permissions of its folders")
    if not os.path.isfile(path):
        raise VideoUnreadable("not a file", "give a video file, or a folder of videos")
    if not _is_utf8(path.resolve()):  # OpenCV would crash
        raise VideoUnreadable(
            "its name, or the name of one of its folders, is not UTF-8", "rename it"
        )
    try:
        if path.stat().st_size == 0:
            raise VideoUnreadable("the file is empty", "copy the file again")
        with path.open("rb"):
            pass
    except OSError as error:
        raise VideoUnreadable(
            f"cannot be read: {error.strerror}", "check its permissions"
        ) from error
    cv2 = load_opencv()
    capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG, settings)
    if not capture.isOpened():
        raise VideoUnreadable(
            "not a video that OpenCV can decode",
            "convert it, e.g. ffmpeg -i IN -c:v libx264 OUT.mp4",
        )
    heartbeat()
    check_size(capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    return capture


def is_fragmented(path: Path) -> bool:
    """Whether a file is a fragmented MP4, that is, has a box ``moof`` (ISO/IEC 14496-12)."""
    with path.open("rb") as file:
        while len(head := file.read(16)) >= 8:
            size, kind = int.from_bytes(head[:4], "big"), head[4:8]
            if kind == b"moof":
                return True
            if not kind.isalnum():
                return False
            if size == 1:
                size = int.from_bytes(head[8:], "big")
            if not 8 <= size <= path.stat().st_size:  # 0: up to the end of the file; else invalid
                return False
            file.seek(size - len(head), os.SEEK_CUR)
    return False


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
