"""The sampled frames of one video, decoded by a thread ahead of all that is done with them.

Imports no torch, so that the first video can be decoded while torch and the weights load.
"""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

from depmap_cli.config import SamplingConfig
from depmap_cli.errors import WeightsInvalid
from depmap_cli.io.checkpoint import read_document
from depmap_cli.io.file_identity import file_state
from depmap_cli.runtime.prefetch import Prefetcher
from depmap_cli.scoring.options import ScoreOptions
from depmap_cli.video.reader import Frame, sample_frames
from depmap_cli.weights.locations import weights_file

_ROOM = 16
"""Frames that wait, decoded."""


class Decoding(Prefetcher[Frame]):
    """``sample_frames`` in a thread; decodes from now on, until it has ended or is closed.

    ``seconds`` is the time it took so far, waiting for room left out.
    """

    def __init__(self, path: Path, sampling: SamplingConfig) -> None:
        self.path, self.sampling, self.seconds = path, sampling, 0.0
        super().__init__(self._timed(sample_frames(path, sampling)), _ROOM)

    def _timed(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        while True:
            start = time.perf_counter()
            try:
                frame = next(frames, None)
            finally:
                self.seconds += time.perf_counter() - start
            if frame is None:
                return
            yield frame


def start_decoding(path: Path, weights: Path | None, options: ScoreOptions) -> Decoding | None:
    """The decoding of a video that will be scored with these ``weights``, begun at once.

    None where the weights are not to be read; what is wrong with them, or with the video, is told
    when it is scored.
    """
    try:
        stored = SamplingConfig.model_validate(
            read_document(weights_file(weights), "depmap")["sampling"]
        )
    except (WeightsInvalid, KeyError, ValueError):
        return None
    return Decoding(path, options.sampling(stored))


class DecodeAhead:
    """Of the video that is scored, and of the next one as soon as that one is decoded."""

    def __init__(self, weights: Path | None, options: ScoreOptions) -> None:
        self._weights, self._options = weights, options
        self._decoding: Decoding | None = None
        self._path: Path | None = None
        self._state: tuple[int, int] | None = None
        self._waits: Thread | None = None

    def begin(self, path: Path) -> None:
        """Decode this video from now on."""
        self._path, self._state = path, file_state(path)
        self._decoding = start_decoding(path, self._weights, self._options)

    @contextmanager
    def of(self, path: Path, upcoming: Path | None) -> Iterator[Decoding | None]:
        """The decoding of a video, at work already if it was expected; let go in the end.

        ``upcoming`` is the video that is expected next.
        """
        if self._waits is not None:
            self._waits.join()
        if self._path != path or self._state != file_state(path):  # it may have changed since
            self.close()
            self.begin(path)
        decoding, self._decoding, self._path = self._decoding, None, None
        if decoding is None:
            yield None
            return
        if upcoming is not None:
            self._waits = Thread(target=self._begin_after, args=(decoding, upcoming), daemon=True)
            self._waits.start()
        with closing(decoding):
            yield decoding

    def close(self) -> None:
        """Let go of what was decoded in vain."""
        if self._decoding is not None:
            self._decoding.close()

    def _begin_after(self, decoding: Decoding, path: Path) -> None:
        decoding.wait()
        self.begin(path)
