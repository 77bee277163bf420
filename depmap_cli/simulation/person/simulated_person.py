"""One simulated person: the appearance and facial mobility that are the same in all videos."""

import math

import numpy as np
from jaxtyping import Float, Float32

from depmap_cli.data.ground_truth import GAZE_DEGREES
from depmap_cli.simulation.graphics.rasteriser import vertex_normals
from depmap_cli.simulation.graphics.rotation import rotation
from depmap_cli.simulation.graphics.shading import Surfaces
from depmap_cli.simulation.graphics.smooth_functions import smooth_step
from depmap_cli.simulation.graphics.triangle_mesh import Material, Mesh, join_meshes
from depmap_cli.simulation.graphics.visibility import sky_visibility
from depmap_cli.simulation.person import clothing
from depmap_cli.simulation.person.expression_blendshapes import (
    MAX_GAZE,
    BlendshapeMixer,
    SparseBlendshapes,
)
from depmap_cli.simulation.person.face_model import FaceModel
from depmap_cli.simulation.person.hair import Hairline, HairStyle, hair_meshes, strand_noise
from depmap_cli.simulation.person.skin_furrows import SkinRelief
from depmap_cli.simulation.person.skin_texture import (
    Brows,
    Complexion,
    FacePainter,
    paint_head,
    skin_colour,
    to_linear,
)

HAIR_COLOURS = {  # sRGB, and relative frequency among people with light and with dark skin
    "black": ((18, 15, 14), 2.0, 6.0),
    "dark brown": ((38, 27, 20), 3.5, 4.0),
    "brown": ((66, 45, 30), 3.5, 1.6),
    "light brown": ((104, 76, 50), 2.6, 0.4),
    "dark blond": ((146, 116, 78), 2.4, 0.15),
    "blond": ((190, 160, 112), 2.2, 0.15),
    "red": ((122, 62, 34), 0.6, 0.1),
}
_GREY = to_linear((168, 166, 164))
IRIS_COLOURS = (  # sRGB, and relative frequency among people with light and with dark skin
    ((58, 36, 22), 2.0, 6.0),
    ((80, 52, 30), 2.0, 3.0),
    ((104, 78, 46), 1.6, 0.6),
    ((94, 100, 66), 1.2, 0.1),
    ((84, 110, 130), 2.0, 0.0),
    ((112, 130, 140), 1.0, 0.0),
)
_CLOSED_LIP_GAP = 0.07  # distance between the inner landmarks of closed lips, cm
_CLOSED_LID_GAP = 0.04  # the same for closed lids


