"""Reads the subject's faces from a video, and judges what only several frames show together."""

from collections.abc import Iterable, Iterator

from depmap_cli.faces.captions import without_captions
from depmap_cli.faces.detect import FaceDetector
from depmap_cli.faces.stillness import with_stillness
from depmap_cli.faces.track import FaceSample, extract_faces
from depmap_cli.video.reader import Frame


def read_subject(frames: Iterable[Frame], detector: FaceDetector) -> Iterator[list[FaceSample]]:
    """Yield the samples of ``extract_faces``.

    Each face has the time since which it has not moved. Frames in which a caption, a bar or a logo
    is on the face are invalid.
    """
    return without_captions(with_stillness(extract_faces(frames, detector)))
