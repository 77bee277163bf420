"""What a point sees of its surroundings: views along a light, and how open the sky above it is."""

import math

import numpy as np
from jaxtyping import Float, Float32

from depmap_cli.simulation.graphics.rasteriser import FrameBuffers, rasterise, vertex_normals
from depmap_cli.simulation.graphics.triangle_mesh import Mesh

_CENTRE_Y, _REACH = -1.0, 17.0  # cm: a light's view shows the head and the neck
_WHOLE_REACH = 30.0  # the view for openness shows all that is modelled of a person
_DIRECTIONS, _SIDE = 26, 128
_GOLDEN_ANGLE = 2.399963


def light_view(
    direction: Float[np.ndarray, " 3"], side: int, reach: float = _REACH
) -> Float32[np.ndarray, "3 4"]:
    """Maps a point in cm to column, row and depth in a picture seen from a distant light."""
    towards = direction / np.linalg.norm(direction)
    up = np.array([0.0, 1.0, 0.0] if abs(towards[1]) < 0.95 else [1.0, 0.0, 0.0])
    x = np.cross(up, towards)
    x /= np.linalg.norm(x)
    y = np.cross(towards, x)
    scale = side / (2 * reach)
    rows = np.stack([x * scale, -y * scale, -towards])
    centre = rows @ [0.0, _CENTRE_Y, 0.0]
    offset = np.array([side / 2, side / 2, 0.0]) - [centre[0], centre[1], 0.0]
    return np.column_stack([rows, offset]).astype(np.float32)


def project(
    view: Float32[np.ndarray, "3 4"], vertices: Float32[np.ndarray, "v 3"]
) -> Float32[np.ndarray, "v 3"]:
    """Column, row and depth of each vertex."""
    return np.ascontiguousarray(vertices @ view[:, :3].T + view[:, 3])


def sky_visibility(
    mesh: Mesh, strand_noise: Float32[np.ndarray, "n n"]
) -> Float32[np.ndarray, " v"]:
    """Share of the sky in front of each vertex that nothing hides, 0 to 1."""
    normals = vertex_normals(mesh.vertices, mesh.faces)
    seen, all_ = np.zeros(len(normals), np.float32), np.full(len(normals), 1e-6, np.float32)
    buffers = FrameBuffers.empty(_SIDE, _SIDE)
    for direction in _sky_directions():
        view = light_view(direction, _SIDE, _WHOLE_REACH)
        screen = project(view, mesh.vertices)
        buffers.depth.fill(np.float32(1e9))
        rasterise(screen, mesh, strand_noise, buffers, depth_only=True)
        column, row = np.clip(screen[:, :2].T.astype(int), 0, _SIDE - 1)
        facing = np.clip(normals @ direction.astype(np.float32), 0, 1)
        seen += facing * (buffers.depth[row, column] > screen[:, 2] - 0.6)
        all_ += facing
    share = np.where(all_ < 1e-4, 0.1, seen / all_)
    return np.clip(share**1.1, 0, 1).astype(np.float32)


def _sky_directions() -> list[np.ndarray]:
    """Evenly spread over the sphere, but for those from below."""
    directions = []
    for i in range(_DIRECTIONS):
        y = 1 - 1.75 * (i + 0.5) / _DIRECTIONS
        around = math.sqrt(1 - y * y)
        angle = i * _GOLDEN_ANGLE
        directions.append(np.array([math.cos(angle) * around, y, math.sin(angle) * around]))
    return directions