class SimulatedPerson:
    """A face with skin, hair, eyes and clothing, and the strength of its movements.

    Args:
        face: the face model.
        seed: determines the person.

    Attributes:
        tone: skin tone, 0 (lightest) to 1 (darkest).
        female: sex of the face.
        age: years.
        greyness: share of grey hair, 0 to 1.
        glasses: whether the person wears glasses.
        surfaces: textures and colours of all materials.
        relief: height of the skin for any expression.
        mesh: the whole person with a neutral face; the face model's vertices come first.
        lenses: triangles of the lenses of glasses, on the same vertices.
        head_weight: (v,) share of the head's rotation that a vertex follows; 0 for the chest.
        sky_visibility: (v,) share of the sky that the person does not hide from a vertex.
    """

    def __init__(self, face: FaceModel, seed: int) -> None:
        rng = np.random.default_rng([seed, 1])
        self.face = face
        self.tone = float(rng.uniform(0, 1))
        self.female = bool(rng.random() < 0.5)
        self.age = float(18 + 62 * rng.beta(1.1, 1.7))
        self._hair_colour_name, self._hair_colour, self.greyness = _draw_hair_colour(rng, self)
        self._style = _draw_hair_style(rng, self)
        self._hairline = _draw_hairline(rng, self)
        self._beard, self._beard_density = _draw_beard(rng, self)
        self.glasses = bool(rng.random() < 0.22 + 0.004 * (self.age - 18))
        self._complexion = _draw_complexion(rng, self)
        self._neutral_vertices = self._neutral_shape(rng)
        self._paint(rng)
        self._build(rng)
        self._draw_movement(rng)

    @property
    def traits(self) -> dict[str, float | bool | str]:
        """Properties of the appearance that the ground truth records."""
        return {
            "tone": round(self.tone, 3),
            "female": self.female,
            "age": round(self.age, 1),
            "hair": self._style.name,
            "hair_colour": self._hair_colour_name,
            "grey": round(self.greyness, 2),
            "fringe": self._style.fringe < 9.5,
            "beard": self._beard,
            "glasses": self.glasses,
            "make_up": round(self._complexion.make_up, 2),
        }

    @property
    def skin_brightness(self) -> float:
        """Mean linear albedo of the bare skin."""
        return float(self._complexion.base.mean())

    def weights(
        self, au: Float[np.ndarray, " 18"], gaze: Float[np.ndarray, " 2"]
    ) -> Float32[np.ndarray, " e"]:
        """Return the weights of the e blendshapes with which this person makes an expression."""
        weights = self._mixer.weights(au, gaze) * self._gain + self._neutral_weights
        for side, gap in self._eye_gaps.items():
            distance = gap - _CLOSED_LID_GAP + 0.3 * weights[self._index(f"eyeWide_{side}")]
            distance -= 0.19 * weights[self._index(f"eyeSquint_{side}")]
            distance -= 0.45 * weights[self._index(f"eyeLookDown_{side}")]
            distance += 0.17 * weights[self._index(f"eyeLookUp_{side}")]
            blink = self._index(f"eyeBlink_{side}")
            # An intensity of 1 closes any eye, and the upper lid never passes the lower one.
            weights[blink] = min(weights[blink], 1.0) * max(distance, 0.0) / self._lid_travel
        return weights

    def move(self, weights: Float32[np.ndarray, " e"], out: Float32[np.ndarray, "v 3"]) -> None:
        """Write the face model's vertices for these blendshape weights to ``out``."""
        self._shapes.blend(self._neutral_vertices, weights, out)

    def turn_eyes(self, gaze: Float[np.ndarray, " 2"], out: Float32[np.ndarray, "v 3"]) -> None:
        """Turn the eyeballs among the face model's vertices; ``gaze`` as for ``weights``.

        The blendshapes of the gaze move the lids only.
        """
        sideways, up = np.radians(GAZE_DEGREES) * np.clip(gaze, -MAX_GAZE, MAX_GAZE)
        turn = rotation(sideways, -up, 0.0)
        for ball, centre in self._eyeballs:
            out[ball] = (out[ball] - centre) @ turn.T + centre

    def _index(self, name: str) -> int:
        return self.face.expression_names.index(name)

    def _neutral_shape(self, rng: np.random.Generator) -> Float32[np.ndarray, "v 3"]:
        modes = self.face.identity
        weights = np.clip(rng.standard_normal(len(modes)), -2.2, 2.2) * 0.9
        shape = self.face.vertices + np.tensordot(weights.astype(np.float32), modes, 1)
        # The neck is made slimmer so that it fits into a collar.
        neck = smooth_step(-12.0, -14.0, self.face.vertices[:, 1])
        shape[:, 0] *= 1 - 0.16 * neck
        shape[:, 2] = -2.2 + (shape[:, 2] + 2.2) * (1 - 0.2 * neck)
        return shape.astype(np.float32)

    def _paint(self, rng: np.random.Generator) -> None:
        uv_maps, complexion = self.face.uv_maps, self._complexion
        face = FacePainter(
            uv_maps=uv_maps, landmarks=self.face.landmarks, complexion=complexion, rng=rng
        ).paint()
        head = paint_head(uv_maps, complexion, rng)
        self._glasses_shape = clothing.draw_glasses(rng)
        white = rng.uniform(0.44, 0.57) - 0.001 * self.age
        yellow = rng.uniform(0.02, 0.16) + 0.001 * self.age
        self.surfaces = Surfaces(
            face=face,
            head=head,
            strand_noise=strand_noise(rng),
            hair=complexion.hair,
            lashes=np.minimum(complexion.hair * 0.5, 0.02),
            cloth=_draw_cloth_colour(rng),
            iris=_draw_iris(rng, self.tone),
            teeth=rng.uniform(0.42, 0.6) * np.array([1, 0.95 - 0.5 * yellow, 0.84 - 1.4 * yellow]),
            frame=self._glasses_shape.colour,
            hand=complexion.base * rng.uniform(0.85, 1.0),
            iris_radius=float(rng.uniform(0.40, 0.45)),
            pupil_radius=float(rng.uniform(0.11, 0.2)),
            sclera=float(white),
            hair_gloss=float(rng.uniform(0.02, 0.16)),
            cloth_pattern=int(rng.choice([0, 1, 2], p=[0.8, 0.12, 0.08])),
        )
        wrinkled = rng.uniform(0.55, 1.15)
        self.relief = SkinRelief(
            uv_maps=uv_maps,
            age=self.age,
            strength=wrinkled,
            roughness=rng.uniform(0.0005, 0.002),
            rng=rng,
        )

    def _build(self, rng: np.random.Generator) -> None:
        """Assemble the meshes of head, hair, glasses and garment."""
        neutral, head = self.face.mesh(self.face.vertices), self.face.mesh(self._neutral_vertices)
        self._set_lash_opacity(head)
        skin = head.material <= Material.HEAD
        normals = vertex_normals(head.vertices, head.faces[skin])
        meshes = [head]
        meshes += hair_meshes(neutral, head, normals, self._hairline, self._style, rng)
        if self.glasses:
            landmarks = self._neutral_vertices[self.face.landmarks]
            meshes.append(clothing.glasses_mesh(self._glasses_shape, landmarks))
        garment = clothing.garment_mesh(self.female, rng)
        whole = join_meshes([*meshes, garment])
        self.mesh = whole.select(whole.material != Material.LENS)
        self.lenses = whole.select(whole.material == Material.LENS)
        self.head_weight = smooth_step(-15.5, -7.5, whole.vertices[:, 1]).astype(np.float32)
        self.head_weight[len(self.head_weight) - len(garment.vertices) :] = 0
        self.sky_visibility = sky_visibility(self.mesh, self.surfaces.strand_noise)
        self._darken_mouth()

    def _set_lash_opacity(self, head: Mesh) -> None:
        """Make upper lashes dense at the lid, and lower lashes, which are too thin, invisible."""
        lashes, length = self.face.in_part("lash"), self.face.lash_length
        dense = (0.75 if self.female else 0.55) + 0.4 * self._complexion.make_up
        longest = (0.6 if self.female else 0.5) + 0.3 * self._complexion.make_up
        opacity = np.where(self.face.upper_lash, dense * (1.3 - 1.3 * length / longest), -1.0)
        head.opacity[lashes] = np.clip(opacity, -1, 1)[lashes]

    def _darken_mouth(self) -> None:
        """Reduce the light inside the mouth, more so farther back: only front teeth are bright."""
        face, n = self.face, len(self.face.vertices)
        z, x = face.vertices[:, 2], np.abs(face.vertices[:, 0])
        teeth, hollow = face.in_part("teeth"), face.in_part("gums", "mouthsocket")
        if not teeth.any():
            return
        front = float(np.percentile(z[teeth], 98))
        depth = smooth_step(front - 4.0, front - 0.2, z)
        in_view = smooth_step(2.9, 1.2, x)
        light = self.sky_visibility[:n]
        light[teeth] = (0.03 + 0.62 * depth * (0.15 + 0.85 * in_view))[teeth]
        light[teeth & face.lower_jaw] *= 0.35
        light[hollow] = (0.03 + 0.32 * depth)[hollow]

    def _draw_movement(self, rng: np.random.Generator) -> None:
        """Draw the strength of each blendshape, and measure what closes the lips and the lids."""
        names = self.face.expression_names
        self._mixer, self._shapes = BlendshapeMixer(names), SparseBlendshapes(self.face.expressions)
        self._gain = np.exp(rng.normal(0, 0.08, len(names))).astype(np.float32)
        self._gain[[i for i, n in enumerate(names) if n.startswith(("eyeLook", "eyeBlink"))]] = 1
        points = self._neutral_vertices[self.face.landmarks]
        self._neutral_weights = np.zeros(len(names), np.float32)
        parted = float((points[[61, 62, 63], 1] - points[[67, 66, 65], 1]).mean())
        lips = self.face.expression("mouthClose")[self.face.landmarks, 1]
        travel = float((lips[[67, 66, 65]] - lips[[61, 62, 63]]).mean())
        self._neutral_weights[self._index("mouthClose")] = max(parted - _CLOSED_LIP_GAP, 0) / max(
            travel, 1e-3
        )
        self._eye_gaps = {
            "R": float((points[[37, 38], 1] - points[[41, 40], 1]).mean()),
            "L": float((points[[43, 44], 1] - points[[47, 46], 1]).mean()),
        }
        self._eyeballs = self.face.eyeballs(self._neutral_vertices)
        lids = self.face.expression("eyeBlink_L")[self.face.landmarks, 1]
        self._lid_travel = max(float((lids[[47, 46]] - lids[[43, 44]]).mean()), 1e-3)


