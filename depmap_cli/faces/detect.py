"""Detects faces with MTCNN on reduced copies of the frames, in as few frames as possible.

Detection runs on every k-th sampled frame. Between two detections of the same face, its box and
landmarks are interpolated. If the face moved or the number of faces changed, the frames in between
are searched as well. A face that is missed for a short time (for example behind a hand) is
interpolated in the same way ("bridged").
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from depmap_cli.config import FaceConfig
from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.video.reader import Frame

CHUNK = 32
"""Frames that are collected before their faces are detected."""
_SPARSE_CHUNK = 8
"""The same if the frames are so far apart that each is searched. With a smaller chunk, more of the
work overlaps with the decoding of the next frames."""
_BATCH_PIXELS = 16 * 320 * 180
"""Most pixels in one MTCNN batch."""
_MAX_FAILURES = 64
"""Frames searched in vain at a larger size after which that size is no longer tried."""
_MAX_SHIFT, _MAX_BRIDGE = 0.15, 0.5
"""Largest motion, in box sides, for which landmarks are interpolated, or a gap is bridged."""


@dataclass(frozen=True, kw_only=True)
class Detection:
    """One face in one frame, in pixels of the working frame."""

    box: np.ndarray  # (4,) x0 y0 x1 y1
    landmarks: np.ndarray  # (5, 2) eyes, nose tip, mouth corners; left in the image first
    probability: float
    origin: str = "detected"  # or "interpolated", "bridged"

    @property
    def side(self) -> float:
        """Geometric mean of the sides of the box."""
        width, height = self.box[2:] - self.box[:2]
        return float(np.sqrt(max(width, 0) * max(height, 0)))

    @property
    def centre(self) -> np.ndarray:
        """Centre of the box, (2,) x, y."""
        middle: np.ndarray = (self.box[:2] + self.box[2:]) / 2
        return middle


@dataclass
class _PendingFrame:
    """A frame whose faces are being detected; ``faces`` is None if it has not been searched."""

    frame: Frame
    faces: list[Detection] | None = None


class FaceDetector:
    """Detects faces with facenet-pytorch's MTCNN, whose weights are part of that package.

    ``config.detection_sides`` are the frame sizes to search, in order.
    """

    def __init__(self, config: FaceConfig, device: str = "cpu") -> None:
        from facenet_pytorch import MTCNN

        from depmap_cli.faces.fixed_size_batches import FixedSizeBatches

        self.config = config
        self._mtcnn = MTCNN(keep_all=True, min_face_size=config.min_face, device=device)
        self._mtcnn.rnet = FixedSizeBatches(self._mtcnn.rnet)
        self._mtcnn.onet = FixedSizeBatches(self._mtcnn.onet)
        self._failures = [0] * len(config.detection_sides)

    def start_video(self) -> None:
        """Forget at which sizes the previous video had no faces."""
        self._failures = [0] * len(self.config.detection_sides)

    def detect(self, images: list[np.ndarray]) -> list[list[Detection]]:
        """Detect the faces in images.

        An image without a face at one size is searched again at the next larger size.

        Args:
            images: (height, width, 3) RGB uint8, all of one size.

        Returns:
            The faces of each image, the largest first; [] if there is none.
        """
        detections: list[list[Detection]] = [[] for _ in images]
        longest = max(images[0].shape[:2]) if images else 0
        for step, side in enumerate(self.config.detection_sides):
            todo = [i for i, faces in enumerate(detections) if not faces]
            smaller = self.config.detection_sides[step - 1] if step else 0
            if not todo or (step and longest <= smaller) or self._failures[step] >= _MAX_FAILURES:
                continue
            results = self._detect_at([images[i] for i in todo], side)
            for i, faces in zip(todo, results, strict=True):
                detections[i] = faces
            if step:
                self._failures[step] = 0 if any(results) else self._failures[step] + len(todo)
        return detections

    def _detect_at(self, images: list[np.ndarray], side: int) -> list[list[Detection]]:
        cv2 = load_opencv()
        height, width = images[0].shape[:2]
        scale = min(1.0, side / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if min(size) < self.config.min_face:
            return [[] for _ in images]
        small = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in images]
        ratio = np.array([width / size[0], height / size[1]])
        batch_size = max(1, min(len(small), _BATCH_PIXELS // (size[0] * size[1])))
        rows: list[list[Detection]] = []
        for i in range(0, len(small), batch_size):
            rows += self._run(np.stack(small[i : i + batch_size]), ratio)
        return rows

    def _run(self, batch: np.ndarray, ratio: np.ndarray) -> list[list[Detection]]:
        """Run MTCNN on one batch.

        MTCNN fails with an index error on some degenerate proposals. Then each frame runs
        alone, and a frame that still fails has no face.
        """
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
    """Yield every frame, in order, with all its faces; about ``CHUNK`` frames are in memory."""
    config = detector.config
    detector.start_video()
    pending: list[_PendingFrame] = []
    anchor: _PendingFrame | None = None
    for frame in frames:
        pending.append(_PendingFrame(frame))
        new = [item.frame.time for item in pending if item.faces is None]
        sparse = _are_apart(new, config.detection_interval)
        if len(new) < (_SPARSE_CHUNK if sparse else CHUNK):
            continue
        _detect_sparsely(pending, detector)
        _fill([anchor, *pending] if anchor else pending, [], config.bridge, "bridged", _MAX_BRIDGE)
        n_final = _count_final(pending, config.bridge)
        for item in pending[:n_final]:
            yield item.frame, item.faces or []
            if item.faces:
                anchor = item
        pending = pending[n_final:]
    _detect_sparsely(pending, detector)
    _fill([anchor, *pending] if anchor else pending, [], config.bridge, "bridged", _MAX_BRIDGE)
    for item in pending:
        yield item.frame, item.faces or []


def _are_apart(times: list[float], distance: float) -> bool:
    return all(after - before > distance for before, after in pairwise(times))


def _detect_sparsely(pending: list[_PendingFrame], detector: FaceDetector) -> None:
    """Find the faces of new frames: detect them in every k-th frame, interpolate where possible."""
    new = [item for item in pending if item.faces is None]
    if not new:
        return
    span = new[-1].frame.time - new[0].frame.time
    interval = span / max(len(new) - 1, 1)
    stride = max(1, int(detector.config.detection_interval / interval)) if interval > 0 else 1
    last = len(new) - 1
    _detect_all([item for i, item in enumerate(new) if i % stride == 0 or i == last], detector)
    longest = detector.config.detection_interval + interval
    _fill(new, None, longest, "interpolated", _MAX_SHIFT)
    _detect_all([item for item in new if item.faces is None], detector)


def _detect_all(items: list[_PendingFrame], detector: FaceDetector) -> None:
    for item, faces in zip(items, detector.detect([i.frame.image for i in items]), strict=True):
        item.faces = faces


def _fill(
    items: list[_PendingFrame],
    empty: list[Detection] | None,
    longest: float,
    origin: str,
    max_shift: float,
) -> None:
    """Interpolate the faces of ``empty`` frames between two frames with faces.

    A run of empty frames is filled only if both ends show the same faces.

    Args:
        items: frames in order of time.
        empty: None to fill frames that were not searched, [] to fill frames without a face.
        longest: most seconds between the two ends.
        origin: origin of the interpolated faces.
        max_shift: most that a face may move between the two ends, in box sides.
    """
    ends = [i for i, item in enumerate(items) if item.faces]
    for first, last in pairwise(ends):
        start, stop = items[first], items[last]
        gap = stop.frame.time - start.frame.time
        between = items[first + 1 : last]
        if not between or gap > longest + 1e-6 or any(item.faces != empty for item in between):
            continue
        pairs = _match_faces(start.faces or [], stop.faces or [], max_shift)
        if not pairs:
            continue
        for item in between:
            position = (item.frame.time - start.frame.time) / gap
            item.faces = [_interpolate(a, b, position, origin) for a, b in pairs]


def _match_faces(
    before: list[Detection], after: list[Detection], max_shift: float
) -> list[tuple[Detection, Detection]]:
    """Pair the faces of two frames; [] if a face appeared, disappeared or moved too far."""
    if len(before) != len(after):
        return []
    pairs, unmatched = [], list(after)
    for face in before:
        nearest = min(
            unmatched, key=lambda other: float(np.linalg.norm(other.centre - face.centre))
        )
        shift = float(np.abs(nearest.landmarks - face.landmarks).max()) / max(face.side, 1e-6)
        if shift > max_shift:
            return []
        pairs.append((face, nearest))
        unmatched = [other for other in unmatched if other is not nearest]
    return pairs


def _interpolate(a: Detection, b: Detection, position: float, origin: str) -> Detection:
    return Detection(
        box=(1 - position) * a.box + position * b.box,
        landmarks=(1 - position) * a.landmarks + position * b.landmarks,
        probability=min(a.probability, b.probability),
        origin=origin,
    )


def _count_final(pending: list[_PendingFrame], bridge: float) -> int:
    """Return how many leading frames are final: all but a faceless tail that may yet be bridged."""
    now = pending[-1].frame.time
    count = len(pending)
    while count and not pending[count - 1].faces and now - pending[count - 1].frame.time <= bridge:
        count -= 1
    return count
