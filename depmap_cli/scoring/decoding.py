"""Decodes the sampled frames of a video in a thread, ahead of the stages that use them.

Imports no torch, so the first video can be decoded while torch and the weights load.
"""

import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

from depmap_cli.config import MAX_RATE, SamplingConfig
from depmap_cli.errors import WeightsInvalid
from depmap_cli.io.checkpoint import read_document
from depmap_cli.io.file_identity import file_state
from depmap_cli.runtime.prefetch import Prefetcher
from depmap_cli.scoring.options import ScoreOptions
from depmap_cli.video.reader import Frame, VideoProperties, probe, sample_frames
from depmap_cli.weights.locations import weights_file

_BUFFERED_FRAMES = 16
"""Most decoded frames that wait to be used."""


class Decoding(Prefetcher[Frame]):
    """Reads the properties of a video and iterates over its sampled frames, in a thread.

    A video with fewer than ``sampling.min_frames`` frames at the rate of ``sampling`` is sampled at
    a higher rate (``sampling_for``).

    It starts at once and runs until all frames are decoded or it is closed. ``seconds`` is the time
    spent on decoding so far, without the time spent waiting for free space in the buffer.
    """

    def __init__(self, path: Path, sampling: SamplingConfig) -> None:
        self.path, self.sampling, self.seconds = path, sampling, 0.0
        self._properties: Future[VideoProperties] = Future()
        super().__init__(self._decode(), _BUFFERED_FRAMES)

    def properties(self) -> VideoProperties:
        """Wait until the properties of the video are read, and return them.

        Raises:
            VideoUnreadable: the video cannot be opened, as for ``probe``.
        """
        return self._properties.result()

    def _decode(self) -> Iterator[Frame]:
        with self._timed():
            properties = self._read_properties()
        sampling = sampling_for(self.sampling, properties.duration)
        frames = sample_frames(self.path, sampling, properties=properties)
        while True:
            with self._timed():
                frame = next(frames, None)
            if frame is None:
                return
            yield frame

    def _read_properties(self) -> VideoProperties:
        try:
            properties = probe(self.path)
        except BaseException as error:  # whoever asks for the properties must not wait forever
            self._properties.set_exception(error)
            raise
        self._properties.set_result(properties)
        return properties

    @contextmanager
    def _timed(self) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - start


def sampling_for(sampling: SamplingConfig, duration: float | None) -> SamplingConfig:
    """Return the sampling of a video of this duration, in seconds, with at least ``min_frames``.

    A rate at which the part that is sampled has fewer frames is raised; the number of frames in
    the video limits it.
    """
    if sampling.fps is None or duration is None:
        return sampling
    stop = duration if sampling.end is None else min(sampling.end, duration)
    span = stop - sampling.start
    if span <= 0 or span * sampling.fps >= sampling.min_frames:
        return sampling
    return sampling.model_copy(update={"fps": min(sampling.min_frames / span, MAX_RATE)})


def start_decoding(path: Path, weights: Path | None, options: ScoreOptions) -> Decoding | None:
    """Start decoding a video that will be scored with these ``weights``.

    Returns:
        None if the weights cannot be read. Errors in the weights or the video are raised later,
        when the video is scored.
    """
    try:
        stored = SamplingConfig.model_validate(
            read_document(weights_file(weights), "depmap")["sampling"]
        )
    except (WeightsInvalid, KeyError, ValueError):
        return None
    return Decoding(path, options.sampling(stored))


class DecodeAhead:
    """Decodes the video that is scored and, once that is decoded, the next one."""

    def __init__(self, weights: Path | None, options: ScoreOptions) -> None:
        self._weights, self._options = weights, options
        self._decoding: Decoding | None = None
        self._path: Path | None = None
        self._state: tuple[int, int] | None = None
        self._starter: Thread | None = None

    def start(self, path: Path) -> None:
        """Start decoding a video."""
        self._path, self._state = path, file_state(path)
        self._decoding = start_decoding(path, self._weights, self._options)

    @contextmanager
    def decoding_of(self, path: Path, upcoming: Path | None) -> Iterator[Decoding | None]:
        """Yield the decoding of a video, and close it at the end of the block.

        Args:
            path: the video; if it is not the one that was expected, its decoding starts now.
            upcoming: the video that is expected next, None if unknown.
        """
        if self._starter is not None:
            self._starter.join()
        if self._path != path or self._state != file_state(path):  # the file may have changed
            self.close()
            self.start(path)
        decoding, self._decoding, self._path = self._decoding, None, None
        if decoding is None:
            yield None
            return
        if upcoming is not None:
            self._starter = Thread(target=self._start_after, args=(decoding, upcoming), daemon=True)
            self._starter.start()
        with closing(decoding):
            yield decoding

    def close(self) -> None:
        """Stop the decoding of a video that was expected but not scored."""
        if self._decoding is not None:
            self._decoding.close()

    def _start_after(self, decoding: Decoding, path: Path) -> None:
        decoding.wait()
        self.start(path)
