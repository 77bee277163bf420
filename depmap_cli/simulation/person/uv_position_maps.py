"""Where texels lie on the head: skin is painted by position in cm on the neutral face."""

import numpy as np
from jaxtyping import Float

from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.simulation.graphics.rasteriser import rasterise_texture
from depmap_cli.simulation.graphics.triangle_mesh import Material

FACE_TEXELS, HEAD_TEXELS = 512, 256
"""Sides of the two tiles; the face's has about 28 texels a cm."""
_GRID = 20.0  # texels a cm of the frontal map
_LEFT, _BOTTOM = -9.0, -9.0  # cm: corner of the frontal map
_WIDTH, _HEIGHT = 18.0, 21.0  # cm


class UvPositionMaps:
    """Positions of the texels of both tiles of skin, and texels of positions seen from the front.

    Attributes:
        face: (FACE_TEXELS, FACE_TEXELS, 3) cm on the neutral head.
        head: (HEAD_TEXELS, HEAD_TEXELS, 3) likewise.
        vertex_uv: (v, 2) of the vertices of the face's tile.
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
        """Column and row in the face's tile of points (x, y) in cm seen from the front."""
        rows, columns = self._frontal.shape[:2]
        column = np.clip((points[:, 0] - _LEFT) * _GRID, 0, columns - 1).astype(int)
        row = np.clip((points[:, 1] - _BOTTOM) * _GRID, 0, rows - 1).astype(int)
        texels: np.ndarray = self._frontal[row, column]
        return texels

    def vertex_texels(self, vertices: np.ndarray) -> Float[np.ndarray, "n 2"]:
        """Column and row in the face's tile of these vertices."""
        u, v = self.vertex_uv[vertices].T
        return np.stack([u * FACE_TEXELS, (1 - v) * FACE_TEXELS], 1)

    def _frontal_map(
        self, vertices: np.ndarray, faces: np.ndarray
    ) -> Float[np.ndarray, "rows columns 2"]:
        """Draw the face's texels into a picture of the face seen from the front."""
        shape = (int(_HEIGHT * _GRID), int(_WIDTH * _GRID))
        seen = (vertices[:, :2] - [_LEFT, _BOTTOM]) * _GRID
        nearest_last = np.argsort(vertices[faces, 2].mean(1))
        ordered = faces[nearest_last]
        texels = self.vertex_texels(np.arange(len(vertices))).astype(np.float32)
        picture, drawn = rasterise_texture(seen[ordered].astype(np.float32), ordered, texels, shape)
        return _fill_gaps(picture, drawn)


def _positions(
    vertices: np.ndarray, faces: np.ndarray, uv: np.ndarray, side: int
) -> Float[np.ndarray, "side side 3"]:
    corners = np.stack([uv[..., 0] * side, (1 - uv[..., 1]) * side], -1).astype(np.float32)
    attributes = vertices.astype(np.float32)
    picture, drawn = rasterise_texture(corners, faces, attributes, (side, side))
    return _fill_gaps(picture, drawn)


def _fill_gaps(picture: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Give every texel outside the drawing the value of the nearest one inside."""
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
