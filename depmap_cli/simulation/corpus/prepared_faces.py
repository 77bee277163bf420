"""Prepares faces of rendered frames: detects and aligns them with the code that scoring uses."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
from jaxtyping import UInt8

from depmap_cli.config import FaceConfig
from depmap_cli.faces import FaceDetector, FaceSample, extract_faces
from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.simulation.corpus.frame_rendering import FrameInputs
from depmap_cli.video.reader import Frame

JPEG_QUALITY = (25, 95)
"""Range of the mean JPEG quality of a clip."""
MIN_FACE = 48
"""Smallest face that is searched, in pixels; rendered faces are larger, and the search is faster
than with the default."""


def prepare_faces(
    pictures: Iterable[UInt8[np.ndarray, "h w 3"]], inputs: FrameInputs, rng: np.random.Generator
) -> list[FaceSample]:
    """Detect and align the faces of ``pictures``, compressed first as in a video.

    Each clip has a mean JPEG quality, around which the quality of its frames varies.
    """
    quality = rng.uniform(*JPEG_QUALITY)

    def frames() -> Iterator[Frame]:
        for time, picture in zip(inputs.times, pictures, strict=True):
            frame_quality = np.clip(quality + rng.normal(0, 5), 10, 98)
            compressed = _compress_jpeg(picture, int(frame_quality))
            yield Frame(time=float(time), image=compressed, scale=1.0)

    return [sample for segment in extract_faces(frames(), _detector()) for sample in segment]


@lru_cache(maxsize=1)
def _detector() -> FaceDetector:
    """Load the face detector once per process."""
    return FaceDetector(FaceConfig(min_face=MIN_FACE))


def _compress_jpeg(picture: UInt8[np.ndarray, "h w 3"], quality: int) -> np.ndarray:
    """Encode an RGB image as JPEG and decode it again."""
    cv2 = load_opencv()
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded: np.ndarray = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return decoded
