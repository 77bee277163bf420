"""The face model: ICT-FaceKit light, by the USC Institute for Creative Technologies (MIT licence).

The model is not part of this package. To download it (1 GB; only ``FaceXModel`` is read)::

    git clone --depth 1 https://github.com/ICT-VGL/ICT-FaceKit
    depmap simulate OUT --face-model ICT-FaceKit/FaceXModel

Reading the folder takes a minute; reading a packed copy (``FaceModel.pack``) takes a second.

R. Li et al., "Learning Formation of Physically-Based Face Attributes", CVPR 2020.
"""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int, Int32, Integer

from depmap_cli.errors import DataInvalid
from depmap_cli.io.clean_text import clean
from depmap_cli.simulation import FETCH_HINT
from depmap_cli.simulation.graphics.triangle_mesh import Material, Mesh
from depmap_cli.simulation.person.uv_position_maps import UvPositionMaps

PARTS = {
    "face": 9409,
    "headneck": 1839,
    "mouthsocket": 2046,
    "eyesocket_L": 384,
    "eyesocket_R": 384,
    "gums": 2977,
    "teeth": 4412,
    "sclera_L": 770,
    "iris_L": 800,
    "sclera_R": 770,
    "iris_R": 800,
    "lacrimal_L": 204,
    "lacrimal_R": 204,
    "eyeblend_L": 24,
    "eyeblend_R": 24,
    "eyeocc_L": 152,
    "eyeocc_R": 152,
    "lash_L": 684,
    "lash_R": 684,
}
"""Number of vertices of each part of ICT-FaceKit's meshes, in order; the rest is unused."""
_DROPPED = ("iris", "lacrimal", "eyeblend", "eyeocc")  # painted on the eyeball, or transparent
_MATERIALS = {
    "mouthsocket": Material.MOUTH,
    "eyesocket_L": Material.MOUTH,
    "eyesocket_R": Material.MOUTH,
    "gums": Material.GUM,
    "teeth": Material.TEETH,
    "sclera_L": Material.EYE,
    "sclera_R": Material.EYE,
    "lash_L": Material.LASH,
    "lash_R": Material.LASH,
}
N_LANDMARKS = 68


@dataclass(frozen=True, kw_only=True)
class _Packed:
    """The arrays of a packed model; the fields are the names in the file."""

    verts: Float32[np.ndarray, "v 3"]
    faces: Integer[np.ndarray, "f 3"]
    faces_uv: Integer[np.ndarray, "f 3"]
    uv: Float32[np.ndarray, "t 2"]
    face_part: Integer[np.ndarray, " f"]
    face_mat: Integer[np.ndarray, " f"]  # materials, numbered by first appearance
    vert_part: Integer[np.ndarray, " v"]
    part_names: np.ndarray  # (parts,) str
    id_deltas: Float[np.ndarray, "i v 3"]
    exp_deltas: Float[np.ndarray, "e v 3"]
    exp_names: np.ndarray  # (e,) str
    landmarks68: Integer[np.ndarray, " 68"]


