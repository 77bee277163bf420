"""The frames of a file as OpenCV decodes them: one after the other, or some leapt over.

Decoding is nearly all that an hour of video costs. Where frames are wanted far apart, it is begun
anew at the last key frame before each, of which the file itself tells where they lie. A leap is
believed only where it ends at a time that the file has and before the frame that is wanted; else
all is decoded from the beginning. So the frames are those that decoding everything gives.
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

_ROOM = 20
"""Frames from a key frame to where OpenCV is sent, for it goes back from there by 16."""
_WORTH = 5.0
"""Seconds that are leapt over at the least."""
_EXACT = 1e-4
"""Seconds by which two times of one frame may differ."""


@dataclass(frozen=True)
class FrameIndex:
    """What a file holds, read but not decoded."""

    times: np.ndarray  # of all frames, in seconds, sorted
    keys: np.ndarray  # of the key frames among them, from which decoding can begin


def read_frame_index(path: Path) -> FrameIndex:
    """Read a whole file for the times of its frames.

    Raises:
        VideoUnreadable: as ``open_capture``.
    """
    cv2 = load_opencv()
    capture = open_capture(path, [cv2.CAP_PROP_FORMAT, -1])
    times, keys = array("d"), array("d")
    try:
        while capture.grab():
            heartbeat()
            times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            if capture.get(cv2.CAP_PROP_LRF_HAS_KEY_FRAME):
                keys.append(times[-1])
    finally:
        capture.release()
    return FrameIndex(np.sort(times), np.sort(keys))


class FrameDecoder:
    """Decodes a file; iterating gives the presentation time in seconds of each frame.

    Times come from the stream, or from ``fps`` where that is given. Where the stream gives none, or
    they run backwards, one step of the nominal rate stands in, so times always increase.

    Raises:
        VideoUnreadable: as ``open_capture``.
    """

    def __init__(self, path: Path, fps: float | None = None) -> None:
        self._path, self._fps = path, fps
        self._capture = open_capture(path)
        rate = fps or self._capture.get(load_opencv().CAP_PROP_FPS)
        self._step = 1 / rate if is_plausible_fps(rate) else 1 / 25
        self._time, self._number = -self._step, 0
        self._leaps = fps is None  # frames that are leapt over cannot be counted

    def __iter__(self) -> Iterator[float]:
        return self

    def __next__(self) -> float:
        """Decode one more frame."""
        if not self._capture.grab():
            raise StopIteration
        heartbeat()
        time = self._number / self._fps if self._fps else self._stream_time()
        if not self._time < time < MAX_SECONDS:
            time = self._time + self._step
            self._leaps = False
        self._time, self._number = time, self._number + 1
        return time

    def picture(self) -> np.ndarray | None:
        """The frame that was decoded last, (height, width, 3) BGR uint8; None if it is damaged.

        Raises:
            VideoUnreadable: its size is not believed.
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

    def leap(self, wanted: float, held: FrameIndex) -> None:
        """Leave out frames before time ``wanted`` (seconds), if a key frame lies between and far.

        The next frame is then one before that time; if it is not, all is decoded after all.
        """
        room = _ROOM * self._step
        keys = held.keys[: np.searchsorted(held.keys, wanted - 2 * room)]
        if not self._leaps or not len(keys) or keys[-1] < self._time + _WORTH:
            return
        before = self._time
        self._capture.set(load_opencv().CAP_PROP_POS_MSEC, (keys[-1] + room) * 1000)
        reached = next(self, None)
        believed = reached is not None and self._leaps and keys[-1] <= reached < wanted
        if not believed or np.abs(held.times - reached).min() > _EXACT:
            self._decode_all(before)

    def _decode_all(self, before: float) -> None:
        """Begin again, and go to where playback was; nothing is leapt over from then on."""
        self.close()
        self._capture = open_capture(self._path)
        self._time, self._number, self._leaps = -self._step, 0, False
        while self._time < before and next(self, None) is not None:
            continue

    def close(self) -> None:
        """Let go of the file."""
        self._capture.release()

    def _stream_time(self) -> float:
        return float(self._capture.get(load_opencv().CAP_PROP_POS_MSEC)) / 1000


def open_capture(path: Path, settings: Sequence[int] = ()) -> Any:
    """A cv2.VideoCapture on a local, non-empty file; ``settings`` as OpenCV takes them.

    Raises:
        VideoUnreadable: there is none, or none that OpenCV can read.
    """
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
    heartbeat()
    check_size(capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    return capture


def is_fragmented(path: Path) -> bool:
    """Whether a file is an MP4 in fragments: has a box ``moof`` (ISO/IEC 14496-12)."""
    with path.open("rb") as file:
        while len(head := file.read(16)) >= 8:
            size, kind = int.from_bytes(head[:4], "big"), head[4:8]
            if kind == b"moof":
                return True
            if not kind.isalnum():
                return False
            if size == 1:
                size = int.from_bytes(head[8:], "big")
            if not 8 <= size <= path.stat().st_size:  # to the end, or nonsense
                return False
            file.seek(size - len(head), os.SEEK_CUR)
    return False


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
