"""Hair: where it grows, hair styles, and the meshes that represent it.

Hair consists of sheets whose texture cuts them into strands. Coordinates are in cm, as in
``FaceModel``.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.simulation.graphics.rasteriser import NOISE_TEXELS
from depmap_cli.simulation.graphics.smooth_functions import smooth_step
from depmap_cli.simulation.graphics.triangle_mesh import Material, Mesh, front_depth, grid_faces

STYLES = ("bald", "shaven", "short", "tied", "medium", "long")
_LAYERS = 3
_TILES_PER_CM = 0.055  # repetitions of the strand texture; the strands are about a pixel wide


@dataclass(frozen=True)
class Hairline:
    """The border of the hair on the neutral head."""

    height: float  # added to the mean height above the forehead, cm
    recession: float  # at the temples, cm
    bald_crown: float  # 0: no baldness, 1: the whole top of the head

    def inside(self, points: Float[np.ndarray, "*n 3"]) -> np.ndarray:
        """Return the approximate distance (cm) of points to the hairline, negative outside it."""
        x, y, z = np.abs(points[..., 0]), points[..., 1], points[..., 2]
        front = 10.0 + self.height + self.recession * np.exp(-(((x - 3.6) / 1.3) ** 2))
        front = front - 0.06 * x**2 + 8.0 * self.bald_crown * np.exp(-((x / 6.5) ** 4))
        to_side = smooth_step(4.4, 6.4, x)
        front = front * (1 - to_side) + to_side * np.minimum(front, 7.6)
        above_forehead = (y - front) * 0.8
        before_ear = _soft_min((4.0 - 0.3 * (y - 6) - z) * 0.8, (y - 3.4) * 0.8)
        neck = _soft_min((0.2 - z) * 0.8, (y + 0.5) * 0.6)
        region = _soft_max(above_forehead, before_ear, neck)
        ear = np.exp(-(((y - 1.8) / 2.8) ** 4) - ((z - 0.3) / 2.7) ** 4) * smooth_step(6.6, 7.4, x)
        inside: np.ndarray = np.clip(region - 3.0 * ear, -2, 3)
        return inside


@dataclass(frozen=True, kw_only=True)
class HairStyle:
    """Shape and texture of a person's hair."""

    name: str  # one of STYLES
    volume: float  # thickness above the scalp, cm
    length: float  # y coordinate of the lower end of medium and long hair, cm
    fringe: float  # y coordinate of the lower end of the fringe, cm; 9.5 and above: no fringe
    lift: float  # distance from the hairline at which full thickness is reached, cm
    sides: float  # thickness at the sides, as a share of that at the top
    parting: int  # 0: combed back, 1: parted at one side, 2: radiating from the crown
    wave: float  # amplitude of waves, cm
    density: float  # 0 (thin) to 1 (thick)


def strand_noise(rng: np.random.Generator) -> Float32[np.ndarray, "n n"]:
    """Draw a tile of noise for strands: fine across columns, smooth along rows, uniform in 0..1."""
    cv2 = load_opencv()
    side = NOISE_TEXELS
    noise = rng.random((side, side)).astype(np.float32)
    fine = cv2.blur(noise, (1, 41), borderType=cv2.BORDER_REFLECT)
    locks = cv2.blur(cv2.GaussianBlur(noise, (0, 0), 3.0), (1, 61), borderType=cv2.BORDER_REFLECT)
    mixed = fine / fine.std() + 0.8 * locks / locks.std()
    ranks = np.argsort(np.argsort(mixed.ravel())).reshape(side, side)
    return (ranks / ranks.size).astype(np.float32)


def hair_meshes(
    neutral: Mesh,
    head: Mesh,
    normals: Float32[np.ndarray, "v 3"],
    hairline: Hairline,
    style: HairStyle,
    rng: np.random.Generator,
) -> list[Mesh]:
    """Make the hair of a person.

    Args:
        neutral: the face model's mean head, on which the hairline is defined.
        head: the person's head, with the same vertices.
        normals: vertex normals of ``head``.
        hairline: where hair grows.
        style: shape and texture of the hair.
        rng: random numbers for the details.
    """
    if style.name in ("bald", "shaven"):
        return []
    meshes = _scalp_layers(neutral, head, normals, hairline, style, rng)
    if style.name in ("medium", "long"):
        meshes.append(_hanging_hair(neutral, head, style, rng))
    if style.fringe < 9.5:
        meshes.append(_fringe(head, style, rng))
    return meshes