def _draw_hair_colour(
    rng: np.random.Generator, person: SimulatedPerson
) -> tuple[str, np.ndarray, float]:
    """Draw the name of the hair colour, the linear colour (3,) and the share of grey hair."""
    names = list(HAIR_COLOURS)
    light = np.array([HAIR_COLOURS[name][1] for name in names])
    dark = np.array([HAIR_COLOURS[name][2] for name in names])
    frequency = light if person.tone < 0.38 else dark
    name = names[rng.choice(len(names), p=frequency / frequency.sum())]
    colour = to_linear(HAIR_COLOURS[name][0]) * rng.uniform(0.75, 1.3)
    onset = rng.normal(56, 11) + (12 if person.female and rng.random() < 0.6 else 0)  # dyed
    grey = float(smooth_step(onset - 12, onset + 18, np.array(person.age)))
    return name, colour * (1 - grey) + _GREY * rng.uniform(0.6, 1.15) * grey, grey


def _draw_hair_style(rng: np.random.Generator, person: SimulatedPerson) -> HairStyle:
    if person.female:
        shares = {"shaven": 0.01, "short": 0.17, "tied": 0.22, "medium": 0.27, "long": 0.33}
    else:
        balding = 0.002 * max(person.age - 25, 0)
        shares = {"bald": balding, "shaven": 0.15, "short": 0.68, "medium": 0.1, "long": 0.05}
    name = str(rng.choice(list(shares), p=np.array(list(shares.values())) / sum(shares.values())))
    thickness = {"short": (0.4, 1.5), "tied": (0.2, 0.5), "medium": (0.8, 1.9), "long": (0.5, 1.4)}
    fringed = name in ("short", "medium", "long") and rng.random() < 0.35
    return HairStyle(
        name=name,
        volume=float(rng.uniform(*thickness.get(name, (0.1, 0.2)))),
        length=float(rng.uniform(-8, -4) if name == "medium" else rng.uniform(-20, -10)),
        fringe=float(rng.uniform(6.4, 8.8)) if fringed else 10.0,
        lift=float(rng.uniform(1.0, 3.2)),
        sides=float(rng.uniform(0.15, 1.0) if name == "short" else rng.uniform(0.6, 1.0)),
        parting=int(rng.integers(0, 3)) if name != "tied" else 0,
        wave=float(rng.uniform(0, 0.5)),
        density=float(rng.uniform(0.3, 1.0)),
    )


