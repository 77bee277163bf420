"""The sampled frames of one video, decoded by a thread ahead of all that is done with them.

Imports no torch, so that the first video can be decoded while torch and the weights load.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from depmap_cli.ahead import Ahead
from depmap_cli.checkpoint import read_document
from depmap_cli.config import SamplingConfig
from depmap_cli.errors import WeightsInvalid
from depmap_cli.score_options import ScoreOptions
from depmap_cli.video import Frame, sample_frames
from depmap_cli.weights import weights_file

_ROOM = 16
"""Frames that wait, decoded."""


class Decoding(Ahead[Frame]):
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


def begun(path: Path, weights: Path | None, options: ScoreOptions) -> Decoding | None:
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
