"""Paints the skin texture: complexion, lips, lids, brows, beard and make-up.

Everything is painted by position in cm on the face model's mean head (see ``UvPositionMaps``), so
that it fits every identity. Colours are linear; s is the side of a texture tile in texels.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.simulation.graphics.smooth_functions import blob, smooth_noise, smooth_step
from depmap_cli.simulation.person.hair import Hairline
from depmap_cli.simulation.person.uv_position_maps import UvPositionMaps

Image = np.ndarray
_SWATCHES = (  # sRGB, from the lightest to the darkest skin
    (244, 213, 194),
    (236, 195, 170),
    (228, 182, 150),
    (214, 166, 130),
    (197, 146, 110),
    (175, 124, 89),
    (149, 101, 70),
    (120, 79, 54),
    (94, 62, 44),
    (72, 49, 38),
)


@dataclass(frozen=True, kw_only=True)
class Brows:
    """The shape of a person's brows, which are mirrored; lengths in cm."""

    inner: float  # x of the inner end
    outer: float  # x of the outer end
    height: float  # y of the inner end
    rise: float  # from the inner end to the peak
    peak: float  # position of the peak, as a share of the length
    drop: float  # from the peak to the outer end
    half_thickness: float  # at the thickest point
    density: float  # 0 (sparse) to 1 (bushy)
    colour: np.ndarray  # (3,)


@dataclass(frozen=True, kw_only=True)
class Complexion:
    """What is painted on one person's skin."""

    tone: float  # 0 (lightest) to 1 (darkest)
    base: np.ndarray  # (3,) albedo of the bare skin
    female: bool
    age: float
    hair: np.ndarray  # (3,) colour
    brows: Brows
    hairline: Hairline
    scalp: float  # share of the scalp's skin that hair roots hide, 0 to 1
    beard: str  # "none", "stubble", "moustache", "goatee" or "full"
    beard_density: float  # 0 to 1
    make_up: float  # 0 (none) to 1 (strong)
    freckles: float  # 0 (none) to 1 (many)
    oiliness: float  # gloss of the skin


def to_linear(srgb: object) -> np.ndarray:
    """Convert sRGB colours (0 to 255) to linear light (0 to 1) with a gamma of 2.2."""
    linear: np.ndarray = (np.asarray(srgb, np.float64) / 255) ** 2.2
    return linear


def skin_colour(tone: float) -> np.ndarray:
    """Return the linear albedo (3,) for a tone from 0 (lightest) to 1 (darkest)."""
    position = tone * (len(_SWATCHES) - 1)
    swatches = np.array(_SWATCHES, float)
    srgb = [np.interp(position, np.arange(len(swatches)), swatches[:, k]) for k in range(3)]
    return to_linear(srgb)