def _draw_hairline(rng: np.random.Generator, person: SimulatedPerson) -> Hairline:
    if person.female:
        return Hairline(float(rng.uniform(-0.6, 0.9)), float(rng.uniform(0, 0.9)), 0.0)
    recession = float(rng.uniform(0, 1.2) + 0.03 * max(person.age - 25, 0) * rng.uniform(0, 1))
    bald = float(rng.uniform(0.5, 1)) if person._style.name == "bald" else 0.0
    return Hairline(float(rng.uniform(-0.6, 1.2)), recession, bald)


def _draw_beard(rng: np.random.Generator, person: SimulatedPerson) -> tuple[str, float]:
    if person.female:
        return "none", 0.0
    kinds = ["none", "stubble", "moustache", "goatee", "full"]
    return str(rng.choice(kinds, p=[0.4, 0.27, 0.06, 0.1, 0.17])), float(rng.uniform(0.1, 1))


def _draw_brows(rng: np.random.Generator, person: SimulatedPerson) -> Brows:
    female = person.female
    thickness = rng.uniform(0.16, 0.36) if female else rng.uniform(0.26, 0.5)
    colour = person._hair_colour * (1 - 0.6 * person.greyness) * rng.uniform(0.45, 1.0)
    darkest = float(skin_colour(person.tone).mean()) * rng.uniform(0.25, 0.5)
    return Brows(
        inner=float(rng.uniform(0.75, 1.75)),
        outer=float(rng.uniform(5.0, 6.1)),
        height=float(np.clip(rng.normal(5.35 if female else 5.1, 0.2), 4.75, 5.85)),
        rise=float(rng.uniform(0.1, 0.95)),
        peak=float(rng.uniform(0.45, 0.8)),
        drop=float(rng.uniform(0.2, 1.1)),
        half_thickness=float(thickness),
        density=float(np.clip(rng.beta(1.6, 1.3), 0.05, 1)),
        colour=np.minimum(colour, darkest) + 0.002,
    )


