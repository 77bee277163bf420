"""Triangles that know what they are made of."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float, Int


class Material(IntEnum):
    """What a triangle is made of; those from ``LASH`` on are seen from both sides."""

    FACE = 0  # skin of the face: the tile of the texture with brows, lips and lids
    HEAD = 1  # skin of scalp, ears and neck: the other tile
    MOUTH = 2  # mouth cavity and the back of the eye sockets
    GUM = 3
    TEETH = 4
    EYE = 5
    LASH = 6  # lashes and hair are cut into strands by noise
    HAIR = 7
    CLOTH = 8
    FRAME = 9  # of glasses
    HAND = 10


@dataclass(frozen=True)
class Mesh:
    """A set of triangles, counter-clockwise as seen from outside."""

    vertices: Float[np.ndarray, "v 3"]  # cm; x to the viewer's right, y up, z to the viewer
    faces: Int[np.ndarray, "f 3"]
    uv: Float[np.ndarray, "f 3 2"]  # texture coordinates of each corner
    material: Int[np.ndarray, " f"]
    cover: Float[np.ndarray, " v"]  # opacity of lashes and hair, 1 and more: no gaps

    @staticmethod
    def of(
        vertices: np.ndarray,
        faces: np.ndarray,
        uv: np.ndarray,
        material: Material,
        cover: np.ndarray | float = 1.0,
    ) -> "Mesh":
        """One material throughout; ``uv`` by vertex, (v, 2)."""
        faces = np.ascontiguousarray(faces, np.int32)
        return Mesh(
            vertices=np.ascontiguousarray(vertices, np.float32),
            faces=faces,
            uv=np.asarray(uv, np.float32)[faces],
            material=np.full(len(faces), material, np.int32),
            cover=np.broadcast_to(np.asarray(cover, np.float32), (len(vertices),)).copy(),
        )


def join(meshes: list[Mesh]) -> Mesh:
    """All of them in one, vertices in the order given."""
    offsets = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    faces = [mesh.faces + offset for mesh, offset in zip(meshes, offsets, strict=True)]
    return Mesh(
        vertices=np.concatenate([mesh.vertices for mesh in meshes]),
        faces=np.concatenate(faces).astype(np.int32),
        uv=np.concatenate([mesh.uv for mesh in meshes]),
        material=np.concatenate([mesh.material for mesh in meshes]),
        cover=np.concatenate([mesh.cover for mesh in meshes]),
    )


def grid_faces(rows: int, columns: int) -> Int[np.ndarray, "f 3"]:
    """Two triangles for each cell of a (rows, columns) sheet of vertices stored row by row."""
    corner = np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)
    first = corner.ravel()
    lower = np.stack([first, first + 1, first + columns], 1)
    upper = np.stack([first + 1, first + columns + 1, first + columns], 1)
    return np.concatenate([lower, upper]).astype(np.int32)