class FaceModel:
    """A mean neutral head, with identity modes and expression blendshapes.

    Coordinates are in cm: x to the viewer's right (the person's left), y up, z to the viewer.

    Attributes:
        vertices: (v, 3) the mean head.
        faces: (f, 3) triangles as vertex numbers.
        identity: (i, v, 3) displacement by each identity mode at one standard deviation.
        expressions: (e, v, 3) displacement by each blendshape at weight 1.
        landmarks: vertex numbers of Multi-PIE's 68 landmarks.
        material: (f,) a ``Material`` for each triangle.
        uv: (f, 3, 2) texture coordinates; for eyeballs, the angle from the optical axis.
    """

    def __init__(self, packed: _Packed) -> None:
        self._packed = packed
        names = [str(name) for name in packed.part_names]
        wanted = ~np.isin(packed.face_part, [i for i, n in enumerate(names) if _dropped(n)])
        self.part_names = names
        self.vertex_part: Int[np.ndarray, " v"] = packed.vert_part.astype(np.int32)
        self.vertices: Float32[np.ndarray, "v 3"] = packed.verts
        self.faces: Int32[np.ndarray, "f 3"] = packed.faces[wanted].astype(np.int32)
        self.identity: Float32[np.ndarray, "i v 3"] = packed.id_deltas.astype(np.float32)
        self.expressions: Float32[np.ndarray, "e v 3"] = packed.exp_deltas.astype(np.float32)
        self.expression_names = tuple(str(name) for name in packed.exp_names)
        self.landmarks: Int[np.ndarray, " 68"] = packed.landmarks68.astype(np.int64)
        part = np.array(names)[packed.face_part[wanted]]
        self.material: Int32[np.ndarray, " f"] = _materials(part, packed.face_mat[wanted])
        self.uv: Float32[np.ndarray, "f 3 2"] = packed.uv[packed.faces_uv[wanted].astype(np.int64)]
        for side in ("L", "R"):
            self._map_eye(part == f"sclera_{side}")
        self._map_lashes()

    @classmethod
    def load(cls, path: Path) -> "FaceModel":
        """Read a packed ``.npz``, or ICT-FaceKit's ``FaceXModel`` folder.

        Raises:
            DataInvalid: the path does not exist or holds something else.
        """
        if path.is_dir():
            return cls(_read_folder(path))
        if not path.is_file():
            raise DataInvalid(f"{clean(str(path))}: the file does not exist", FETCH_HINT)
        return cls(_read_packed(path))

    def pack(self, path: Path) -> None:
        """Write the model as one ``.npz`` that loads faster."""
        arrays = {field.name: getattr(self._packed, field.name) for field in fields(_Packed)}
        np.savez_compressed(path, **arrays)

    def in_part(self, *names: str) -> np.ndarray:
        """Return which vertices (v,) belong to the parts; names are without side (``lash``)."""
        chosen = [i for i, part in enumerate(self.part_names) if part.split("_")[0] in names]
        inside: np.ndarray = np.isin(self.vertex_part, chosen)
        return inside

    def expression(self, name: str) -> Float[np.ndarray, "v 3"]:
        """Return the displacements (cm) of one blendshape at weight 1."""
        displacement: np.ndarray = self.expressions[self.expression_names.index(name)]
        return displacement

    def _side(self, name: str) -> np.ndarray:
        """Return which vertices (v,) belong to one part; none if the model lacks it."""
        number = self.part_names.index(name) if name in self.part_names else -1
        return np.asarray(self.vertex_part == number)

    def mesh(self, vertices: Float[np.ndarray, "v 3"]) -> Mesh:
        """Return the mesh of a person with these vertices."""
        return Mesh(
            vertices=np.ascontiguousarray(vertices, np.float32),
            faces=self.faces,
            uv=self.uv,
            material=self.material,
            opacity=np.ones(len(vertices), np.float32),
        )

    @cached_property
    def uv_maps(self) -> UvPositionMaps:
        """Positions of the skin texture's texels on the mean head."""
        return UvPositionMaps(
            vertices=self.vertices, faces=self.faces, uv=self.uv, material=self.material
        )

    @cached_property
    def lash_length(self) -> Float32[np.ndarray, " v"]:
        """Position of each vertex along a lash: 0 at the lid, 1 at the longest tip."""
        length = np.zeros(len(self.vertices), np.float32)
        for lashes, eye in (("lash_L", "sclera_L"), ("lash_R", "sclera_R")):
            lash, ball = self._side(lashes), self._side(eye)
            if not lash.any() or not ball.any():
                continue
            centre = self.vertices[ball].mean(0)
            distance = np.linalg.norm(self.vertices[lash] - centre, axis=1)
            root = np.percentile(distance, 10)
            length[lash] = (distance - root) / max(float(distance.max() - root), 1e-6)
        return np.clip(length, 0, 1)

    @cached_property
    def lower_jaw(self) -> np.ndarray:
        """Which vertices (v,) move down with the chin when the jaw opens."""
        drop = self.expression("jawOpen")[:, 1]
        lower: np.ndarray = drop < 0.3 * drop[self.landmarks[8]]
        return lower

    def _map_lashes(self) -> None:
        """Mark the upper lashes, and map the strand texture so that it runs outwards."""
        lash = self.material == Material.LASH
        corners = self.faces[lash]
        self.upper_lash = np.zeros(len(self.vertices), np.bool_)
        self.upper_lash[corners] = self.uv[lash, :, 1] > 0.5  # the upper half of their texture
        across, along = self.vertices[corners, 0], self.lash_length[corners]
        self.uv[lash] = np.stack([0.2 * across, 0.02 * along], -1)

    def _map_eye(self, chosen: np.ndarray) -> None:
        """Set ``uv`` of an eyeball's corners to the angle from the optical axis in radians."""
        if not chosen.any():
            return
        corners = self.vertices[self.faces[chosen]]
        ray = corners - _eyeball_centre(corners.reshape(-1, 3))
        sideways = np.linalg.norm(ray[..., :2], axis=-1, keepdims=True)
        angle = np.arctan2(sideways, ray[..., 2:])
        self.uv[chosen] = ray[..., :2] / (sideways + 1e-9) * angle

    def eyeballs(
        self, vertices: Float[np.ndarray, "v 3"]
    ) -> list[tuple[Int[np.ndarray, " b"], Float[np.ndarray, " 3"]]]:
        """Return the vertex numbers and the centre (cm) of each eyeball of a person."""
        balls = [np.flatnonzero(self._side(f"sclera_{side}")) for side in ("L", "R")]
        return [(ball, _eyeball_centre(vertices[ball])) for ball in balls if len(ball)]


