"""Clothing: a garment, and glasses that fit the face. Coordinates are in cm."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from depmap_cli.simulation.graphics.smooth_functions import smooth_step
from depmap_cli.simulation.graphics.triangle_mesh import (
    Material,
    Mesh,
    grid_faces,
    join_meshes,
    tube_mesh,
)

_NECK = -10.8  # y of a high collar
_WAIST = -46.0  # y of the lower end of the garment


@dataclass(frozen=True, kw_only=True)
class Glasses:
    """The frame of a pair of glasses; lengths in cm."""

    width: float  # half the width of a rim
    height: float  # half the height of a rim
    squareness: float  # exponent of the superellipse: 2 is an ellipse, more is squarer
    thickness: float
    half_rim: bool  # no frame below the lenses
    colour: np.ndarray  # (3,) linear


def draw_glasses(rng: np.random.Generator) -> Glasses:
    """Draw a frame: mostly dark, thin or thick, round or square."""
    grey = rng.uniform(0.005, 0.05)
    tints = [[1, 1, 1], [1.6, 0.8, 0.5], [6, 4.5, 2.5], [8, 8, 8], [0.6, 0.8, 2.0]]
    tint = np.array(tints)[rng.choice(len(tints), p=[0.5, 0.2, 0.1, 0.12, 0.08])]
    return Glasses(
        width=float(rng.uniform(2.05, 2.6)),
        height=float(rng.uniform(1.25, 1.95)),
        squareness=float(rng.choice([rng.uniform(2, 2.4), rng.uniform(2.6, 5)])),
        thickness=float(rng.choice([rng.uniform(0.05, 0.09), rng.uniform(0.12, 0.24)])),
        half_rim=bool(rng.random() < 0.15),
        colour=np.clip(grey * tint, 0, 0.6),
    )


def glasses_mesh(glasses: Glasses, landmarks: Float[np.ndarray, "68 3"]) -> Mesh:
    """Make glasses for a face: two rims with lenses, a bridge and two temples."""
    parts = []
    front = landmarks[27, 2] + 0.35  # as far forward as the root of the nose
    for eye, side in ((landmarks[36:42].mean(0), -1), (landmarks[42:48].mean(0), 1)):
        centre = np.array([eye[0] + 0.12 * side, eye[1] - 0.25, front])
        rim = _rim(glasses, centre, side)
        parts.append(tube_mesh(rim, glasses.thickness, Material.FRAME))
        parts.append(_lens(_rim(glasses, centre, side, whole=True), centre))
        hinge = centre + [side * glasses.width, 0.4 * glasses.height, -0.6]
        ear = np.array([side * max(7.3, abs(hinge[0]) + 0.4), hinge[1] + 0.2, 0.0])
        bend = hinge + [side * 0.35, 0.0, -1.0]
        temple = np.array([hinge, bend, 0.5 * (bend + ear), ear, ear + [0, -1.5, -1.5]])
        parts.append(tube_mesh(temple, glasses.thickness, Material.FRAME))
    inner = glasses.width - 0.1
    left, right = landmarks[36:42].mean(0)[0] - 0.12 + inner, landmarks[42:48].mean(0)[0] + 0.12
    height = landmarks[36:48].mean(0)[1]
    x = np.linspace(left, right - inner, 7)
    arch = 0.3 * (1 - np.linspace(-1, 1, 7) ** 2)
    bridge = np.stack([x, height + 0.2 + arch, np.full(7, front + 0.1)], 1)
    parts.append(tube_mesh(bridge, glasses.thickness, Material.FRAME))
    return join_meshes(parts)


def _rim(
    glasses: Glasses, centre: np.ndarray, side: int, whole: bool = False
) -> Float[np.ndarray, "n 3"]:
    """Return the outline of a rim: a superellipse around an eye, bent backwards at the temple.

    Half rims only have the upper part unless ``whole`` is set.
    """
    start, stop = (-0.15, np.pi + 0.15) if glasses.half_rim and not whole else (0.0, 2 * np.pi)
    angle = np.linspace(start, stop, 41)
    power = 2 / glasses.squareness
    x = glasses.width * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
    y = glasses.height * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power
    y = np.where(y < 0, y * (1 + 0.1 * side * x / glasses.width), y)
    outwards = np.clip(side * x / glasses.width, -1, 1)
    return centre + np.stack([x, y, -0.35 * (outwards + 0.3 * outwards**2)], 1)


def _lens(rim: Float[np.ndarray, "n 3"], centre: np.ndarray) -> Mesh:
    """Make a lens: a fan of triangles around a centre that is slightly in front of the rim."""
    n = len(rim)
    faces = np.stack([np.zeros(n - 1), np.arange(1, n), np.arange(2, n + 1)], 1)
    apex = centre + [0, 0, 0.18]
    return Mesh.of_material(np.vstack([apex, rim]), faces, np.zeros((n + 1, 2)), Material.LENS)


def garment_mesh(female: bool, rng: np.random.Generator) -> Mesh:
    """Make the garment on shoulders and chest, with a neckline between high and low."""
    columns, rows = 72, 22
    angle, down = np.meshgrid(
        np.linspace(0, 2 * np.pi, columns), np.linspace(0, 1, rows), indexing="ij"
    )
    cut = rng.uniform(0.5, 5.5)
    shoulders = rng.uniform(17, 19.5) * (0.9 if female else 1.0)
    collar = _NECK - cut * smooth_step(0.2, 1, np.cos(angle)) + 0.6 * np.cos(2 * angle)
    y = collar + (_WAIST - collar) * down**1.6
    rounded = np.sqrt(np.clip(1 - (1 - np.clip(2.1 * down, 0, 1)) ** 2, 0, 1))
    across = 6.6 + 0.3 * cut + (shoulders - 6.6) * rounded
    deep = 6.3 + 0.2 * cut + 3.8 * smooth_step(0, 0.55, down)
    fold = 0.25 * np.sin(9 * angle + 0.3 * y) * smooth_step(0.1, 0.6, down)
    x = across * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.8 + fold
    z = -2.2 + deep * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.8 + fold
    uv = np.stack([0.3 * angle, 0.03 * y], -1).reshape(-1, 2)
    vertices = np.stack([x, y, z], -1).reshape(-1, 3)
    return Mesh.of_material(vertices, grid_faces(columns, rows), uv, Material.CLOTH)
