"""Faces of rendered frames, found and aligned as scoring finds and aligns them."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
from jaxtyping import UInt8

from depmap_cli.config import FaceConfig
from depmap_cli.faces import FaceDetector, FaceSample, extract_faces
from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.simulation.corpus.frame_rendering import Acted
from depmap_cli.video.reader import Frame

JPEG_QUALITY = (25, 95)


def faces_of(
    pictures: Iterable[UInt8[np.ndarray, "h w 3"]], acted: Acted, rng: np.random.Generator
) -> list[FaceSample]:
    """The faces that scoring would find, had the pictures come from a compressed recording.

    A recording has one quality throughout, about which that of its pictures varies.
    """
    quality = rng.uniform(*JPEG_QUALITY)

    def frames() -> Iterator[Frame]:
        for time, picture in zip(acted.times, pictures, strict=True):
            own = np.clip(quality + rng.normal(0, 5), 10, 98)
            yield Frame(float(time), _through_jpeg(picture, int(own)), 1.0)

    return [sample for segment in extract_faces(frames(), _detector()) for sample in segment]


@lru_cache(maxsize=1)
def _detector() -> FaceDetector:
    """Loaded once a process."""
    return FaceDetector(FaceConfig())


def _through_jpeg(picture: UInt8[np.ndarray, "h w 3"], quality: int) -> np.ndarray:
    cv2 = load_opencv()
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded: np.ndarray = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return decoded