def _eyeball_centre(points: Float[np.ndarray, "b 3"]) -> Float[np.ndarray, " 3"]:
    """Return the centre of the sphere; its radius is not taken along z: the cornea bulges."""
    low, high = points.min(0), points.max(0)
    radius = (high[1] - low[1]) / 2
    return np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2] + radius])


def _dropped(part: str) -> bool:
    return part.startswith(_DROPPED)


def _materials(part: np.ndarray, number: np.ndarray) -> Int32[np.ndarray, " f"]:
    """Return the material of each triangle; the file's first material is the face tile."""
    material = np.where(number == 0, Material.FACE, Material.HEAD).astype(np.int32)
    for name, value in _MATERIALS.items():
        material[part == name] = value
    return material


def _read_packed(path: Path) -> _Packed:
    invalid = DataInvalid(f"{clean(str(path))} is not a packed face model", FETCH_HINT)
    names = [field.name for field in fields(_Packed)]
    try:
        with np.load(path, allow_pickle=False) as file:
            if not hasattr(file, "files") or set(names) - set(file.files):
                raise invalid
            arrays = {name: file[name] for name in names}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise invalid from error
    if not _is_consistent(arrays):
        raise invalid
    return _Packed(**arrays)


def _is_consistent(arrays: dict[str, np.ndarray]) -> bool:
    """Return whether the arrays' shapes agree and all vertex numbers exist."""
    vertices, faces = arrays["verts"], arrays["faces"]
    if vertices.ndim != 2 or vertices.shape[1:] != (3,) or faces.shape[1:] != (3,):
        return False
    shapes = all(arrays[k].shape[1:] == vertices.shape for k in ("id_deltas", "exp_deltas"))
    corners = arrays["faces_uv"].shape == faces.shape
    inside = faces.max(initial=0) < len(vertices) and arrays["landmarks68"].max() < len(vertices)
    return bool(shapes and corners and inside and arrays["landmarks68"].shape == (N_LANDMARKS,))


