"""Interpolates the faces of frames that lie between two frames with faces."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from depmap_cli.faces.detection import Detection, interpolate_face, match_faces
from depmap_cli.video.reader import Frame

_MAX_DIFFERENCE = 1.0
"""Most by which a face may differ between two frames (``difference``)."""
_MAX_SHIFT, _MAX_BRIDGE = 0.15, 0.5
"""Largest motion, in box sides, for which landmarks are interpolated, or a gap is bridged."""


@dataclass(eq=False, kw_only=True)
class PendingFrame:
    """A frame whose faces are being found; ``faces`` is None until they are known."""

    frame: Frame
    faces: list[Detection] | None = None
    confirmed: list[Detection] = field(default_factory=list)  # some of them, until all are known
    is_doubtful: bool = False  # following cannot tell which faces it has

    @property
    def time(self) -> float:
        """Presentation time of the frame in seconds."""
        return self.frame.time


def interpolate_faces(items: list[PendingFrame], longest: float) -> None:
    """Interpolate the unknown faces of frames between two that show the same faces.

    ``longest`` is the most seconds between the two; their faces must hardly move.
    """
    _fill(items, None, longest, "interpolated", _MAX_SHIFT)


def bridge_gaps(items: list[PendingFrame], longest: float) -> None:
    """Interpolate the faces of frames in which faces are missed for a short time."""
    _fill(items, [], longest, "bridged", _MAX_BRIDGE)


def _fill(
    items: list[PendingFrame],
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