class FacePainter:
    """Paints the face tile of one person.

    Args:
        uv_maps: positions of the texels.
        landmarks: vertex numbers of Multi-PIE's 68 landmarks.
        complexion: what is painted.
        rng: random numbers for the details.
    """

    def __init__(
        self,
        *,
        uv_maps: UvPositionMaps,
        landmarks: np.ndarray,
        complexion: Complexion,
        rng: np.random.Generator,
    ) -> None:
        self._uv_maps = uv_maps
        self._complexion = complexion
        self._rng = rng
        self._side = uv_maps.face.shape[0]
        self._x = np.abs(uv_maps.face[..., 0])  # both sides of the face are painted alike
        self._y, self._z = uv_maps.face[..., 1], uv_maps.face[..., 2]
        self._landmarks = uv_maps.vertex_texels(landmarks)
        self._lips = self._lip_mask()

    def paint(self) -> Float32[Image, "s s 4"]:
        """Return albedo (three channels) and gloss (one channel)."""
        albedo = self._base_albedo()
        albedo *= self._mottling()[..., None]
        albedo = self._paint_redness(albedo)
        albedo = self._paint_eye_sockets(albedo)
        albedo = self._paint_spots(albedo)
        albedo = self._paint_make_up(albedo)
        albedo = self._paint_lips(albedo)
        albedo = self._paint_dark_lines(albedo)
        albedo = self._paint_beard(albedo)
        albedo = self._paint_brows(albedo)
        albedo = paint_scalp(albedo, self._uv_maps.face, self._complexion, self._rng)
        return np.dstack([np.clip(albedo, 0.003, 0.95), self._gloss()]).astype(np.float32)

    def _base_albedo(self) -> np.ndarray:
        """Return the albedo of bare skin, slightly yellower on the forehead."""
        shape = (self._side, self._side, 3)
        albedo = np.broadcast_to(self._complexion.base, shape).copy()
        return albedo * (1 + 0.05 * smooth_step(4, 8, self._y)[..., None] * [0.0, 0.6, -0.6])

    def _mottling(self) -> np.ndarray:
        strength = 0.016 + 0.014 * self._complexion.age / 80
        waves = (75, 25, 8, 3)
        layers = [smooth_noise(self._rng, self._side, wave) for wave in waves]
        return np.asarray(1 + strength * np.sum(layers, 0))

    def _paint_redness(self, albedo: np.ndarray) -> np.ndarray:
        """Redden cheeks, nose, ears and chin, where blood is close to the surface."""
        x, y, rng = self._x, self._y, self._rng
        visible = 1.0 - 0.65 * self._complexion.tone
        red = blob(x, y, (4.6, -0.2), (2.0, 1.8)) * rng.uniform(0.04, 0.26)
        red += blob(x, y, (0.0, 0.4), (1.6, 1.2)) * (self._z > 9) * rng.uniform(0.06, 0.26)
        red += smooth_step(6.6, 8.2, x) * 0.2
        red += blob(x, y, (0.0, -6.0), (1.6, 0.9)) * rng.uniform(0.0, 0.14)
        red += smooth_noise(rng, self._side, 20) * 0.025
        red = np.clip(red * visible, -0.08, 0.45)[..., None]
        return albedo * (1 + red * [0.10, -0.75, -0.62])

    def _paint_eye_sockets(self, albedo: np.ndarray) -> np.ndarray:
        x, y, rng = self._x, self._y, self._rng
        tired = (
            rng.uniform(0.04, 0.2) + 0.08 * self._complexion.tone + 0.0012 * self._complexion.age
        )
        socket = blob(x, y, (3.0, 3.1), (1.9, 1.15)) * tired
        bag = blob(x, y, (2.7, 2.2), (1.3, 0.5)) * tired * rng.uniform(0.3, 1.2)
        return albedo * (1 - (socket + bag)[..., None] * [0.75, 1.0, 0.9])

    def _paint_spots(self, albedo: np.ndarray) -> np.ndarray:
        """Paint moles, freckles and age spots."""
        cv2, rng, side = load_opencv(), self._rng, self._side
        layer = np.zeros((side, side), np.uint8)
        moles = int(rng.integers(0, 9))
        freckles = int(self._complexion.freckles * 240)
        aged = int(max(0.0, self._complexion.age - 50) * rng.uniform(0, 0.6))
        for count, radius, strength in (
            (moles, (0.8, 1.8), 150),
            (freckles, (0.4, 1.0), 80),
            (aged, (1.5, 4.5), 35),
        ):
            for x, y, r in zip(
                rng.uniform(0.15, 0.85, count) * side,
                rng.uniform(0.1, 0.8, count) * side,
                rng.uniform(*radius, count),
                strict=True,
            ):
                centre = (int(x * 8), int(y * 8))
                cv2.circle(layer, centre, int(r * 8), strength, -1, cv2.LINE_AA, 3)
        spots = cv2.GaussianBlur(layer, (0, 0), 0.8)[..., None] / 255.0
        return np.asarray(albedo * (1 - spots * [0.6, 0.8, 0.9]))

    def _lip_mask(self) -> np.ndarray:
        """Return a mask that is 1 on the lips, with a soft border."""
        cv2 = load_opencv()
        mask = np.zeros((self._side, self._side), np.uint8)
        outline = closed_curve(self._landmarks[48:60])
        cv2.fillPoly(mask, [np.round(outline * 8).astype(np.int32)], 255, cv2.LINE_AA, 3)
        blurred: np.ndarray = cv2.GaussianBlur(mask, (0, 0), 2.0) / np.float32(255)
        return blurred

    def _paint_lips(self, albedo: np.ndarray) -> np.ndarray:
        complexion, rng = self._complexion, self._rng
        natural = rng.uniform([0.74, 0.40, 0.44], [0.95, 0.60, 0.62])
        natural = 1 - (1 - natural) * (1 - 0.35 * complexion.tone)
        painted = rng.uniform([0.55, 0.14, 0.20], [0.95, 0.45, 0.48])
        share = complexion.make_up * rng.uniform(0.2, 0.9)
        tint = natural * (1 - share) + painted * share
        lines = 1 + 0.06 * smooth_noise(rng, self._side, 4)[..., None]
        upper = 1 - 0.12 * smooth_step(-3.5, -3.0, self._y)[..., None]
        lips = albedo * tint * lines * upper
        return blend(albedo, lips, self._lips)

    def _paint_dark_lines(self, albedo: np.ndarray) -> np.ndarray:
        """Paint the line between the lips, the rims of the lids, and the nostrils."""
        rng, points = self._rng, self._landmarks
        lips = [points[[48, 60, 61, 62, 63, 64, 54]], points[[48, 60, 67, 66, 65, 64, 54]]]
        seam = self._lines(lips, 2, 1.6)
        upper_rims = [points[36:40], points[42:46]]
        lower_rims = [points[[39, 40, 41, 36]], points[[45, 46, 47, 42]]]
        lined = rng.uniform(0.5, 0.75) + 0.25 * self._complexion.make_up
        rims = lined * self._lines(upper_rims, 3, 1.3)
        rims = np.maximum(rims, 0.5 * lined * self._lines(lower_rims, 2, 1.6))
        nostril = blob(self._x, self._y, (0.95, -0.75), (0.38, 0.24)) * (self._z > 9.5)
        dark = 1 - (1 - 0.55 * seam) * (1 - rims) * (1 - 0.75 * nostril)
        return albedo * (1 - np.clip(dark, 0, 1)[..., None] * [0.92, 1.0, 1.0])

    def _paint_make_up(self, albedo: np.ndarray) -> np.ndarray:
        """Paint eye shadow on the upper lids and rouge on the cheeks."""
        complexion, rng = self._complexion, self._rng
        if complexion.make_up <= 0:
            return albedo
        shade = rng.uniform([0.25, 0.2, 0.2], [0.95, 0.8, 0.9])
        lid = (
            blob(self._x, self._y, (3.2, 4.3), (1.6, 0.55))
            * complexion.make_up
            * rng.uniform(0, 0.7)
        )
        rouge = (
            blob(self._x, self._y, (4.9, 0.4), (1.5, 1.1))
            * complexion.make_up
            * rng.uniform(0, 0.4)
        )
        albedo = blend(albedo, albedo * shade, lid)
        return albedo * (1 + rouge[..., None] * [0.05, -0.5, -0.35])

    def _beard_area(self) -> np.ndarray:
        """Return how much of a beard grows at each texel, 0 to 1."""
        x, y = self._x, self._y
        jaw = smooth_step(-0.4, -2.6, y + 0.3 * np.abs(x - 6.5)) * smooth_step(-10.5, -7.5, y)
        side = smooth_step(5.5, 6.3, x) * smooth_step(4.5, 2.5, y) * (x < 7.6)
        moustache = blob(x, y, (0.0, -1.75), (2.7, 0.6)) * 1.2
        moustache = np.maximum(moustache, blob(x, y, (2.9, -3.0), (0.6, 1.4)))
        chin = blob(x, y, (0.0, -6.0), (2.2, 1.9)) * 1.3
        beneath_lip = 1 - 0.7 * blob(x, y, (0.0, -4.9), (1.3, 0.35))
        areas = {
            "moustache": moustache * (y > -3.4),
            "goatee": np.maximum(moustache, chin * beneath_lip),
        }
        whole = np.maximum(np.maximum(jaw * beneath_lip, moustache), 0.8 * side)
        area = areas.get(self._complexion.beard, whole)
        return np.asarray(np.clip(area, 0, 1) * (1 - np.clip(1.6 * self._lips, 0, 1)))

    def _paint_beard(self, albedo: np.ndarray) -> np.ndarray:
        """Paint beard roots and single hairs over them, or the shadow of a shaven beard."""
        complexion, rng, side = self._complexion, self._rng, self._side
        if complexion.female:
            return albedo
        area = load_opencv().GaussianBlur(self._beard_area().astype(np.float32), (0, 0), 5)
        if complexion.beard == "none":
            shadow = area[..., None] * rng.uniform(0.0, 0.22) * (1 - 0.6 * complexion.tone)
            return np.asarray(albedo * (1 - shadow * [1.0, 0.8, 0.7]))
        hairs = self._beard_hairs(area, int(7000 * (0.4 + complexion.beard_density)))
        clumps = np.clip(0.95 + 0.08 * smooth_noise(rng, side, 16), 0.6, 1.1)
        full = complexion.beard != "stubble"
        soft = (0.4 if full else 0.25) + (0.5 if full else 0.35) * complexion.beard_density
        alpha = np.clip(area * clumps * soft + hairs * area * (0.35 if full else 0.2), 0, 0.95)
        colour = (
            complexion.hair * 0.8 + 0.004
            if full
            else 0.6 * complexion.hair + 0.12 * complexion.base
        )
        return blend(albedo, np.broadcast_to(colour, albedo.shape), alpha)

    def _beard_hairs(self, area: np.ndarray, count: int) -> np.ndarray:
        """Draw ``count`` short strokes, downwards and outwards, inside ``area``."""
        cv2, rng, side = load_opencv(), self._rng, self._side
        layer = np.zeros((side, side), np.uint8)
        root = rng.uniform([0.1, 0.35], [0.9, 0.95], (count, 2)) * side
        root = root[area[root[:, 1].astype(int), root[:, 0].astype(int)] > 0.15]
        outwards = (root[:, :1] / side - 0.5) * 1.2 + rng.normal(0, 0.35, (len(root), 1))
        tip = root + np.hstack([outwards, np.ones((len(root), 1))]) * rng.uniform(
            3, 9, (len(root), 1)
        )
        _draw_strokes(layer, root, tip, rng.integers(90, 230, len(root)))
        blurred: np.ndarray = cv2.GaussianBlur(layer, (0, 0), 0.7) / np.float32(255)
        return blurred

    def _paint_brows(self, albedo: np.ndarray) -> np.ndarray:
        cv2, brows, rng = load_opencv(), self._complexion.brows, self._rng
        hairs = np.zeros((self._side, self._side), np.uint8)
        fill = np.zeros_like(hairs)
        for sign in (-1, 1):
            self._draw_brow(sign, hairs, fill)
        fill = cv2.GaussianBlur(fill, (0, 0), 3.0) / 255.0
        hairs = cv2.GaussianBlur(hairs, (0, 0), 0.6) / 255.0
        soft = 0.15 + 0.5 * brows.density * rng.uniform(0.6, 1.1)
        alpha = 1 - (1 - soft * fill) * (1 - 0.85 * hairs)
        return blend(albedo, np.broadcast_to(brows.colour, albedo.shape), np.clip(alpha, 0, 0.94))

    def _draw_brow(self, sign: int, hairs: np.ndarray, fill: np.ndarray) -> None:
        """Draw the hairs of one brow and its filled outline; ``sign`` is the side, -1 or 1.

        Inner hairs grow upwards, outer hairs sideways.
        """
        cv2, brows, rng = load_opencv(), self._complexion.brows, self._rng
        asymmetry = rng.normal(0, 0.05, 2)  # cm
        count = int((120 + 360 * brows.density) * (0.4 + brows.half_thickness / 0.45))
        t = rng.beta(1.0, 1.25, count)
        across = rng.uniform(-1, 1, count)
        centre = brow_line(brows, t) + asymmetry * [1, 1]
        half = brows.half_thickness * brow_taper(t)
        root = centre + np.stack([np.zeros(count), across * half - 0.05], 1)
        lean = np.radians(82 - 95 * t**0.7 - 22 * across + rng.normal(0, 12, count))
        length = rng.uniform(0.25, 0.6, count) * (0.6 + 0.5 * brows.half_thickness / 0.4)
        tip = root + length[:, None] * np.stack([np.cos(lean), np.sin(lean)], 1)
        flip = np.array([sign, 1.0])
        strength = rng.integers(110, 250, count)
        _draw_strokes(
            hairs, self._uv_maps.texels(root * flip), self._uv_maps.texels(tip * flip), strength
        )
        t = np.linspace(0.02, 0.97, 24)
        middle, half = brow_line(brows, t) + asymmetry, brows.half_thickness * brow_taper(t)
        up = np.stack([np.zeros(24), half], 1)
        outline = self._uv_maps.texels(np.concatenate([middle + up, (middle - up)[::-1]]) * flip)
        cv2.fillPoly(fill, [np.round(outline).astype(np.int32)], 255)

    def _lines(self, curves: list[np.ndarray], width: int, blur: float) -> np.ndarray:
        """Draw blurred lines through points given in texels; values 0 to 1."""
        layer = np.zeros((self._side, self._side), np.uint8)
        return _soft_lines(layer, [open_curve(curve) for curve in curves], width, blur)

    def _gloss(self) -> np.ndarray:
        """Return the gloss: high on forehead, nose, cheekbones and lips, low in beards."""
        x, y, complexion = self._x, self._y, self._complexion
        zones = 0.5 + 0.6 * blob(x, y, (0, 8), (3.5, 2)) + 0.9 * blob(x, y, (0, 2), (0.9, 2.5))
        zones = zones + 0.5 * blob(x, y, (4.8, 1.2), (1.4, 0.9))
        gloss = complexion.oiliness * zones * (1 + 0.2 * smooth_noise(self._rng, self._side, 6))
        gloss *= 1 - 0.7 * self._beard_area() * (complexion.beard not in ("none", "stubble"))
        lips = self._rng.uniform(0.03, 0.16) + 0.2 * complexion.make_up * self._rng.random()
        return np.asarray(np.clip(gloss * (1 - self._lips) + lips * self._lips, 0, 0.5))


