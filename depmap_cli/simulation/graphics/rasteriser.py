# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"
"""Rasterises triangles into a depth buffer on the CPU, compiled by numba.

The compiled kernels have no annotations: numba infers their types and could not compile run-time
type checks. The public functions are annotated.
"""

import math
from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Float32, Int32
from numba import njit

from depmap_cli.simulation.graphics.triangle_mesh import Material, Mesh

FAR = np.float32(1e9)
NO_TRIANGLE = -1
NOISE_TEXELS = 256
"""Side of the strand noise tile, a power of two."""
_LASH, _HAIR, _EYE = int(Material.LASH), int(Material.HAIR), int(Material.EYE)
_BEHIND = 0.12
"""Depth in cm added to eyeballs, so that they never show through a closed lid."""


@dataclass(frozen=True, kw_only=True)
class FrameBuffers:
    """The nearest triangle at each pixel, and the barycentric coordinates of the pixel's centre."""

    depth: Float32[np.ndarray, "h w"]  # cm from the camera
    triangle: Int32[np.ndarray, "h w"]  # NO_TRIANGLE in empty pixels
    weight_b: Float32[np.ndarray, "h w"]  # barycentric weight of the second corner
    weight_c: Float32[np.ndarray, "h w"]

    @staticmethod
    def empty(height: int, width: int) -> "FrameBuffers":
        """Make empty buffers."""
        shape = (height, width)
        return FrameBuffers(
            depth=np.full(shape, FAR, np.float32),
            triangle=np.full(shape, NO_TRIANGLE, np.int32),
            weight_b=np.zeros(shape, np.float32),
            weight_c=np.zeros(shape, np.float32),
        )

    def clear(self) -> None:
        """Empty depth and triangles."""
        self.depth.fill(FAR)
        self.triangle.fill(NO_TRIANGLE)


def rasterise(
    screen: Float32[np.ndarray, "v 3"],
    mesh: Mesh,
    strand_noise: Float32[np.ndarray, "n n"],
    buffers: FrameBuffers,
    depth_only: bool = False,
) -> None:
    """Draw ``mesh`` with its vertices at ``screen`` (column, row, depth) into ``buffers``.

    Attributes are interpolated without perspective correction, because triangles are small. Lashes
    and hair have gaps where ``strand_noise`` exceeds their opacity.
    """
    _rasterise(
        screen,
        mesh.faces,
        mesh.material,
        mesh.uv,
        mesh.opacity,
        strand_noise,
        buffers.depth,
        buffers.triangle,
        buffers.weight_b,
        buffers.weight_c,
        depth_only,
    )


def vertex_normals(
    vertices: Float32[np.ndarray, "v 3"], faces: Int32[np.ndarray, "f 3"]
) -> Float32[np.ndarray, "v 3"]:
    """Return unit vertex normals: the area-weighted mean of the adjacent triangles' normals."""
    normals = np.zeros_like(vertices)
    _add_face_normals(vertices, faces, normals)
    _normalise(normals)
    return normals


