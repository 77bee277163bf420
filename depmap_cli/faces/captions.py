"""Finds captions, bars and logos over the face: they stay in place in the picture as it moves.

"Caption" stands for all of them in the names of this module.

Two frames between which the face has moved are compared twice: at the same place of the face, and
at the same place of the picture. A square of the face differs less in the first comparison, a
square of a caption in the second. What moves with the face, such as a mask or glasses, is left to
the semantic model.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from depmap_cli.faces.picture_place import PATCH, at_place_of, grey_patch, to_patch
from depmap_cli.faces.quality import TURNED
from depmap_cli.faces.track import COVERED_FACE, FaceSample
from depmap_cli.runtime.opencv import load_opencv

_SQUARE = 4
"""Side of the squares of a patch, pixels."""
_ROWS, _COLUMNS = slice(3, 15), slice(5, 11)
"""The squares from brows to chin, between the outer eye corners; farther out is background."""
_MIN_MOTION, _MAX_MOTION = 0.06, 0.28
"""Motion of a face, in eye distances, between two frames that are compared."""
_PARTNERS = 6
"""Frames with which each frame is compared, the nearest ones in time."""
_CONTEXT = 32
"""Frames of the previous segment that are compared with those of a segment."""
_WINDOW, _MIN_NEIGHBOURS = 3.0, 3
"""Seconds before and after a frame whose comparisons are added up for it, and the number of frames
on each side that are always among them."""
_STANDS_STILL, _ROW_STANDS_STILL, _MOVES = 0.25, 0.4, 1.0
"""Ratio of the difference in the picture to that in the face, below which a square stands still,
alone or in a row of such squares, and above which it moves with the face."""
_NOISE = 2.0
"""Difference of two frames because of noise, grey levels squared."""
_MIN_SQUARES, _MIN_IN_ROW = 6, 5
"""Squares of a caption: of all 72, or of one row of 6 (measured: LOG L67)."""
_MIN_MOVING = 18
"""Squares that move with the face, beside a caption; if fewer do, the landmarks are unsteady."""

_SHAPE = (_ROWS.stop - _ROWS.start, _COLUMNS.stop - _COLUMNS.start)


@dataclass(kw_only=True)
class _View:
    """A frame as it is compared, with the sums of its comparisons."""

    time: float
    patch: np.ndarray
    transform: np.ndarray
    centre: np.ndarray  # of the landmarks, in pixels of the video
    eye_distance: float
    in_picture: np.ndarray = field(default_factory=lambda: np.zeros(_SHAPE))
    in_face: np.ndarray = field(default_factory=lambda: np.zeros(_SHAPE))


def without_captions(segments: Iterable[list[FaceSample]]) -> Iterator[list[FaceSample]]:
    """Yield the segments of one video, in order; frames with a caption on the face are invalid."""
    context: list[_View] = []
    for segment in segments:
        views = {i: _view(s) for i, s in enumerate(segment) if s.valid and abs(s.turn) <= TURNED}
        everything = [*context, *views.values()]
        for view in views.values():
            _compare(view, everything)
        first = len(everything) - len(views)
        covered = {i for n, i in enumerate(views, first) if _has_caption(n, everything)}
        yield [
            replace(sample, valid=False, reason=COVERED_FACE) if i in covered else sample
            for i, sample in enumerate(segment)
        ]
        context = everything[-_CONTEXT:]


def _view(sample: FaceSample) -> _View:
    assert sample.face is not None
    assert sample.landmarks is not None
    return _View(
        time=sample.time,
        patch=grey_patch(sample.face),
        transform=to_patch(sample.landmarks),
        centre=sample.landmarks.mean(0),
        eye_distance=sample.eye_distance,
    )


def _compare(view: _View, others: list[_View]) -> None:
    """Add up the differences from the nearest frames in which the face is elsewhere."""
    motion = np.linalg.norm([other.centre - view.centre for other in others], axis=1)
    motion /= view.eye_distance
    apart = np.flatnonzero((motion >= _MIN_MOTION) & (motion <= _MAX_MOTION))
    delay = np.abs([others[i].time - view.time for i in apart])
    for i in apart[np.argsort(delay, kind="stable")[:_PARTNERS]]:
        other = others[i]
        in_place, known = at_place_of(other.patch, other.transform, view.transform)
        in_face = (other.patch - view.patch) ** 2
        in_picture = np.where(known > 0, (in_place - view.patch) ** 2, in_face)
        view.in_face = view.in_face + _square_means(in_face) + _NOISE
        view.in_picture = view.in_picture + _square_means(in_picture) + _NOISE


def _square_means(image: np.ndarray) -> np.ndarray:
    cv2 = load_opencv()
    side = PATCH // _SQUARE
    means: np.ndarray = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return means[_ROWS, _COLUMNS]


def _has_caption(index: int, views: list[_View]) -> bool:
    near = [
        other
        for i, other in enumerate(views)
        if abs(i - index) <= _MIN_NEIGHBOURS or abs(other.time - views[index].time) <= _WINDOW
    ]
    in_face = np.sum([other.in_face for other in near], axis=0)
    if not in_face.any():
        return False
    ratio = np.sum([other.in_picture for other in near], axis=0) / in_face
    still = ratio < _STANDS_STILL
    in_row = (ratio < _ROW_STANDS_STILL).sum(1).max()
    if still.sum() < _MIN_SQUARES and in_row < _MIN_IN_ROW:
        return False
    return bool((ratio > _MOVES).sum() >= _MIN_MOVING)