def paint_head(
    uv_maps: UvPositionMaps, complexion: Complexion, rng: np.random.Generator
) -> Float32[Image, "s s 4"]:
    """Paint the head tile (scalp, ears and neck): albedo and gloss."""
    side = uv_maps.head.shape[0]
    noise = sum(smooth_noise(rng, side, wave) for wave in (20, 4))
    albedo = (
        np.broadcast_to(complexion.base, (side, side, 3))
        * (1 + 0.02 * np.asarray(noise))[..., None]
    )
    albedo = paint_scalp(albedo, uv_maps.head, complexion, rng)
    gloss = np.full((side, side), 0.4 * complexion.oiliness)
    return np.dstack([np.clip(albedo, 0.003, 0.95), gloss]).astype(np.float32)


def paint_scalp(
    albedo: np.ndarray, position: np.ndarray, complexion: Complexion, rng: np.random.Generator
) -> np.ndarray:
    """Paint hair roots where hair grows; ``position`` holds the texels' positions in cm."""
    ragged = 0.25 * smooth_noise(rng, albedo.shape[0], 4)
    alpha = smooth_step(-0.5, 0.7, complexion.hairline.inside(position) + ragged) * complexion.scalp
    roots = complexion.hair * 0.85 + 0.02 * complexion.base
    return blend(albedo, np.broadcast_to(roots, albedo.shape), alpha)