def rasterise_texture(
    corners: Float32[np.ndarray, "f 3 2"],
    faces: np.ndarray,
    attributes: Float32[np.ndarray, "v c"],
    shape: tuple[int, int],
) -> tuple[Float32[np.ndarray, "h w c"], Bool[np.ndarray, "h w"]]:
    """Interpolate vertex attributes over an image in which triangles have the given ``corners``.

    Later triangles are drawn over earlier ones.

    Returns:
        The image of attributes, and which of its pixels were drawn.
    """
    picture = np.zeros((*shape, attributes.shape[1]), np.float32)
    drawn = np.zeros(shape, np.bool_)
    _rasterise_texture(corners, faces.astype(np.int32), attributes, picture, drawn)
    return picture, drawn


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _edge(ax, ay, bx, by, px, py):
    """Return twice the signed area of the triangle (a, b, p)."""
    return (bx - ax) * (py - ay) - (px - ax) * (by - ay)


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _pixels_between(low, high, size):
    """Return the first and the last pixel whose centre is between two coordinates."""
    first = max(0, int(math.ceil(low - 0.5)))
    last = min(size - 1, int(math.floor(high - 0.5)))
    return first, last


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _is_gap(opacity, strand_noise, u, v):
    """Return whether a point of a hair sheet is a gap between strands."""
    if opacity >= 1.0:
        return False
    side = strand_noise.shape[0]
    return strand_noise[int(v * side) & (side - 1), int(u * side) & (side - 1)] > opacity


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _rasterise(
    screen,
    faces,
    material,
    uv,
    opacity,
    strand_noise,
    depth,
    triangle,
    weight_b,
    weight_c,
    depth_only,
):
    height, width = depth.shape
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, bx, by = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1]
        cx, cy = screen[c, 0], screen[c, 1]
        area = _edge(ax, ay, bx, by, cx, cy)
        kind = material[f]
        if area == 0.0 or (area > 0 and kind < _LASH):  # front faces have < 0
            continue
        x0, x1 = _pixels_between(min(ax, bx, cx), max(ax, bx, cx), width)
        y0, y1 = _pixels_between(min(ay, by, cy), max(ay, by, cy), height)
        if x0 > x1 or y0 > y1:
            continue
        strandy = kind in (_LASH, _HAIR)
        back = np.float32(_BEHIND if kind == _EYE else 0.0)
        za, zb, zc = screen[a, 2] + back, screen[b, 2] + back, screen[c, 2] + back
        inverse = np.float32(1.0) / area
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                px, py = np.float32(x + 0.5), np.float32(y + 0.5)
                wb = _edge(ax, ay, px, py, cx, cy) * inverse
                wc = _edge(ax, ay, bx, by, px, py) * inverse
                wa = np.float32(1.0) - wb - wc
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                z = wa * za + wb * zb + wc * zc
                if z >= depth[y, x]:
                    continue
                if strandy:
                    u = wa * uv[f, 0, 0] + wb * uv[f, 1, 0] + wc * uv[f, 2, 0]
                    v = wa * uv[f, 0, 1] + wb * uv[f, 1, 1] + wc * uv[f, 2, 1]
                    if _is_gap(
                        wa * opacity[a] + wb * opacity[b] + wc * opacity[c], strand_noise, u, v
                    ):
                        continue
                depth[y, x] = z
                if not depth_only:
                    triangle[y, x] = f
                    weight_b[y, x] = wb
                    weight_c[y, x] = wc


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _add_face_normals(vertices, faces, normals):
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux = vertices[b, 0] - vertices[a, 0]
        uy = vertices[b, 1] - vertices[a, 1]
        uz = vertices[b, 2] - vertices[a, 2]
        vx = vertices[c, 0] - vertices[a, 0]
        vy = vertices[c, 1] - vertices[a, 1]
        vz = vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in (a, b, c):
            normals[corner, 0] += nx
            normals[corner, 1] += ny
            normals[corner, 2] += nz


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _normalise(vectors):
    for i in range(vectors.shape[0]):
        x, y, z = vectors[i, 0], vectors[i, 1], vectors[i, 2]
        length = math.sqrt(x * x + y * y + z * z) + 1e-12
        vectors[i, 0] = x / length
        vectors[i, 1] = y / length
        vectors[i, 2] = z / length


@njit(cache=True, nogil=True)
@no_type_check
def _rasterise_texture(corners, faces, attributes, picture, drawn):
    height, width = drawn.shape
    for f in range(corners.shape[0]):
        ax, ay = corners[f, 0, 0], corners[f, 0, 1]
        bx, by = corners[f, 1, 0], corners[f, 1, 1]
        cx, cy = corners[f, 2, 0], corners[f, 2, 1]
        area = _edge(ax, ay, bx, by, cx, cy)
        if area == 0.0:
            continue
        for y in range(max(0, int(min(ay, by, cy)) - 1), min(height, int(max(ay, by, cy)) + 2)):
            for x in range(max(0, int(min(ax, bx, cx)) - 1), min(width, int(max(ax, bx, cx)) + 2)):
                wb = _edge(ax, ay, x + 0.5, y + 0.5, cx, cy) / area
                wc = _edge(ax, ay, bx, by, x + 0.5, y + 0.5) / area
                if (
                    min(wb, wc, 1 - wb - wc) < -0.02
                ):  # extends slightly over the edge to avoid seams
                    continue
                drawn[y, x] = True
                for k in range(attributes.shape[1]):
                    picture[y, x, k] = (
                        (1 - wb - wc) * attributes[faces[f, 0], k]
                        + wb * attributes[faces[f, 1], k]
                        + wc * attributes[faces[f, 2], k]
                    )
