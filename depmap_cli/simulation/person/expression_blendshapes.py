# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"
"""Maps action units and gaze to the face model's blendshapes, and blends them into vertices."""

from collections.abc import Sequence
from typing import no_type_check

import numpy as np
from jaxtyping import Float, Float32
from numba import njit

from depmap_cli.domain.action_units import ACTION_UNITS

AU_BLENDSHAPES: dict[str, dict[str, float]] = {
    "AU1": {"browInnerUp": 1.25},
    "AU2": {"browOuterUp": 1.0},
    "AU4": {"browDown": 1.35, "browInnerUp": -0.2},
    "AU5": {"eyeWide": 1.35},
    "AU6": {"cheekRaiser": 0.55, "cheekSquint": 0.75, "eyeSquint": 0.2},
    "AU7": {"eyeSquint": 1.15, "eyeBlink": 0.22, "cheekSquint": 0.15},
    "AU9": {"noseSneer": 1.1, "browDown": 0.25},
    "AU10": {"mouthUpperUp": 1.0, "noseSneer": 0.12},
    "AU12": {"mouthSmile": 1.0},
    "AU14": {"mouthDimple": 1.1},
    "AU15": {"mouthFrown": 1.25},
    "AU17": {"mouthShrugLower": 1.0, "mouthShrugUpper": 0.2},
    "AU20": {"mouthStretch": 1.05},
    "AU23": {"mouthRollLower": 0.5, "mouthRollUpper": 0.55, "mouthPucker": 0.3},
    "AU24": {"mouthPress": 1.0, "mouthRollLower": 0.4, "mouthRollUpper": 0.4, "mouthClose": 0.02},
    "AU25": {"mouthLowerDown": 0.5, "mouthUpperUp": 0.15, "jawOpen": 0.06},
    "AU26": {"jawOpen": 0.5},
    "AU43": {"eyeBlink": 1.0},
}
"""Weight of each blendshape at an intensity of 1 (FACS level E); both sides move alike."""
_GAZE = {  # to the viewer's right, the person's left eye looks outwards and the right one inwards
    "right": ("eyeLookOut_L", "eyeLookIn_R"),
    "left": ("eyeLookIn_L", "eyeLookOut_R"),
    "up": ("eyeLookUp_L", "eyeLookUp_R"),
    "down": ("eyeLookDown_L", "eyeLookDown_R"),
}
MAX_GAZE = 1.0
"""Largest gaze in either direction."""
_MIN_WEIGHT, _MAX_WEIGHT = -0.2, 1.45


class BlendshapeMixer:
    """Computes blendshape weights from action units and gaze.

    Args:
        names: the face model's blendshapes, in order.

    Raises:
        KeyError: a blendshape is missing.
    """

    def __init__(self, names: Sequence[str]) -> None:
        index = {name: i for i, name in enumerate(names)}
        self.names = tuple(names)
        self._au_weights = np.zeros((len(ACTION_UNITS), len(names)), np.float32)
        for row, unit in zip(self._au_weights, ACTION_UNITS, strict=True):
            for shape, weight in AU_BLENDSHAPES[unit.code].items():
                for side in sides(shape, index):
                    row[index[side]] += weight
        self._gaze_weights = np.zeros((len(_GAZE), len(names)), np.float32)
        for row, shapes in zip(self._gaze_weights, _GAZE.values(), strict=True):
            row[[index[name] for name in shapes]] = 1

    def weights(
        self, au: Float[np.ndarray, " 18"], gaze: Float[np.ndarray, " 2"]
    ) -> Float32[np.ndarray, " e"]:
        """Return the weights for intensities 0 to 1.1 and a gaze (sideways, up) in -1 to 1."""
        sideways, up = np.clip(gaze, -MAX_GAZE, MAX_GAZE)
        directions = np.clip([sideways, -sideways, up, -up], 0, None)
        mixed = au @ self._au_weights + directions @ self._gaze_weights
        return np.asarray(np.clip(mixed, _MIN_WEIGHT, _MAX_WEIGHT).astype(np.float32))


def sides(shape: str, known: dict[str, int]) -> tuple[str, ...]:
    """Return the model's names of a blendshape: one, or one for the left and one for the right."""
    return (shape,) if shape in known else (f"{shape}_L", f"{shape}_R")


class SparseBlendshapes:
    """Blendshapes stored as displacements of only those vertices that each one moves.

    Args:
        shapes: displacements of all v vertices by e blendshapes, cm.
        least: displacement in cm below which a vertex counts as unmoved.
    """

    def __init__(self, shapes: Float[np.ndarray, "e v 3"], least: float = 5e-4) -> None:
        moved = [np.flatnonzero(np.abs(shape).max(1) > least) for shape in shapes]
        self._start = np.cumsum([0, *(len(m) for m in moved)]).astype(np.int64)
        self._vertex = np.concatenate(moved).astype(np.int32)
        self._displacement = np.concatenate(
            [shape[m] for shape, m in zip(shapes, moved, strict=True)]
        ).astype(np.float32)

    def blend(
        self,
        base: Float32[np.ndarray, "v 3"],
        weights: Float32[np.ndarray, " e"],
        out: Float32[np.ndarray, "v 3"],
    ) -> None:
        """Write ``base`` plus the weighted displacements to ``out``."""
        out[:] = base
        _add_shapes(self._start, self._vertex, self._displacement, weights, out)


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _add_shapes(start, vertex, displacement, weights, out):
    for e in range(weights.shape[0]):
        weight = weights[e]
        if weight == 0.0:
            continue
        for i in range(start[e], start[e + 1]):
            v = vertex[i]
            out[v, 0] += weight * displacement[i, 0]
            out[v, 1] += weight * displacement[i, 1]
            out[v, 2] += weight * displacement[i, 2]
