"""Visibility: views from a distant light for shadows, and ambient visibility of the sky."""

import math

import numpy as np
from jaxtyping import Float, Float32

from depmap_cli.simulation.graphics.rasteriser import FrameBuffers, rasterise, vertex_normals
from depmap_cli.simulation.graphics.triangle_mesh import Mesh

_CENTRE_Y, _REACH = -1.0, 17.0  # a light's view shows head and neck, cm
_WHOLE_REACH = 30.0  # the views for sky visibility show the whole person, cm
_DIRECTIONS, _SIDE = 26, 128  # sky directions, and pixels of each view
_GOLDEN_ANGLE = 2.399963


def light_view(
    direction: Float[np.ndarray, " 3"], side: int, reach: float = _REACH
) -> Float32[np.ndarray, "3 4"]:
    """Return the matrix that maps points (cm) to column, row and depth as seen from a light.

    Args:
        direction: towards the distant light.
        side: width and height of the view in pixels.
        reach: half the width of the visible area in cm.
    """
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
    """Return column, row and depth of each vertex in a view of ``light_view``."""
    return np.ascontiguousarray(vertices @ view[:, :3].T + view[:, 3])


def sky_visibility(
    mesh: Mesh, strand_noise: Float32[np.ndarray, "n n"]
) -> Float32[np.ndarray, " v"]:
    """Return the share of the sky in front of each vertex that nothing hides, 0 to 1."""
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
    """Return unit vectors distributed evenly over the sphere except its lowest part."""
    directions = []
    for i in range(_DIRECTIONS):
        y = 1 - 1.75 * (i + 0.5) / _DIRECTIONS
        around = math.sqrt(1 - y * y)
        angle = i * _GOLDEN_ANGLE
        directions.append(np.array([math.cos(angle) * around, y, math.sin(angle) * around]))
    return directions
