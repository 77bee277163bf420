"""Finds the faces of a stream of frames: by a search now and then, and by following them between.

A face of a frame is expected where it lies between the nearest frames whose faces are known, and
the detector confirms it there and locates its landmarks. A frame is searched if it is more than
``MAX_STEP`` from its neighbours, if no face is confirmed, if a face moves too far, or if the last
search is ``SEARCH_INTERVAL`` ago, so that new faces are seen.

If frames are sampled densely, only some of them are treated so, and the faces of frames between two
of them are interpolated unless they move. A face that is missed for a short time, for example
behind a hand, is interpolated, too ("bridged").
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from depmap_cli.faces.detect import FaceDetector
from depmap_cli.faces.detection import Detection, interpolate_face, is_covered_by, match_faces
from depmap_cli.faces.interpolate import PendingFrame, bridge_gaps, interpolate_faces
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


@dataclass(frozen=True, kw_only=True)
class _Expected:
    """A face that is expected in a frame, because nearby frames have it."""

    item: PendingFrame
    box: np.ndarray
    is_shared: bool  # the nearest known frames on both sides have it
    is_next: bool  # the frame is next to the one that has it
    stretch: tuple[int, int]  # which frames lie between the same two known ones


def iter_detections(
    frames: Iterable[Frame], detector: FaceDetector
) -> Iterator[tuple[Frame, list[Detection]]]:
    """Yield every frame, in order, with all its faces; about ``CHUNK`` frames are in memory."""
    config = detector.config
    detector.start_video()
    pending: list[PendingFrame] = []
    anchor: PendingFrame | None = None
    last: PendingFrame | None = None
    for frame in frames:
        pending.append(PendingFrame(frame=frame))
        new = [item.time for item in pending if item.faces is None]
        if len(new) < (_SPARSE_CHUNK if _are_apart(new) else CHUNK):
            continue
        _find_faces(pending, last, detector)
        last = pending[-1]
        bridge_gaps([anchor, *pending] if anchor else pending, config.bridge)
        n_final = _count_final(pending, config.bridge)
        for item in pending[:n_final]:
            yield item.frame, item.faces or []
            if item.faces:
                anchor = item
        pending = pending[n_final:]
    _find_faces(pending, last, detector)
    bridge_gaps([anchor, *pending] if anchor else pending, config.bridge)
    for item in pending:
        yield item.frame, item.faces or []


def _are_apart(times: list[float]) -> bool:
    return all(after - before > MAX_STEP for before, after in pairwise(times))


def _find_faces(
    pending: list[PendingFrame], last: PendingFrame | None, detector: FaceDetector
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
    interpolate_faces(new, longest)
    if any(item.faces is None for item in new):
        _follow_faces(new, detector)


def _follow_faces(items: list[PendingFrame], detector: FaceDetector) -> None:
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


def _runs(items: list[PendingFrame]) -> list[list[PendingFrame]]:
    """Split frames where they are more than ``MAX_STEP`` apart."""
    runs = [items[:1]]
    for before, after in pairwise(items):
        if after.time - before.time > MAX_STEP:
            runs.append([])
        runs[-1].append(after)
    return runs


def _search(items: list[PendingFrame], detector: FaceDetector, smallest: float = 0.0) -> None:
    found = detector.detect([item.frame.image for item in items], smallest)
    for item, faces in zip(items, found, strict=True):
        missed = [face for face in item.confirmed if not is_covered_by(face, faces)]
        item.faces = _largest_first([*faces, *missed], detector)


def _largest_first(faces: list[Detection], detector: FaceDetector) -> list[Detection]:
    return sorted(faces, key=lambda face: -face.side)[: detector.config.max_faces]


def _search_due(run: list[PendingFrame], detector: FaceDetector) -> None:
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


def _keep_missed(before: PendingFrame, item: PendingFrame, detector: FaceDetector) -> None:
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


def _confirm(run: list[PendingFrame], detector: FaceDetector) -> bool:
    """Look for faces where the nearest known frames have them; return whether to try once more.

    A frame is known afterwards if it has a face, and none is missing that both neighbours have. If
    a known frame has a face that its next frame no longer has there, the face has left, or moves
    fast: the frames up to the next known one are then left to a search.
    """
    expected = _expected_faces(run)
    if not expected:
        return False
    items = list({id(e.item): e.item for e in expected}.values())
    number = {id(item): i for i, item in enumerate(items)}
    found = detector.follow(
        [item.frame.image for item in items],
        np.array([number[id(e.item)] for e in expected]),
        np.array([e.box for e in expected]),
    )
    pairs = list(zip(expected, found, strict=True))
    lost = {e.stretch for e, face in pairs if face is None and e.is_next}
    missing = {id(e.item) for e, face in pairs if face is None and e.is_shared}
    for item in items:
        item.confirmed = []
    for e, face in pairs:
        e.item.is_doubtful = e.stretch in lost
        if face is not None and not is_covered_by(face, e.item.confirmed):
            e.item.confirmed.append(face)
    for item in items:
        if item.confirmed and not item.is_doubtful and id(item) not in missing:
            item.faces = _largest_first(item.confirmed, detector)
    return 0 < sum(item.faces is not None for item in items) < len(items)


def _with_neighbours(
    run: list[PendingFrame],
) -> Iterator[tuple[int, int | None, int | None]]:
    """Yield each frame whose faces are unknown, with the nearest known ones on both sides.

    They are given by their indices.
    """
    before: int | None = None
    for i, item in enumerate(run):
        if item.faces is not None:
            before = i
            continue
        following = range(i + 1, len(run))
        yield i, before, next((k for k in following if run[k].faces is not None), None)


def _expected_faces(run: list[PendingFrame]) -> list[_Expected]:
    """Return which faces are expected where in frames that are neither known nor doubtful.

    A face of both neighbours is expected in between, another one where it is in its frame.
    """
    expected = []
    for i, before, after in _with_neighbours(run):
        if before is None or after is None or run[i].is_doubtful:
            continue
        left, right = run[before].faces or [], run[after].faces or []
        pairs = match_faces(left, right, _MAX_DIFFERENCE)
        matched = [id(face) for pair in pairs for face in pair]
        position = (run[i].time - run[before].time) / (run[after].time - run[before].time)
        boxes = [(interpolate_face(a, b, position, "").box, True, False) for a, b in pairs]
        boxes += [(f.box, False, i == before + 1) for f in left if id(f) not in matched]
        boxes += [(f.box, False, i == after - 1) for f in right if id(f) not in matched]
        expected += [
            _Expected(
                item=run[i],
                box=box,
                is_shared=is_shared,
                is_next=is_next,
                stretch=(before, after),
            )
            for box, is_shared, is_next in boxes
        ]
    return expected


def _search_rest(run: list[PendingFrame], detector: FaceDetector) -> None:
    """Search the frames whose faces are still unknown, for faces as large as those near them."""
    rest: list[tuple[float, PendingFrame]] = []
    for i, before, after in _with_neighbours(run):
        near = [k for k in (before, after) if k is not None]
        rest.append((_smallest([face for k in near for face in run[k].faces or []]), run[i]))
    limits = [smallest for smallest, _ in rest if smallest]
    _search([item for smallest, item in rest if smallest], detector, min(limits, default=0.0))
    _search([item for smallest, item in rest if not smallest], detector)


def _count_final(pending: list[PendingFrame], bridge: float) -> int:
    """Return how many leading frames are final: all but a faceless tail that may yet be bridged."""
    now = pending[-1].time
    count = len(pending)
    while count and not pending[count - 1].faces and now - pending[count - 1].time <= bridge:
        count -= 1
    return count
