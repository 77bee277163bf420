"""Finds for how long a face has not moved, to recognise photos and frozen pictures.

Each face is compared with an earlier one, the anchor, at the same place of the picture. Coding and
sensor noise change grey levels everywhere by a little, but they do not shift anything; a living
face is never in the same position, with the same expression, for seconds (measured: LOG L66). If
nothing has shifted, the face stands still since the time of the anchor; otherwise it becomes the
new anchor. The result therefore does not depend on how densely a video is sampled.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from depmap_cli.faces.picture_place import PATCH, at_place_of, grey_patch, to_patch
from depmap_cli.faces.track import FaceSample

MIN_SHIFT, MAX_SHIFT = 0.01, 0.02
"""Shift of a part of the face, in eye distances, from which the face has moved: the first in a
clean picture, up to the second in one with much noise (measured: LOG L66)."""
_ERRORS = 8.0
"""The limit between them, in standard errors of the shift."""
_EYES = 0.39 * PATCH
"""Distance between the eyes in a patch, pixels."""
_MARGIN, _BLOCK = 8, 12
"""The face without its rim of ``_MARGIN`` pixels is divided into squares of ``_BLOCK`` pixels."""
_RANK = 3
"""The shift of the face is that of the square with the third largest shift: fewer may be noise."""
_PRIOR = (50.0, 50.0, 1.0, 1e-3)
"""Added to the diagonal of the equations of a square, so that a plain one has no shift."""


@dataclass(frozen=True)
class _Anchor:
    time: float
    patch: np.ndarray
    transform: np.ndarray


def with_stillness(segments: Iterable[list[FaceSample]]) -> Iterator[list[FaceSample]]:
    """Yield the segments of one video, in order, with ``still_since`` of every face."""
    anchor: _Anchor | None = None
    for segment in segments:
        samples = []
        for sample in segment:
            if sample.face is None or sample.landmarks is None:
                samples.append(sample)
                continue
            now = _Anchor(sample.time, grey_patch(sample.face), to_patch(sample.landmarks))
            if anchor is None or _has_moved(anchor, now):
                anchor = now
            samples.append(replace(sample, still_since=anchor.time))
        yield samples


def _has_moved(anchor: _Anchor, now: _Anchor) -> bool:
    patch, known = at_place_of(now.patch, now.transform, anchor.transform)
    if not known[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN].all():
        return True
    shifts, errors = square_shifts(anchor.patch, patch)
    limit = np.clip(_ERRORS * np.median(errors), MIN_SHIFT, MAX_SHIFT)
    return bool(np.sort(shifts)[-_RANK] >= limit)


def square_shifts(
    before: Float[np.ndarray, "64 64"], after: Float[np.ndarray, "64 64"]
) -> tuple[Float[np.ndarray, " 16"], Float[np.ndarray, " 16"]]:
    """Return the shift of each square of a face between two patches, and its standard error.

    Both are in eye distances. The shift is the least-squares one of Lucas and Kanade (1981),
    together with a change of contrast and of brightness, which lamps and cameras cause. It is exact
    for small shifts only; large ones are found to be large.
    """
    inner = slice(_MARGIN, PATCH - _MARGIN)
    row_slope, column_slope = np.gradient((before + after) / 2)
    columns = [column_slope, row_slope, before, np.ones_like(before)]
    design = np.stack([_squares(c[inner, inner]) for c in columns], -1)  # (squares, pixels, 4)
    design[..., 2] -= design[..., 2].mean(1, keepdims=True)
    change = _squares((after - before)[inner, inner])
    transposed = design.swapaxes(1, 2)
    inverse = np.linalg.inv(transposed @ design + np.diag(_PRIOR))
    solution = (inverse @ (transposed @ change[..., None]))[..., 0]
    residual = change - (design @ solution[..., None])[..., 0]
    variance = (residual**2).sum(1) / (residual.shape[1] - len(_PRIOR))
    shifts: np.ndarray = np.hypot(solution[:, 0], solution[:, 1]) / _EYES
    errors: np.ndarray = np.sqrt(variance * (inverse[:, 0, 0] + inverse[:, 1, 1])) / _EYES
    return shifts, errors


def _squares(image: np.ndarray) -> np.ndarray:
    """Cut an image into squares, (squares, pixels)."""
    n = len(image) // _BLOCK
    parts = image.reshape(n, _BLOCK, n, _BLOCK).swapaxes(1, 2)
    return parts.reshape(n * n, _BLOCK * _BLOCK).astype(np.float64)
