import numpy as np
import pytest

from depmap_cli.simulation.graphics.rasteriser import (
    NO_TRIANGLE,
    FrameBuffers,
    rasterise,
    rasterise_texture,
    vertex_normals,
)
from depmap_cli.simulation.graphics.triangle_mesh import (
    Material,
    Mesh,
    grid_faces,
    join_meshes,
    tube_mesh,
)

STRAND_NOISE = np.zeros((256, 256), np.float32)


def _mesh(faces: list[list[int]], n: int, material: Material = Material.FACE) -> Mesh:
    return Mesh.of_material(np.zeros((n, 3)), np.array(faces), np.zeros((n, 2)), material)


def _draw(
    screen: list[list[float]], mesh: Mesh, strand_noise: np.ndarray = STRAND_NOISE
) -> FrameBuffers:
    buffers = FrameBuffers.empty(4, 4)
    rasterise(np.array(screen, np.float32), mesh, strand_noise, buffers)
    return buffers


SQUARE = [[0, 0, 5], [0, 4, 5], [4, 0, 5], [4, 4, 5]]  # column, row, depth
FRONT = [[0, 1, 2], [2, 1, 3]]


def test_a_square_covers_every_pixel_once() -> None:
    buffers = _draw(SQUARE, _mesh(FRONT, 4))
    assert (buffers.triangle != NO_TRIANGLE).all()
    assert (buffers.depth == 5).all()
    x, y = np.meshgrid(np.arange(4) + 0.5, np.arange(4) + 0.5)
    strictly = x + y < 4
    assert (buffers.triangle[strictly] == 0).all()
    assert (buffers.triangle[x + y > 4] == 1).all()
    np.testing.assert_allclose(buffers.weight_b[strictly], (y / 4)[strictly], atol=1e-6)
    np.testing.assert_allclose(buffers.weight_c[strictly], (x / 4)[strictly], atol=1e-6)


def test_a_pixel_counts_where_its_middle_lies_inside() -> None:
    buffers = _draw([[0.6, 0, 1], [0.6, 2, 1], [3, 0, 1]], _mesh([[0, 1, 2]], 3))
    assert buffers.triangle[:, 0].tolist() == [NO_TRIANGLE] * 4
    assert buffers.triangle[0, 1] == 0


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_the_nearer_triangle_wins_in_any_order(order: list[int]) -> None:
    near_and_far = [[0, 0, 3], [0, 9, 3], [9, 0, 3], [0, 0, 7], [0, 9, 7], [9, 0, 7]]
    faces = [[0, 1, 2], [3, 4, 5]]
    buffers = _draw(near_and_far, _mesh([faces[i] for i in order], 6))
    assert buffers.depth[0, 0] == 3
    assert order[buffers.triangle[0, 0]] == 0


def test_backs_are_seen_of_hair_but_not_of_skin() -> None:
    backs = [face[::-1] for face in FRONT]
    assert (_draw(SQUARE, _mesh(backs, 4)).triangle == NO_TRIANGLE).all()
    assert (_draw(SQUARE, _mesh(backs, 4, Material.HAIR)).triangle != NO_TRIANGLE).all()


def test_hair_has_gaps_where_strands_exceed_its_cover() -> None:
    mesh = _mesh(FRONT, 4, Material.HAIR)
    mesh.opacity[:] = 0.4
    assert (_draw(SQUARE, mesh, STRAND_NOISE + 0.3).triangle != NO_TRIANGLE).all()
    assert (_draw(SQUARE, mesh, STRAND_NOISE + 0.5).triangle == NO_TRIANGLE).all()


def test_eyes_give_way_to_lids() -> None:
    lid, eye = _mesh(FRONT, 4), _mesh(FRONT, 4, Material.EYE)
    screen = [*SQUARE, *([x, y, z - 0.05] for x, y, z in SQUARE)]  # the eye pokes out a little
    assert (_draw(screen, join_meshes([lid, eye])).triangle < 2).all()


def test_triangles_outside_or_without_area_draw_nothing() -> None:
    outside = [[9, 9, 1], [9, 12, 1], [12, 9, 1]]
    line = [[0, 0, 1], [2, 2, 1], [4, 4, 1]]
    assert (
        _draw([*outside, *line], _mesh([[0, 1, 2], [3, 4, 5]], 6)).triangle == NO_TRIANGLE
    ).all()


def test_normals_of_a_flat_sheet_and_of_a_cube() -> None:
    x, y = np.meshgrid(np.arange(3.0), -np.arange(3.0), indexing="ij")
    flat = np.stack([x, y, 0 * x], -1).reshape(-1, 3).astype(np.float32)
    np.testing.assert_allclose(vertex_normals(flat, grid_faces(3, 3)), [[0, 0, 1]] * 9, atol=1e-6)
    corner = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2]], np.int32)
    np.testing.assert_allclose(vertex_normals(corner, faces)[0], -np.ones(3) / 3**0.5, atol=1e-6)


def test_a_tube_faces_outwards() -> None:
    path = np.stack([np.zeros(5), np.linspace(0, 4, 5), np.zeros(5)], 1)
    mesh = tube_mesh(path, 1.0, Material.FRAME)
    normals = vertex_normals(mesh.vertices, mesh.faces)
    outwards = mesh.vertices * [1, 0, 1]
    assert ((normals * outwards).sum(1) > 0).all()
    np.testing.assert_allclose(np.linalg.norm(outwards, axis=1), 0.5, atol=1e-6)


def test_a_texture_interpolates_attributes() -> None:
    corners = np.array([[[0, 0], [0, 4], [4, 0]]], np.float32)
    values = np.array([[0.0], [4.0], [0.0]], np.float32)
    picture, drawn = rasterise_texture(corners, np.array([[0, 1, 2]]), values, (4, 4))
    assert drawn[0, 0]
    assert not drawn[3, 3]
    np.testing.assert_allclose(picture[:3, 0, 0], [0.5, 1.5, 2.5], atol=1e-5)