def _read_folder(folder: Path) -> _Packed:
    """Read ICT-FaceKit's OBJ files; blendshapes and identity modes become displacements."""
    try:
        neutral = _obj_vertices(folder / "generic_neutral_mesh.obj")
        uv, faces, faces_uv, material = _obj_faces(folder / "generic_neutral_mesh.obj")
        landmarks = _landmark_vertices(folder / "vertex_indices.json")
        modes = sorted(folder.glob("identity*.obj"))
        shapes = [p for p in sorted(folder.glob("*.obj")) if not _is_base(p.stem)]
        if not modes or not shapes:
            raise ValueError("no identity or expression shapes")
        part = np.repeat(np.arange(len(PARTS)), list(PARTS.values()))
        part = np.pad(part, (0, len(neutral) - len(part)), constant_values=len(PARTS))
        is_kept, renumbered = _kept_vertices(part)
        is_kept_face = is_kept[faces].all(1)
        texels, corner = np.unique(faces_uv[is_kept_face], return_inverse=True)

        def displacements(paths: list[Path]) -> np.ndarray:
            moved = [(_obj_vertices(path) - neutral)[is_kept] for path in paths]
            return np.stack(moved).astype(np.float16)

        return _Packed(
            verts=neutral[is_kept].astype(np.float32),
            faces=renumbered[faces[is_kept_face]].astype(np.uint16),
            faces_uv=corner.reshape(-1, 3).astype(np.uint16),
            uv=uv[texels].astype(np.float32),
            face_part=part[faces[is_kept_face]].max(1).astype(np.uint8),
            face_mat=material[is_kept_face].astype(np.uint8),
            vert_part=part[is_kept].astype(np.uint8),
            part_names=np.array(list(PARTS)),
            id_deltas=displacements(modes),
            exp_deltas=displacements(shapes),
            exp_names=np.array([p.stem for p in shapes]),
            landmarks68=renumbered[landmarks].astype(np.int32),
        )
    except (OSError, ValueError, KeyError, IndexError) as error:
        message = f"{clean(str(folder))} is not ICT-FaceKit's FaceXModel folder"
        raise DataInvalid(message, FETCH_HINT) from error


def _is_base(name: str) -> bool:
    return name.startswith(("identity", "generic"))


def _kept_vertices(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which vertices belong to opaque parts (v,), and their new numbers (v,)."""
    transparent = [i for i, name in enumerate(PARTS) if name.startswith(_DROPPED[1:])]
    is_kept = ~np.isin(part, [*transparent, len(PARTS)])
    return is_kept, np.cumsum(is_kept) - 1


def _lines(path: Path, keyword: str) -> Iterator[list[str]]:
    """Yield the words after ``keyword`` of each line of an OBJ file that begins with it."""
    with path.open() as file:
        for line in file:
            if line.startswith(keyword):
                yield line.split()[1:]


def _obj_vertices(path: Path) -> Float[np.ndarray, "v 3"]:
    return np.array([[float(x) for x in words[:3]] for words in _lines(path, "v ")])


def _obj_faces(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Read texture coordinates (t, 2), triangles (f, 3), their texels (f, 3), materials (f,)."""
    uv = np.array([[float(x) for x in words[:2]] for words in _lines(path, "vt ")])
    triangles: list[list[list[int]]] = []
    materials: list[int] = []
    material_numbers: dict[str, int] = {}
    current = 0
    with path.open() as file:
        for line in file:
            if line.startswith("usemtl"):
                current = material_numbers.setdefault(line.split()[1], len(material_numbers))
            elif line.startswith("f "):
                corners = [[int(x) - 1 for x in word.split("/")[:2]] for word in line.split()[1:]]
                fan = [[corners[0], *corners[k : k + 2]] for k in range(1, len(corners) - 1)]
                triangles += fan
                materials += [current] * len(fan)
    array = np.array(triangles)
    return uv, array[..., 0], array[..., 1], np.array(materials)


def _landmark_vertices(path: Path) -> Int[np.ndarray, " 68"]:
    """Read Multi-PIE's 68 landmarks as vertex numbers."""
    vertices: np.ndarray = np.array(json.loads(path.read_text())["idx_to_landmark_verts"])
    return vertices