def _scalp_layers(
    neutral: Mesh,
    head: Mesh,
    normals: np.ndarray,
    hairline: Hairline,
    style: HairStyle,
    rng: np.random.Generator,
) -> list[Mesh]:
    """Make copies of the scalp at increasing heights; outer layers have more gaps."""
    inside = hairline.inside(neutral.vertices)
    skin = neutral.material <= Material.HEAD
    chosen = skin & (inside[neutral.faces] > -0.3).all(1)
    vertices, faces = np.unique(neutral.faces[chosen], return_inverse=True)
    faces = faces.reshape(-1, 3)
    position, inside = neutral.vertices[vertices], inside[vertices]
    thickness = (
        style.volume * smooth_step(-0.2, style.lift, inside) * _thickness_noise(position, rng)
    )
    thickness *= 1 - (1 - style.sides) * smooth_step(10.5, 6.5, position[:, 1])
    thickness *= 1 + 0.5 * smooth_step(9, 13, position[:, 1]) * rng.uniform(0, 1.5)
    uv = _strand_coordinates(position, style)
    layers = []
    for layer in range(_LAYERS):
        height = thickness * (0.55 + 0.45 * layer / (_LAYERS - 1)) + 0.05
        opacity = smooth_step(-0.4, 1.1, inside) * (
            1.25 - 0.33 * layer * (1.2 - 0.5 * style.density)
        )
        moved = head.vertices[vertices] + normals[vertices] * height[:, None]
        layers.append(Mesh.of_material(moved, faces, uv + 0.37 * layer, Material.HAIR, opacity))
    return layers


