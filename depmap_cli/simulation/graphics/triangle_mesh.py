"""Triangle meshes with a material for each triangle."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float, Int


class Material(IntEnum):
    """Material of a triangle; materials from ``LASH`` on are visible from both sides."""

    FACE = 0  # skin of the face: the texture tile with brows, lips and lids
    HEAD = 1  # skin of scalp, ears and neck: the other texture tile
    MOUTH = 2  # mouth cavity and the back of the eye sockets
    GUM = 3
    TEETH = 4
    EYE = 5
    LASH = 6  # noise cuts lashes and hair into strands
    HAIR = 7
    CLOTH = 8
    FRAME = 9  # of glasses
    HAND = 10
    LENS = 11  # of glasses: drawn last, as a reflection


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """A set of triangles, counter-clockwise as seen from outside."""

    vertices: Float[np.ndarray, "v 3"]  # cm; x to the viewer's right, y up, z to the viewer
    faces: Int[np.ndarray, "f 3"]  # vertex numbers of each triangle
    uv: Float[np.ndarray, "f 3 2"]  # texture coordinates of each corner
    material: Int[np.ndarray, " f"]  # Material
    opacity: Float[np.ndarray, " v"]  # of lashes and hair; from 1 there are no gaps

    @staticmethod
    def of_material(
        vertices: np.ndarray,
        faces: np.ndarray,
        uv: np.ndarray,
        material: Material,
        opacity: np.ndarray | float = 1.0,
    ) -> "Mesh":
        """Make a mesh of one material with texture coordinates ``uv`` (v, 2) by vertex."""
        faces = np.ascontiguousarray(faces, np.int32)
        return Mesh(
            vertices=np.ascontiguousarray(vertices, np.float32),
            faces=faces,
            uv=np.asarray(uv, np.float32)[faces],
            material=np.full(len(faces), material, np.int32),
            opacity=np.broadcast_to(np.asarray(opacity, np.float32), (len(vertices),)).copy(),
        )

    def select(self, selected: Bool[np.ndarray, " f"]) -> "Mesh":
        """Return the selected triangles on the same vertices."""
        return Mesh(
            vertices=self.vertices,
            faces=self.faces[selected],
            uv=self.uv[selected],
            material=self.material[selected],
            opacity=self.opacity,
        )


def join_meshes(meshes: list[Mesh]) -> Mesh:
    """Join meshes into one, with the vertices in the given order."""
    offsets = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    faces = [mesh.faces + offset for mesh, offset in zip(meshes, offsets, strict=True)]
    return Mesh(
        vertices=np.concatenate([mesh.vertices for mesh in meshes]),
        faces=np.concatenate(faces).astype(np.int32),
        uv=np.concatenate([mesh.uv for mesh in meshes]),
        material=np.concatenate([mesh.material for mesh in meshes]),
        opacity=np.concatenate([mesh.opacity for mesh in meshes]),
    )


def grid_faces(rows: int, columns: int) -> Int[np.ndarray, "f 3"]:
    """Return two triangles for each cell of a (rows, columns) grid of vertices, stored by row."""
    corner = np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)
    first = corner.ravel()
    lower = np.stack([first, first + 1, first + columns], 1)
    upper = np.stack([first + 1, first + columns + 1, first + columns], 1)
    return np.concatenate([lower, upper]).astype(np.int32)


def tube_mesh(
    path: Float[np.ndarray, "n 3"],
    thickness: Float[np.ndarray, " n"] | float,
    material: Material,
    n_sides: int = 6,
) -> Mesh:
    """Make a tube along a path (cm); ``thickness`` is its diameter in cm."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    up = np.where(np.abs(along[:, 1:2]) < 0.9, [[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]])
    first = np.cross(along, up)
    first /= np.linalg.norm(first, axis=1, keepdims=True) + 1e-9
    weight_b = np.cross(first, along)
    turn = np.linspace(2 * np.pi, 0, n_sides + 1)[None, :, None]  # reversed, to face outwards
    around = np.cos(turn) * first[:, None] + np.sin(turn) * weight_b[:, None]
    radius = np.broadcast_to(np.asarray(thickness) / 2, (len(path),))
    vertices = (path[:, None] + radius[:, None, None] * around).reshape(-1, 3)
    uv = np.zeros((len(vertices), 2))
    return Mesh.of_material(vertices, grid_faces(len(path), n_sides + 1), uv, material)


def front_depth(mesh: Mesh, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return z (cm) of the front of the head's skin at each (x, y), from the nearest vertex."""
    skin = np.unique(mesh.faces[mesh.material <= Material.HEAD])
    points = mesh.vertices[skin]
    points = points[points[:, 2] > 2]  # without the back of the head
    if not len(points):
        return np.full(x.shape, float(mesh.vertices[:, 2].max()))
    queries = np.stack([x.ravel(), y.ravel()], 1)
    squared_distance = ((queries[:, None] - points[None, :, :2]) ** 2).sum(-1)
    depth: np.ndarray = points[squared_distance.argmin(1), 2].reshape(x.shape)
    return depth
