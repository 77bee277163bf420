"""Finds the faces of a stream of frames: by a search now and then, and by following them between.

A face of a frame is expected where it lies between the nearest frames whose faces are known, and
the detector confirms it there and locates its landmarks. A frame is searched if it is more than
``MAX_STEP`` from its neighbours, if no face is confirmed, or if the last search is
``SEARCH_INTERVAL`` ago, so that new faces are seen.

If frames are sampled densely, only some of them are treated so, and the faces of frames between two
of them are interpolated unless they move. A face that is missed for a short time, for example
behind a hand, is interpolated, too ("bridged").
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from depmap_cli.faces.detect import FaceDetector
from depmap_cli.faces.detection import Detection, interpolate_face, is_covered_by, match_faces
from depmap_cli.video.reader import Frame

CHUNK = 32
"""Frames that are collected before their faces are found."""
_SPARSE_CHUNK = 8
"""The same if the frames are so far apart that each is searched. With a smaller chunk, more of the
work overlaps with the decoding of the next frames."""
SEARCH_INTERVAL = 2.2
"""Most seconds between two searches; a chunk at 5 frames per second then has three."""
MAX_STEP = 0.5
"""Most seconds between two frames for which a face is followed from one to the other."""
OTHER_FACE_SIZE = 1 / 3
"""Side of the smallest face, relative to the largest one, that matters beside it."""
_ROUNDS = 3
"""Most attempts to confirm the faces of a frame, each from nearer frames, before it is searched."""
_MAX_DIFFERENCE = 1.0
"""Most by which a face may differ between two searches (``difference``)."""
_MAX_SHIFT, _MAX_BRIDGE = 0.15, 0.5
"""Largest motion, in box sides, for which landmarks are interpolated, or a gap is bridged."""


@dataclass(eq=False)
class _PendingFrame:
    """A frame whose faces are being found; ``faces`` is None until they are known."""

    frame: Frame
    faces: list[Detection] | None = None
    confirmed: list[Detection] = field(default_factory=list)  # some of them, until all are known

    @property
    def time(self) -> float:
        return self.frame.time


def iter_detections(
    frames: Iterable[Frame], detector: FaceDetector
) -> Iterator[tuple[Frame, list[Detection]]]:
    """Yield every frame, in order, with all its faces; about ``CHUNK`` frames are in memory."""
    config = detector.config
    detector.start_video()
    pending: list[_PendingFrame] = []
    anchor: _PendingFrame | None = None
    last: _PendingFrame | None = None
    for frame in frames:
        pending.append(_PendingFrame(frame))
        new = [item.time for item in pending if item.faces is None]
        if len(new) < (_SPARSE_CHUNK if _are_apart(new) else CHUNK):
            continue
        _find_faces(pending, last, detector)
        last = pending[-1]
        _bridge([anchor, *pending] if anchor else pending, config.bridge)
        n_final = _count_final(pending, config.bridge)
        for item in pending[:n_final]:
            yield item.frame, item.faces or []
            if item.faces:
                anchor = item
        pending = pending[n_final:]
    _find_faces(pending, last, detector)
    _bridge([anchor, *pending] if anchor else pending, config.bridge)
    for item in pending:
        yield item.frame, item.faces or []


def _are_apart(times: list[float]) -> bool:
    return all(after - before > MAX_STEP for before, after in pairwise(times))


def _find_faces(
    pending: list[_PendingFrame], last: _PendingFrame | None, detector: FaceDetector
) -> None:
    """Find the faces of new frames: follow them in every k-th, interpolate where possible.

    ``last`` is the frame before them, whose faces are known; None at the start of the video.
    """
    new = [item for item in pending if item.faces is None]
    if not new:
        return
    interval = (new[-1].time - new[0].time) / max(len(new) - 1, 1)
    stride = max(1, int(detector.config.detection_interval / interval)) if interval > 0 else 1
    end = len(new) - 1
    chosen = [item for i, item in enumerate(new) if i % stride == 0 or i == end]
    _follow_faces([last, *chosen] if last else chosen, detector)
    longest = detector.config.detection_interval + interval
    _fill(new, None, longest, "interpolated", _MAX_SHIFT)
    if any(item.faces is None for item in new):
        _follow_faces(new, detector)


def _follow_faces(items: list[_PendingFrame], detector: FaceDetector) -> None:
    """Find the faces of all ``items``, frames in order of time; some may be known already."""
    runs = _runs(items)
    alone = [item for run in runs if len(run) == 1 for item in run if item.faces is None]
    _search(alone, detector)
    for run in runs:
        _search_due(run, detector)
        for _ in range(_ROUNDS):
            if not _confirm(run, detector):
                break
        _search_rest(run, detector)


def _runs(items: list[_PendingFrame]) -> list[list[_PendingFrame]]:
    """Split frames where they are more than ``MAX_STEP`` apart."""
    runs = [items[:1]]
    for before, after in pairwise(items):
        if after.time - before.time > MAX_STEP:
            runs.append([])
        runs[-1].append(after)
    return runs


def _search(items: list[_PendingFrame], detector: FaceDetector, smallest: float = 0.0) -> None:
    found = detector.detect([item.frame.image for item in items], smallest)
    for item, faces in zip(items, found, strict=True):
        missed = [face for face in item.confirmed if not is_covered_by(face, faces)]
        item.faces = _largest_first([*faces, *missed], detector)


def _largest_first(faces: list[Detection], detector: FaceDetector) -> list[Detection]:
    return sorted(faces, key=lambda face: -face.side)[: detector.config.max_faces]


def _search_due(run: list[_PendingFrame], detector: FaceDetector) -> None:
    """Search the frames that are due, also for faces that were not there before."""
    due, since = [], -math.inf
    for item, following in zip(run, [*run[1:], None], strict=True):
        if item.faces is None and (
            following is None
            or since == -math.inf
            or following.time - since > SEARCH_INTERVAL + 1e-6
        ):
            due.append(item)
        if item.faces is not None or (due and due[-1] is item):
            since = item.time
    smallest = _smallest(run[0].faces or [])
    _search(due, detector, smallest)
    if smallest:
        _search([item for item in due if not item.faces], detector)
    known = [item for item in run if item.faces is not None]
    for before, item in pairwise(known):
        if item in due:
            _keep_missed(before, item, detector)


def _smallest(faces: list[Detection]) -> float:
    """Return the side of the smallest face that matters beside these; 0 if there are none."""
    if not faces:
        return 0.0
    sides = [face.side for face in faces]
    return min(max(sides) * OTHER_FACE_SIZE, 0.7 * min(sides))


def _keep_missed(before: _PendingFrame, item: _PendingFrame, detector: FaceDetector) -> None:
    """Add the faces of an earlier frame that a search has missed but that are still there."""
    faces = item.faces or []
    matched = [a for a, _ in match_faces(before.faces or [], faces, _MAX_DIFFERENCE)]
    missing = [face for face in before.faces or [] if not any(face is a for a in matched)]
    if not missing:
        return
    boxes = np.array([face.box for face in missing])
    found = detector.follow([item.frame.image], np.zeros(len(boxes), int), boxes)
    for face in found:
        if face is not None and not is_covered_by(face, faces):
            faces = [*faces, face]
    item.faces = _largest_first(faces, detector)


def _confirm(run: list[_PendingFrame], detector: FaceDetector) -> bool:
    """Look for faces where the nearest known frames have them; return whether to try once more.

    A frame is known afterwards if it has a face, and none is missing that both neighbours have.
    """
    items: list[_PendingFrame] = []
    boxes: list[np.ndarray] = []
    owners: list[int] = []
    needed: list[bool] = []
    for item, before, after in _with_neighbours(run):
        expected = _expected_faces(item, before, after)
        if expected:
            boxes += [box for box, _ in expected]
            needed += [is_needed for _, is_needed in expected]
            owners += [len(items)] * len(expected)
            items.append(item)
    if not items:
        return False
    images = [item.frame.image for item in items]
    found = detector.follow(images, np.array(owners), np.array(boxes))
    for number, item in enumerate(items):
        rows = [row for row, owner in enumerate(owners) if owner == number]
        item.confirmed = []
        for face in (found[row] for row in rows):
            if face is not None and not is_covered_by(face, item.confirmed):
                item.confirmed.append(face)
        if item.confirmed and not any(needed[row] and found[row] is None for row in rows):
            item.faces = _largest_first(item.confirmed, detector)
    n_known = sum(item.faces is not None for item in items)
    return 0 < n_known < len(items)


def _with_neighbours(
    run: list[_PendingFrame],
) -> Iterator[tuple[_PendingFrame, _PendingFrame | None, _PendingFrame | None]]:
    """Yield each frame whose faces are unknown, with the nearest known frames on both sides."""
    before: _PendingFrame | None = None
    for i, item in enumerate(run):
        if item.faces is not None:
            before = item
            continue
        after = next((other for other in run[i + 1 :] if other.faces is not None), None)
        yield item, before, after


def _expected_faces(
    item: _PendingFrame, before: _PendingFrame | None, after: _PendingFrame | None
) -> list[tuple[np.ndarray, bool]]:
    """Return where faces are expected, and whether each is in both neighbours.

    A face of both neighbours is expected in between, another one where it is in its frame.
    """
    left = (before.faces or []) if before else []
    right = (after.faces or []) if after else []
    pairs = match_faces(left, right, _MAX_DIFFERENCE)
    expected = []
    if before and after:
        position = (item.time - before.time) / (after.time - before.time)
        expected = [(interpolate_face(a, b, position, "").box, True) for a, b in pairs]
    matched = [id(face) for pair in pairs for face in pair]
    return expected + [(face.box, False) for face in left + right if id(face) not in matched]


def _search_rest(run: list[_PendingFrame], detector: FaceDetector) -> None:
    """Search the frames whose faces are still unknown, for faces as large as those near them."""
    rest = [
        (_smallest([*((before and before.faces) or []), *((after and after.faces) or [])]), item)
        for item, before, after in _with_neighbours(run)
    ]
    limits = [smallest for smallest, _ in rest if smallest]
    _search([item for smallest, item in rest if smallest], detector, min(limits, default=0.0))
    _search([item for smallest, item in rest if not smallest], detector)


def _fill(
    items: list[_PendingFrame],
    empty: list[Detection] | None,
    longest: float,
    origin: str,
    max_shift: float,
) -> None:
    """Interpolate the faces of ``empty`` frames between two frames with faces.

    Args:
        items: frames in order of time.
        empty: None to fill frames whose faces are unknown, if both ends show the same faces; [] to
            fill frames without a face, with the faces that both ends show.
        longest: most seconds between the two ends.
        origin: origin of the interpolated faces.
        max_shift: most that a face may move between the two ends, in box sides.
    """
    ends = [i for i, item in enumerate(items) if item.faces]
    for first, last in pairwise(ends):
        start, stop = items[first], items[last]
        gap = stop.time - start.time
        between = items[first + 1 : last]
        if not between or gap > longest + 1e-6 or any(item.faces != empty for item in between):
            continue
        before, after = start.faces or [], stop.faces or []
        pairs = [
            (a, b)
            for a, b in match_faces(before, after, _MAX_DIFFERENCE)
            if float(np.abs(b.landmarks - a.landmarks).max()) <= max_shift * max(a.side, 1e-6)
        ]
        if not pairs or (empty is None and not len(pairs) == len(before) == len(after)):
            continue
        for item in between:
            position = (item.time - start.time) / gap
            item.faces = [interpolate_face(a, b, position, origin) for a, b in pairs]


def _bridge(items: list[_PendingFrame], longest: float) -> None:
    """Interpolate the faces of frames in which faces are missed for a short time."""
    _fill(items, [], longest, "bridged", _MAX_BRIDGE)


def _count_final(pending: list[_PendingFrame], bridge: float) -> int:
    """Return how many leading frames are final: all but a faceless tail that may yet be bridged."""
    now = pending[-1].time
    count = len(pending)
    while count and not pending[count - 1].faces and now - pending[count - 1].time <= bridge:
        count -= 1
    return count