def _thickness_noise(position: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw smooth factors of thickness around 1 at the positions (n, 3)."""
    waves = [np.sin(position @ rng.normal(0, 0.7, 3) + rng.uniform(0, 6.28)) for _ in range(6)]
    return np.asarray(1 + 0.5 * np.sum(waves, 0) / 6)


def _strand_coordinates(position: np.ndarray, style: HairStyle) -> Float[np.ndarray, "n 2"]:
    """Return texture coordinates across and along the strands at the positions (n, 3)."""
    x, y, z = position.T
    if style.parting == 0:
        across, along = x + 0.2 * y, 0.6 * z - y
    elif style.parting == 1:
        across, along = z + 0.3 * y, x + 0.3 * y
    else:
        across, along = 7 * np.arctan2(x, z), 7 * np.arctan2(y - 4, np.hypot(x, z))
    return np.stack([across * _TILES_PER_CM, along * 0.02], 1)


def _hanging_hair(neutral: Mesh, head: Mesh, style: HairStyle, rng: np.random.Generator) -> Mesh:
    """Make the sheet of hair that hangs at the sides and at the back of the head."""
    columns, rows = 72, 26
    sweep = math.radians(rng.uniform(118, 156))
    angle, fall = np.meshgrid(  # 0 at the back of the head
        np.linspace(sweep, -sweep, columns), np.linspace(0, 1, rows), indexing="ij"
    )
    top = 10.5
    bottom = style.length + rng.normal(0, 0.3, (columns, 1))
    y = top + (bottom - top) * fall
    flare = rng.uniform(-0.5, 2.2) * smooth_step(6, -8, y)
    across = 8.3 + 0.8 * style.volume + flare - 2.2 * smooth_step(7.5, 11.5, y)
    deep = (
        8.9
        + 0.6 * style.volume
        + 0.3 * flare
        - 1.5 * smooth_step(7, 11.5, y)
        - 1.2 * smooth_step(2, -8, y)
    )
    curl = style.wave * smooth_step(8, 2, y)
    x = across * np.sin(angle) + curl * np.sin(0.8 * y + 7 * angle)
    z = 0.6 - deep * np.cos(angle) + curl * np.sin(0.9 * y + 5 * angle)
    width = np.ptp(head.vertices[:, 0]) / np.ptp(neutral.vertices[:, 0])
    vertices = np.stack([x * width, y, z], -1).reshape(-1, 3)
    uv = np.stack([angle * 9 * _TILES_PER_CM + 0.01 * y, 0.02 * y], -1).reshape(-1, 2)
    edge = np.minimum(1, (1 - np.abs(angle) / sweep) * 14) * np.minimum(1, (1 - fall) * 6)
    opacity = (edge * (1.0 + 0.3 * style.density)).ravel()
    return Mesh.of_material(vertices, grid_faces(columns, rows), uv, Material.HAIR, opacity)


def _fringe(head: Mesh, style: HairStyle, rng: np.random.Generator) -> Mesh:
    """Make the sheet of hair that falls over the forehead, slightly in front of the skin."""
    columns, rows = 40, 10
    lean = rng.uniform(-1.5, 1.5)
    x, fall = np.meshgrid(np.linspace(-5.6, 5.6, columns), np.linspace(0, 1, rows), indexing="ij")
    ragged = 0.5 * np.interp(x, np.linspace(-5.6, 5.6, 9), rng.normal(0, 1, 9))
    bottom = style.fringe + ragged + 0.12 * lean * x
    y = 11.2 - 0.09 * x**2 + (bottom - 0.04 * x**2 - 11.2 + 0.09 * x**2) * fall
    x = x + lean * fall
    away = 0.3 + 0.5 * style.volume * np.cos(0.4 * math.pi * fall) + 0.3 * (1 - fall)
    z = front_depth(head, x, y) + away
    uv = np.stack([x * _TILES_PER_CM, 0.03 * y], -1).reshape(-1, 2)
    edge = np.minimum(1, (1 - np.abs(x - lean * fall) / 5.7) * 6) * np.minimum(1, (1 - fall) * 2.2)
    opacity = (edge * (0.7 + 0.4 * style.density + 0.6 * smooth_step(0.6, 0.2, fall))).ravel()
    vertices = np.stack([x, y, z], -1).reshape(-1, 3)
    return Mesh.of_material(vertices, grid_faces(columns, rows), uv, Material.HAIR, opacity)


def hair_lock_mesh(head: Mesh, rng: np.random.Generator) -> Mesh:
    """Make a lock of hair that falls from the hairline over an eye and a cheek."""
    columns, rows = 10, 24
    side = rng.choice([-1, 1])
    across, fall = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(0, 1, rows), indexing="ij")
    top, bottom = rng.uniform(0, 3), rng.uniform(3, 6.5)
    lowest = rng.uniform(-7, 1)
    middle = side * (top + (bottom - top) * fall**1.5)
    width = rng.uniform(0.5, 1.8) * np.sin(np.pi * np.clip(0.15 + 0.85 * fall, 0, 1)) + 0.1
    x, y = middle + across * width, 10.0 + (lowest - 10.0) * fall
    z = front_depth(head, x, y) + 0.35 + 0.5 * np.sin(np.pi * fall)
    uv = np.stack([x * _TILES_PER_CM, 0.02 * y], -1).reshape(-1, 2)
    opacity = (
        0.85 * np.minimum(1, (1 - np.abs(across)) * 3) * np.minimum(1, (1 - fall) * 4)
    ).ravel()
    vertices = np.stack([x, y, z], -1).reshape(-1, 3)
    return Mesh.of_material(vertices, grid_faces(columns, rows), uv, Material.HAIR, opacity)


_SOFTNESS = 0.35  # width of the transition between merged regions, cm


def _soft_max(*values: np.ndarray) -> np.ndarray:
    scaled = [np.clip(value, -6, 6) / _SOFTNESS for value in values]
    merged: np.ndarray = _SOFTNESS * np.log(np.sum([np.exp(value) for value in scaled], 0))
    return merged


def _soft_min(*values: np.ndarray) -> np.ndarray:
    return -_soft_max(*(-value for value in values))