def blend(below: np.ndarray, above: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Blend an image over another with opacity ``alpha``."""
    blended: np.ndarray = below + alpha[..., None] * (above - below)
    return blended


def brow_line(brows: Brows, t: np.ndarray) -> Float[np.ndarray, "n 2"]:
    """Return points (x, y) in cm on a brow's centre line, from inner (t = 0) to outer end (1)."""
    x = brows.inner + t * (brows.outer - brows.inner)
    rising = np.sin(np.clip(t / brows.peak, 0, 1) * math.pi / 2)
    falling = np.clip((t - brows.peak) / (1 - brows.peak), 0, 1) ** 2
    return np.stack([x, brows.height + brows.rise * rising - brows.drop * falling], 1)


def brow_taper(t: np.ndarray) -> np.ndarray:
    """Return the relative thickness along a brow: blunt at the inner end, pointed outside."""
    taper: np.ndarray = np.clip(0.55 + 2.2 * t, 0, 1) * np.clip(1.15 * (1 - t) ** 0.55 + 0.08, 0, 1)
    return taper


def open_curve(points: Float[np.ndarray, "n 2"], steps: int = 8) -> Float[np.ndarray, "m 2"]:
    """Return points on a Catmull-Rom spline through the given points."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    before, start, end, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    before, start, end, after = (p[:, None] for p in (before, start, end, after))
    curve = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    return np.concatenate([curve.reshape(-1, 2), points[-1:]])


def closed_curve(points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "m 2"]:
    """Return points on a closed Catmull-Rom spline through the given points."""
    around = open_curve(np.concatenate([points[-2:], points, points[:2]]))
    return around[16:-8]


def _draw_strokes(
    layer: np.ndarray, start: np.ndarray, end: np.ndarray, strength: np.ndarray
) -> None:
    cv2 = load_opencv()
    from_, to = np.round(start * 16).astype(int), np.round(end * 16).astype(int)
    for a, b, value in zip(from_.tolist(), to.tolist(), strength.tolist(), strict=True):
        cv2.line(layer, a, b, value, 1, cv2.LINE_AA, 4)


def _soft_lines(
    layer: np.ndarray, curves: list[np.ndarray], width: int, blur: float
) -> Float32[Image, "s s"]:
    cv2 = load_opencv()
    lines = [np.round(curve * 16).astype(np.int32) for curve in curves]
    cv2.polylines(layer, lines, False, 255, width, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(layer.astype(np.float32), (0, 0), blur)
    scaled: np.ndarray = soft / max(float(soft.max()), 1.0)
    return scaled
