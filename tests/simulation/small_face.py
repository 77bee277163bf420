"""A small face model in the format of the real one: a bowl with the parts of a head.

The real model is not part of the repository.
"""

import numpy as np

from depmap_cli.simulation.graphics.triangle_mesh import grid_faces
from depmap_cli.simulation.person.expression_blendshapes import AU_BLENDSHAPES
from depmap_cli.simulation.person.face_model import PARTS

UNSIDED = {"mouthRollLower", "mouthRollUpper", "mouthPucker", "mouthClose", "jawOpen"}
UNSIDED |= {"mouthShrugLower", "mouthShrugUpper"}
GAZE = ("eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeLookDown")


def expression_names() -> list[str]:
    """Names of all blendshapes that are used; those in ``UNSIDED`` have no sides."""
    shapes = sorted({shape for mix in AU_BLENDSHAPES.values() for shape in mix} | set(GAZE))
    return [n for s in shapes for n in ([s] if s in UNSIDED else [f"{s}_L", f"{s}_R"])]


def landmark_positions() -> np.ndarray:
    """(68, 2) x and y in cm, in Multi-PIE's order."""
    jaw = [(7.0 * np.sin(a), 3.5 - 11 * np.cos(a)) for a in np.linspace(-1.5, 1.5, 17)]
    brow = [(-5.5, 5.5), (-4.5, 6.0), (-3.5, 6.0), (-2.5, 6.0), (-1.5, 5.5)]
    nose = [(0, 3.5), (0, 2.5), (0, 1.5), (0, 0.5)] + [(x, -1) for x in (-1, -0.5, 0, 0.5, 1)]
    eye = [(-4.5, 3.5), (-3.5, 4.0), (-2.5, 4.0), (-1.5, 3.5), (-2.5, 3.0), (-3.5, 3.0)]
    other = [(1.5, 3.5), (2.5, 4.0), (3.5, 4.0), (4.5, 3.5), (3.5, 3.0), (2.5, 3.0)]
    lips = [(-2.5, -3.5), (-1.5, -3), (-0.5, -2.5), (0, -2.5), (0.5, -2.5), (1.5, -3)]
    lips += [(2.5, -3.5), (1.5, -4), (0.5, -4.5), (0, -4.5), (-0.5, -4.5), (-1.5, -4)]
    inner = [(x, -3.5) for x in (-2, -1, 0, 1, 2, 1, 0, -1)]
    mirrored = [(-x, y) for x, y in brow[::-1]]
    return np.array([*jaw, *brow, *mirrored, *nose, *eye, *other, *lips, *inner], float)


def sheet(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and triangles of a grid that faces the viewer if x and y run from left and top."""
    return np.stack([x, y, z], -1).reshape(-1, 3), grid_faces(*x.shape)


def packed_arrays() -> dict[str, np.ndarray]:
    """Return the arrays of a packed face model's file."""
    x, y = np.meshgrid(np.arange(-8, 8.1, 0.5), np.arange(13, -16.1, -0.5), indexing="ij")
    face = sheet(x, y, 10 - 0.09 * x**2 - 0.01 * y**2)
    back = sheet(-x, y, -6 + 0.1 * x**2 + 0.01 * y**2)
    u, v = np.meshgrid(np.linspace(3.0, -3.0, 17), np.linspace(1.5, -1.5, 9), indexing="ij")
    ball = np.sin(u) * -1.4 * np.cos(v), 1.4 * np.sin(v), 1.4 * np.cos(u) * np.cos(v)
    eyes = {s: sheet(ball[0] + c, ball[1] + 3.5, ball[2] + 8.2) for s, c in (("L", 3), ("R", -3))}
    a, b = np.meshgrid(np.linspace(-2, 2, 5), np.linspace(-3, -4, 5), indexing="ij")
    teeth = sheet(a, b, 8.6 - 0.1 * a**2)
    pieces = {
        "face": face,
        "headneck": back,
        "mouthsocket": sheet(a * 1.2, b * 1.2, 7 + 0 * a),
        "teeth": teeth,
        "sclera_L": eyes["L"],
        "sclera_R": eyes["R"],
        "lash_L": sheet(a * 0.6 + 3, 0.3 * b + 5, 10 - 0.3 * b),
        "lash_R": sheet(a * 0.6 - 3, 0.3 * b + 5, 10 - 0.3 * b),
    }
    names = list(PARTS)
    vertices = np.concatenate([v for v, _ in pieces.values()])
    counts = [len(v) for v, _ in pieces.values()]
    starts = np.cumsum([0, *counts[:-1]])
    part = np.repeat([names.index(name) for name in pieces], counts)
    faces = np.concatenate([f + s for (_, f), s in zip(pieces.values(), starts, strict=True)])
    number = np.array([0 if names[part[f[0]]] == "face" else 1 for f in faces])
    uv = np.stack([(vertices[:, 0] + 9) / 18, (vertices[:, 1] + 17) / 31], 1)
    uv[:, 0] += part != names.index("face")
    on_face = vertices[: counts[0], :2]
    landmarks = [int(((on_face - p) ** 2).sum(1).argmin()) for p in landmark_positions()]
    rng = np.random.default_rng(0)
    return {
        "verts": vertices.astype(np.float32),
        "faces": faces.astype(np.uint16),
        "faces_uv": faces.astype(np.uint16),
        "uv": uv.astype(np.float32),
        "face_part": part[faces[:, 0]].astype(np.uint8),
        "face_mat": number.astype(np.uint8),
        "vert_part": part.astype(np.uint8),
        "part_names": np.array(names),
        "id_deltas": (0.05 * rng.standard_normal((3, 1, 3)) + 0 * vertices).astype(np.float16),
        "exp_deltas": np.stack([displacement(n, vertices) for n in expression_names()]),
        "exp_names": np.array(expression_names()),
        "landmarks68": np.array(landmarks, np.int32),
    }


def displacement(name: str, vertices: np.ndarray) -> np.ndarray:
    """Displacement by one blendshape: each moves an area of its own; lids and lips can close."""
    moved = np.zeros(vertices.shape, np.float16)
    x, y = vertices[:, 0], vertices[:, 1]
    side = x > 0 if name.endswith("_L") else x < 0 if name.endswith("_R") else np.abs(x) < 9
    if name.startswith("eyeBlink"):
        moved[side & (np.abs(y - 4) < 0.3), 1] = -1
    elif name in ("jawOpen", "mouthClose"):
        moved[y < -3.4, 1] = -3 if name == "jawOpen" else 3
    else:
        row = expression_names().index(name)
        moved[side & (np.abs(y + 8 - 0.4 * row) < 0.8), 1] = 0.5
    return moved