def _draw_complexion(rng: np.random.Generator, person: SimulatedPerson) -> Complexion:
    base = skin_colour(person.tone) * np.exp(rng.normal(0, 0.04, 3)) * rng.uniform(0.9, 1.05)
    made_up = person.female and rng.random() < 0.6
    freckled = person.tone < 0.35 and rng.random() < 0.2
    scalp = {"bald": 0.35, "shaven": 0.75}.get(person._style.name, 0.93)
    return Complexion(
        tone=person.tone,
        base=np.clip(base, 0.01, 0.9),
        female=person.female,
        age=person.age,
        hair=person._hair_colour,
        brows=_draw_brows(rng, person),
        hairline=person._hairline,
        scalp=scalp,
        beard=person._beard,
        beard_density=person._beard_density,
        make_up=float(rng.uniform(0.2, 1)) if made_up else 0.0,
        freckles=float(rng.uniform(0.2, 1)) if freckled else 0.0,
        oiliness=float(math.exp(rng.uniform(math.log(0.015), math.log(0.10)))),
    )


def _draw_iris(rng: np.random.Generator, tone: float) -> np.ndarray:
    frequency = np.array([row[1] if tone < 0.33 else row[2] for row in IRIS_COLOURS])
    chosen = IRIS_COLOURS[rng.choice(len(IRIS_COLOURS), p=frequency / frequency.sum())]
    return to_linear(chosen[0]) * rng.uniform(0.9, 1.4)


def _draw_cloth_colour(rng: np.random.Generator) -> np.ndarray:
    """Draw a linear colour (3,): a tinted grey, mostly muted."""
    grey = math.exp(rng.uniform(math.log(0.012), math.log(0.7)))
    tint = np.exp(rng.normal(0, rng.choice([0.08, 0.5]), 3))
    return np.asarray(np.clip(grey * tint / tint.mean(), 0.005, 0.85))
