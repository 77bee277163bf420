"""Maps between the skin texture and positions on the head.

Skin is painted by position in cm on the face model's mean head, so that it fits every identity.
"""

import numpy as np
from jaxtyping import Float

from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.simulation.graphics.rasteriser import rasterise_texture
from depmap_cli.simulation.graphics.triangle_mesh import Material

FACE_TEXELS, HEAD_TEXELS = 512, 256
"""Sides of the two texture tiles; that of the face has about 28 texels per cm."""
_GRID = 20.0  # texels per cm of the frontal map
_LEFT, _BOTTOM = -9.0, -9.0  # corner of the frontal map, cm
_WIDTH, _HEIGHT = 18.0, 21.0  # size of the frontal map, cm


class UvPositionMaps:
    """Position of each texel of the two skin tiles, and texels by frontal position.

    Attributes:
        face: (FACE_TEXELS, FACE_TEXELS, 3) positions of the face tile's texels, cm.
        head: (HEAD_TEXELS, HEAD_TEXELS, 3) positions of the head tile's texels, cm.
        vertex_uv: (v, 2) texture coordinates of vertices on the face tile.
    """

    def __init__(
        self,
        *,
        vertices: Float[np.ndarray, "v 3"],
        faces: np.ndarray,
        uv: Float[np.ndarray, "f 3 2"],
        material: np.ndarray,
    ) -> None:
        face = (material == Material.FACE) & (uv[..., 0].max(1) <= 1.001)
        head = material == Material.HEAD
        self.face = _positions(vertices, faces[face], uv[face], FACE_TEXELS)
        self.head = _positions(vertices, faces[head], uv[head] - [1, 0], HEAD_TEXELS)
        self.vertex_uv = np.zeros((len(vertices), 2), np.float32)
        self.vertex_uv[faces[face].ravel()] = uv[face].reshape(-1, 2)
        self._frontal = self._frontal_map(vertices, faces[face])

    def texels(self, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        """Return column and row in the face tile of frontal points (x, y) in cm."""
        rows, columns = self._frontal.shape[:2]
        column = np.clip((points[:, 0] - _LEFT) * _GRID, 0, columns - 1).astype(int)
        row = np.clip((points[:, 1] - _BOTTOM) * _GRID, 0, rows - 1).astype(int)
        texels: np.ndarray = self._frontal[row, column]
        return texels

    def vertex_texels(self, vertices: np.ndarray) -> Float[np.ndarray, "n 2"]:
        """Return column and row in the face tile of the vertices with these numbers."""
        u, v = self.vertex_uv[vertices].T
        return np.stack([u * FACE_TEXELS, (1 - v) * FACE_TEXELS], 1)

    def _frontal_map(
        self, vertices: np.ndarray, faces: np.ndarray
    ) -> Float[np.ndarray, "rows columns 2"]:
        """Return the texel (column, row) that is visible at each point of a frontal grid."""
        shape = (int(_HEIGHT * _GRID), int(_WIDTH * _GRID))
        frontal = (vertices[:, :2] - [_LEFT, _BOTTOM]) * _GRID
        nearest_last = np.argsort(vertices[faces, 2].mean(1))
        ordered = faces[nearest_last]
        texels = self.vertex_texels(np.arange(len(vertices))).astype(np.float32)
        picture, drawn = rasterise_texture(
            frontal[ordered].astype(np.float32), ordered, texels, shape
        )
        return _fill_gaps(picture, drawn)


def _positions(
    vertices: np.ndarray, faces: np.ndarray, uv: np.ndarray, side: int
) -> Float[np.ndarray, "side side 3"]:
    corners = np.stack([uv[..., 0] * side, (1 - uv[..., 1]) * side], -1).astype(np.float32)
    attributes = vertices.astype(np.float32)
    picture, drawn = rasterise_texture(corners, faces, attributes, (side, side))
    return _fill_gaps(picture, drawn)


def _fill_gaps(picture: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Give each texel that was not drawn the value of the nearest drawn one."""
    cv2 = load_opencv()
    if not drawn.any():
        return picture
    _, label = cv2.distanceTransformWithLabels(
        (~drawn).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.zeros(label.max() + 1, np.int64)
    nearest[label[drawn]] = np.flatnonzero(drawn)
    filled: np.ndarray = picture.reshape(-1, picture.shape[-1])[nearest[label]]
    return filled
