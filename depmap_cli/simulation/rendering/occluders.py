"""What now and then lies over a part of a face: a hand, or a strand of hair."""

import numpy as np

from depmap_cli.simulation.graphics.triangle_mesh import Material, Mesh, depth_at, join, tube
from depmap_cli.simulation.person.hair import strand_mesh

_FINGER = 1.55  # cm
_KNUCKLES = (-2.4, -0.8, 0.8, 2.3)  # cm across the palm


def cover_mesh(kind: str, head: Mesh, rng: np.random.Generator) -> Mesh | None:
    """A "hand" or a "strand" in front of the ``head``; None for "none"."""
    if kind == "hand":
        return _hand(head, rng)
    if kind == "strand":
        return strand_mesh(head, rng)
    return None


def _hand(head: Mesh, rng: np.random.Generator) -> Mesh:
    """Four fingers and a palm that lie on the chin, the mouth or a cheek, thumb aside."""
    side = rng.choice([-1, 1])
    wrist = np.array([side * rng.uniform(2, 7), rng.uniform(-13, -9)])
    aim = np.array([side * rng.uniform(-1.5, 5.5), rng.uniform(-4.5, 1.0)])
    up = (aim - wrist) / np.linalg.norm(aim - wrist)
    across = np.array([up[1], -up[0]])
    reach = float(np.linalg.norm(aim - wrist))
    parts = []
    for knuckle, length in zip(_KNUCKLES, (-0.8, 0.3, 0.5, -0.2), strict=True):
        along = np.linspace(reach - 7.5, reach + length, 9)
        flat = wrist + along[:, None] * up + knuckle * across * np.linspace(1, 0.85, 9)[:, None]
        round_tip = _FINGER * np.array([1.15, 1.1, 1.05, 1.0, 1.0, 1.0, 0.95, 0.85, 0.3])
        parts.append(tube(_on_skin(flat, head), round_tip, Material.HAND, n_sides=10))
    palm = wrist + np.linspace(-7, reach - 5.5, 7)[:, None] * up
    thickness = np.array([5.0, 5.2, 5.6, 6.2, 6.4, 5.8, 3.5])
    behind = _on_skin(palm, head) - [0, 0, 1.5]
    parts.append(tube(behind, thickness, Material.HAND, n_sides=14))
    return join(parts)


def _on_skin(flat: np.ndarray, head: Mesh) -> np.ndarray:
    """Points (n, 2) lifted off the face by half a finger, without the face's small dents."""
    depth = depth_at(head, flat[:, 0], flat[:, 1])
    smooth = np.convolve(np.pad(depth, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    return np.column_stack([flat, np.maximum(smooth, depth) + 0.5 * _FINGER])
