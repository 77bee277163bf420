"""Face detection with MTCNN on small copies of the frames, densely only where it is needed.

Detection runs on every k-th sampled frame; between two detections of the same face its box and
landmarks are interpolated, unless it moved or the number of faces changed: then the frames between
are detected too. A face missed for a moment (a hand, a blink of the detector) is bridged alike.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from depmap_cli.config import FaceConfig
from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.video.reader import Frame

CHUNK = 32
"""Frames held while their faces are found."""
_FEW = 8
"""The same where frames lie so far apart that each is searched by itself: the sooner they are let
go, the more of the work is done while the next are decoded."""
_BATCH_PIXELS = 16 * 320 * 180
"""Pixels that MTCNN searches at once."""
_HIGHER_TRIES = 64
"""Faceless frames that are searched again at a larger size before that size is given up."""
_MAX_SHIFT, _MAX_BRIDGE = 0.15, 0.5
"""Motion, in box sides, up to which a straight line stands in for detection, or bridges a gap."""


@dataclass(frozen=True, kw_only=True)
class Detection:
    """One face in one frame, in pixels of the working frame."""

    box: np.ndarray  # (4,) x0 y0 x1 y1
    landmarks: np.ndarray  # (5, 2) eyes, nose tip, mouth corners; the viewer's left first
    probability: float
    origin: str = "detected"  # or "interpolated", "bridged"

    @property
    def side(self) -> float:
        """Geometric mean of the box's sides."""
        width, height = self.box[2:] - self.box[:2]
        return float(np.sqrt(max(width, 0) * max(height, 0)))

    @property
    def centre(self) -> np.ndarray:
        """(2,) x, y of the box's middle."""
        middle: np.ndarray = (self.box[:2] + self.box[2:]) / 2
        return middle


@dataclass
class _Held:
    """A frame whose faces are still being found; ``faces`` is None before detection."""

    frame: Frame
    faces: list[Detection] | None = None


