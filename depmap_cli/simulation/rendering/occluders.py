"""Objects that occlude a part of the face in some videos: a hand, or a lock of hair."""

import numpy as np

from depmap_cli.simulation.graphics.triangle_mesh import (
    Material,
    Mesh,
    front_depth,
    join_meshes,
    tube_mesh,
)
from depmap_cli.simulation.person.hair import hair_lock_mesh

_FINGER = 1.55  # thickness, cm
_KNUCKLES = (-2.4, -0.8, 0.8, 2.3)  # positions across the palm, cm


def occluder_mesh(kind: str, head: Mesh, rng: np.random.Generator) -> Mesh | None:
    """Return the mesh of a "hand" or a "strand" in front of the ``head``; None for "none"."""
    if kind == "hand":
        return _hand(head, rng)
    if kind == "strand":
        return hair_lock_mesh(head, rng)
    return None


def _hand(head: Mesh, rng: np.random.Generator) -> Mesh:
    """Make four fingers and a palm that lie on the chin, the mouth or a cheek (without thumb)."""
    side = rng.choice([-1, 1])
    wrist = np.array([side * rng.uniform(2, 7), rng.uniform(-13, -9)])
    fingertips = np.array([side * rng.uniform(-1.5, 5.5), rng.uniform(-4.5, 1.0)])
    up = (fingertips - wrist) / np.linalg.norm(fingertips - wrist)
    across = np.array([up[1], -up[0]])
    reach = float(np.linalg.norm(fingertips - wrist))
    parts = []
    for knuckle, length in zip(_KNUCKLES, (-0.8, 0.3, 0.5, -0.2), strict=True):
        along = np.linspace(reach - 7.5, reach + length, 9)
        points = wrist + along[:, None] * up + knuckle * across * np.linspace(1, 0.85, 9)[:, None]
        thickness_along = _FINGER * np.array([1.15, 1.1, 1.05, 1.0, 1.0, 1.0, 0.95, 0.85, 0.3])
        parts.append(tube_mesh(_on_skin(points, head), thickness_along, Material.HAND, n_sides=10))
    palm = wrist + np.linspace(-7, reach - 5.5, 7)[:, None] * up
    thickness = np.array([5.0, 5.2, 5.6, 6.2, 6.4, 5.8, 3.5])
    palm_points = _on_skin(palm, head) - [0, 0, 1.5]
    parts.append(tube_mesh(palm_points, thickness, Material.HAND, n_sides=14))
    return join_meshes(parts)


def _on_skin(points: np.ndarray, head: Mesh) -> np.ndarray:
    """Place points (n, 2) in front of the face by half a finger, smoothed along the path; cm."""
    depth = front_depth(head, points[:, 0], points[:, 1])
    smooth = np.convolve(np.pad(depth, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    return np.column_stack([points, np.maximum(smooth, depth) + 0.5 * _FINGER])
