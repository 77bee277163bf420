"""A face in a frame, and how faces of two frames belong together."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Detection:
    """One face in one frame, in pixels of the working frame."""

    box: np.ndarray  # (4,) x0 y0 x1 y1
    landmarks: np.ndarray  # (5, 2) eyes, nose tip, mouth corners; left in the upright image first
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


def difference(a: Detection, b: Detection) -> float:
    """Return how much two faces differ: shift in box sides, plus the log ratio of their sizes."""
    shift = float(np.linalg.norm(a.centre - b.centre)) / max(a.side, b.side)
    return shift + abs(float(np.log(a.side / b.side)))


def match_faces(
    before: list[Detection], after: list[Detection], most: float
) -> list[tuple[Detection, Detection]]:
    """Pair faces of two frames, the most similar first; pairs differ by at most ``most``."""
    candidates = sorted(
        (difference(a, b), i, j) for i, a in enumerate(before) for j, b in enumerate(after)
    )
    pairs, used_before, used_after = [], set(), set()
    for distance, i, j in candidates:
        if distance <= most and i not in used_before and j not in used_after:
            pairs.append((before[i], after[j]))
            used_before.add(i)
            used_after.add(j)
    return pairs


def interpolate_face(a: Detection, b: Detection, position: float, origin: str) -> Detection:
    """Return the face at ``position`` between ``a`` (0) and ``b`` (1)."""
    return replace(
        a,
        box=(1 - position) * a.box + position * b.box,
        landmarks=(1 - position) * a.landmarks + position * b.landmarks,
        probability=min(a.probability, b.probability),
        origin=origin,
    )


def is_covered_by(face: Detection, others: list[Detection]) -> bool:
    """Whether more than half of the smaller box of ``face`` and one of ``others`` is common."""
    for other in others:
        corner, end = (
            np.maximum(face.box[:2], other.box[:2]),
            np.minimum(face.box[2:], other.box[2:]),
        )
        common = float(np.prod(np.clip(end - corner, 0, None)))
        if common > 0.5 * min(face.side, other.side) ** 2:
            return True
    return False