class FaceDetector:
    """facenet-pytorch's MTCNN (its weights come with the package) over a ladder of sizes."""

    def __init__(self, config: FaceConfig, device: str = "cpu") -> None:
        from facenet_pytorch import MTCNN

        from depmap_cli.faces.fixed_size_batches import FixedSizeBatches

        self.config = config
        self._mtcnn = MTCNN(keep_all=True, min_face_size=config.min_face, device=device)
        self._mtcnn.rnet = FixedSizeBatches(self._mtcnn.rnet)
        self._mtcnn.onet = FixedSizeBatches(self._mtcnn.onet)
        self._failures = [0] * len(config.detection_sides)

    def start_video(self) -> None:
        """Forget what was learned about the sizes of the last video's faces."""
        self._failures = [0] * len(self.config.detection_sides)

    def detect(self, images: list[np.ndarray]) -> list[list[Detection]]:
        """Faces of equally sized RGB uint8 ``images``, the largest first; [] where there is none.

        A frame in which the smallest size shows no face is searched again at the next.
        """
        found: list[list[Detection]] = [[] for _ in images]
        longest = max(images[0].shape[:2]) if images else 0
        for rung, side in enumerate(self.config.detection_sides):
            todo = [i for i, faces in enumerate(found) if not faces]
            smaller = self.config.detection_sides[rung - 1] if rung else 0
            if not todo or (rung and longest <= smaller) or self._failures[rung] >= _HIGHER_TRIES:
                continue
            results = self._detect_at([images[i] for i in todo], side)
            for i, faces in zip(todo, results, strict=True):
                found[i] = faces
            if rung:
                hit = any(results)
                self._failures[rung] = 0 if hit else self._failures[rung] + len(todo)
        return found

    def _detect_at(self, images: list[np.ndarray], side: int) -> list[list[Detection]]:
        cv2 = load_opencv()
        height, width = images[0].shape[:2]
        scale = min(1.0, side / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if min(size) < self.config.min_face:
            return [[] for _ in images]
        small = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in images]
        ratio = np.array([width / size[0], height / size[1]])
        step = max(1, min(len(small), _BATCH_PIXELS // (size[0] * size[1])))
        rows: list[list[Detection]] = []
        for i in range(0, len(small), step):
            rows += self._run(np.stack(small[i : i + step]), ratio)
        return rows

    def _run(self, batch: np.ndarray, ratio: np.ndarray) -> list[list[Detection]]:
        """MTCNN on one batch. It indexes out of range on some degenerate proposals: then each
        frame runs alone, and one that still fails has no face."""
        from depmap_cli.runtime.devices import is_out_of_memory

        try:
            boxes, probabilities, points = self._mtcnn.detect(batch, landmarks=True)
        except (RuntimeError, IndexError, ValueError) as error:
            if is_out_of_memory(error):
                raise
            if len(batch) == 1:
                return [[]]
            return [self._run(batch[i : i + 1], ratio)[0] for i in range(len(batch))]
        rows = zip(boxes, probabilities, points, strict=True)
        return [self._faces(*row, ratio=ratio) for row in rows]

    def _faces(
        self,
        boxes: np.ndarray | None,
        probabilities: np.ndarray,
        points: np.ndarray | None,
        *,
        ratio: np.ndarray,
    ) -> list[Detection]:
        if boxes is None or points is None:
            return []
        faces = [
            Detection(
                box=np.asarray(box, float) * np.tile(ratio, 2),
                landmarks=np.asarray(point, float) * ratio,
                probability=float(p),
            )
            for box, p, point in zip(boxes, probabilities, points, strict=True)
            if p is not None and p >= self.config.min_probability
        ]
        faces = [f for f in faces if np.isfinite(f.landmarks).all() and f.side > 0]
        return sorted(faces, key=lambda f: -f.side)[: self.config.max_faces]


def iter_detections(
    frames: Iterable[Frame], detector: FaceDetector
) -> Iterator[tuple[Frame, list[Detection]]]:
    """Every frame, in order, with all its faces; at most a few ``CHUNK`` frames are held."""
    config = detector.config
    detector.start_video()
    held: list[_Held] = []
    anchor: _Held | None = None
    for frame in frames:
        held.append(_Held(frame))
        new = [h.frame.time for h in held if h.faces is None]
        if len(new) < (_FEW if _far_apart(new, config.detection_interval) else CHUNK):
            continue
        _detect_sparsely(held, detector)
        _fill([anchor, *held] if anchor else held, [], config.bridge, "bridged", _MAX_BRIDGE)
        ready = _decided(held, config.bridge)
        for item in held[:ready]:
            yield item.frame, item.faces or []
            if item.faces:
                anchor = item
        held = held[ready:]
    _detect_sparsely(held, detector)
    _fill([anchor, *held] if anchor else held, [], config.bridge, "bridged", _MAX_BRIDGE)
    for item in held:
        yield item.frame, item.faces or []


def _far_apart(times: list[float], distance: float) -> bool:
    return all(after - before > distance for before, after in pairwise(times))


def _detect_sparsely(held: list[_Held], detector: FaceDetector) -> None:
    """Fill in ``faces`` of the new frames: every k-th by detection, the rest as the face allows."""
    new = [h for h in held if h.faces is None]
    if not new:
        return
    span = new[-1].frame.time - new[0].frame.time
    interval = span / max(len(new) - 1, 1)
    stride = max(1, int(detector.config.detection_interval / interval)) if interval > 0 else 1
    _detect_all([h for i, h in enumerate(new) if i % stride == 0 or i == len(new) - 1], detector)
    longest = detector.config.detection_interval + interval
    _fill(new, None, longest, "interpolated", _MAX_SHIFT)
    _detect_all([h for h in new if h.faces is None], detector)


def _detect_all(items: list[_Held], detector: FaceDetector) -> None:
    for item, faces in zip(items, detector.detect([h.frame.image for h in items]), strict=True):
        item.faces = faces


def _fill(
    items: list[_Held],
    empty: list[Detection] | None,
    longest: float,
    origin: str,
    max_shift: float,
) -> None:
    """Interpolate runs of ``empty`` frames between two with faces, at most ``longest`` s apart.

    Only where both ends show the same faces, none of which moved by more than ``max_shift`` boxes;
    what cannot be filled stays as it is. ``empty`` is None for frames not searched, [] for frames
    in which no face was found.
    """
    ends = [i for i, item in enumerate(items) if item.faces]
    for first, last in zip(ends, ends[1:], strict=False):
        start, stop = items[first], items[last]
        gap = stop.frame.time - start.frame.time
        between = items[first + 1 : last]
        if not between or gap > longest + 1e-6 or any(item.faces != empty for item in between):
            continue
        pairs = _same_faces(start.faces or [], stop.faces or [], max_shift)
        if not pairs:
            continue
        for item in between:
            share = (item.frame.time - start.frame.time) / gap
            item.faces = [_between(a, b, share, origin) for a, b in pairs]


def _same_faces(
    before: list[Detection], after: list[Detection], max_shift: float
) -> list[tuple[Detection, Detection]]:
    """Pairs of the same face, or [] if any face came, went or moved too far."""
    if len(before) != len(after):
        return []
    pairs, rest = [], list(after)
    for face in before:
        nearest = min(rest, key=lambda other: float(np.linalg.norm(other.centre - face.centre)))
        shift = float(np.abs(nearest.landmarks - face.landmarks).max()) / max(face.side, 1e-6)
        if shift > max_shift:
            return []
        pairs.append((face, nearest))
        rest = [other for other in rest if other is not nearest]
    return pairs


def _between(a: Detection, b: Detection, share: float, origin: str) -> Detection:
    return Detection(
        box=(1 - share) * a.box + share * b.box,
        landmarks=(1 - share) * a.landmarks + share * b.landmarks,
        probability=min(a.probability, b.probability),
        origin=origin,
    )


def _decided(held: list[_Held], bridge: float) -> int:
    """How many leading frames can be handed on: all but a faceless tail that may yet be bridged."""
    now = held[-1].frame.time
    ready = len(held)
    while ready and not held[ready - 1].faces and now - held[ready - 1].frame.time <= bridge:
        ready -= 1
    return ready
