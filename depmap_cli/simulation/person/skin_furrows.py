"""Furrows and folds of the skin, which deepen with age, with action units, or with both."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.simulation.graphics.smooth_functions import smooth_noise, smooth_step
from depmap_cli.simulation.person.skin_texture import open_curve
from depmap_cli.simulation.person.uv_position_maps import UvPositionMaps

Curve = list[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Furrow:
    """A set of lines that deepen together."""

    curves: tuple[Curve, ...]  # (x, y) in cm on the mean face; only one half if mirrored
    mirrored: bool
    width: float  # cm
    depth: float  # cm at full strength
    units: dict[str, float]  # share of the depth that each action unit adds at intensity 1
    age: float  # share of the depth in a neutral face at the age of 80
    often_absent: bool = False  # smooth in many people, so that brow units differ by position too


FURROWS = {
    "forehead": Furrow(
        curves=(
            [(-4.1, 8.7), (-2.0, 9.1), (0.0, 9.15), (2.0, 9.1), (4.1, 8.7)],
            [(-4.3, 7.7), (-2.2, 8.05), (0.0, 7.95), (2.2, 8.05), (4.3, 7.7)],
            [(-3.6, 6.95), (-1.9, 7.2), (0.0, 7.0), (1.9, 7.2), (3.6, 6.95)],
        ),
        mirrored=False,
        width=0.16,
        depth=0.10,
        units={"AU1": 0.55, "AU2": 0.6},
        age=0.55,
        often_absent=True,
    ),
    "glabella": Furrow(
        curves=([(0.60, 4.5), (0.66, 5.0), (0.80, 5.6), (0.72, 6.2)],),
        mirrored=True,
        width=0.24,
        depth=0.12,
        units={"AU4": 1.0, "AU9": 0.3},
        age=0.4,
        often_absent=True,
    ),
    "frown bulge": Furrow(
        curves=([(1.2, 5.9), (1.9, 6.3), (2.6, 6.35)],),
        mirrored=True,
        width=0.30,
        depth=0.08,
        units={"AU4": 0.8},
        age=0.0,
        often_absent=True,
    ),
    "nose root": Furrow(
        curves=([(-0.8, 4.35), (0.0, 4.45), (0.8, 4.35)], [(-0.6, 4.0), (0.0, 4.05), (0.6, 4.0)]),
        mirrored=False,
        width=0.14,
        depth=0.08,
        units={"AU4": 0.25, "AU9": 0.9},
        age=0.25,
    ),
    "crow's feet": Furrow(
        curves=(
            [(5.0, 3.5), (5.7, 4.0)],
            [(5.0, 3.35), (5.9, 3.35)],
            [(4.95, 3.15), (5.7, 2.7)],
            [(4.8, 2.95), (5.3, 2.2)],
        ),
        mirrored=True,
        width=0.10,
        depth=0.07,
        units={"AU6": 0.9, "AU12": 0.15, "AU7": 0.2},
        age=0.6,
    ),
    "lower lid": Furrow(
        curves=([(1.9, 2.65), (2.9, 2.45), (4.0, 2.65)], [(2.2, 2.2), (3.1, 1.95), (4.1, 2.15)]),
        mirrored=True,
        width=0.13,
        depth=0.06,
        units={"AU6": 0.7, "AU7": 0.9},
        age=0.55,
    ),
    "lid crease": Furrow(
        curves=([(1.75, 3.75), (2.5, 4.45), (3.4, 4.55), (4.3, 4.15), (4.8, 3.65)],),
        mirrored=True,
        width=0.13,
        depth=0.09,
        units={"AU5": 0.3, "AU43": -0.6},
        age=0.3,
    ),
    "nose side": Furrow(
        curves=([(0.9, 3.4), (1.25, 3.0)], [(0.95, 3.05), (1.3, 2.6)], [(1.0, 2.6), (1.4, 2.2)]),
        mirrored=True,
        width=0.12,
        depth=0.07,
        units={"AU9": 1.0},
        age=0.1,
    ),
    "nasolabial": Furrow(
        curves=([(1.75, -0.3), (2.3, -1.2), (2.85, -2.3), (3.1, -3.3)],),
        mirrored=True,
        width=0.38,
        depth=0.095,
        units={"AU12": 0.75, "AU10": 0.6, "AU9": 0.45, "AU6": 0.15, "AU14": 0.3, "AU20": 0.3},
        age=0.6,
    ),
    "marionette": Furrow(
        curves=([(2.75, -3.8), (3.05, -4.6), (3.1, -5.4)],),
        mirrored=True,
        width=0.3,
        depth=0.09,
        units={"AU15": 0.9, "AU17": 0.2},
        age=0.5,
    ),
    "dimple": Furrow(
        curves=([(3.2, -2.9), (3.4, -3.5), (3.25, -4.0)],),
        mirrored=True,
        width=0.3,
        depth=0.09,
        units={"AU14": 1.0, "AU12": 0.15, "AU20": 0.4},
        age=0.05,
    ),
    "chin": Furrow(
        curves=([(-1.5, -5.2), (0.0, -4.95), (1.5, -5.2)],),
        mirrored=False,
        width=0.22,
        depth=0.08,
        units={"AU17": 0.9, "AU15": 0.2, "AU24": 0.3},
        age=0.25,
    ),
    "upper lip": Furrow(
        curves=tuple([(x, -1.6), (x * 1.04, -2.25)] for x in (-1.5, -0.95, -0.45, 0.45, 0.95, 1.5)),
        mirrored=False,
        width=0.12,
        depth=0.035,
        units={"AU23": 0.4, "AU24": 0.2},
        age=0.45,
    ),
}
_FIRST_FURROWS = 22.0  # age in years from which neutral faces have furrows


class SkinRelief:
    """Height of one person's skin in cm by texel of the face tile, for any expression."""

    def __init__(
        self,
        *,
        uv_maps: UvPositionMaps,
        age: float,
        strength: float,
        roughness: float,
        rng: np.random.Generator,
    ) -> None:
        self._maps = np.stack([_furrow_map(f, uv_maps, rng) for f in FURROWS.values()])
        side = self._maps.shape[-1]
        age_fraction = np.clip((age - _FIRST_FURROWS) / (80 - _FIRST_FURROWS), 0, 1.1)
        variation = rng.uniform(0.5, 1.5, len(FURROWS))
        variation[[f.often_absent for f in FURROWS.values()]] *= rng.beta(0.8, 1.0)
        neutral_depth = np.array([f.age for f in FURROWS.values()]) * age_fraction * variation
        neutral_depth[list(FURROWS).index("lid crease")] += rng.uniform(0.1, 1.0)
        self._strength = strength * variation
        pores = smooth_noise(rng, side, 2.2) + 0.7 * smooth_noise(rng, side, 4)
        self._neutral_height = roughness * pores - np.tensordot(
            neutral_depth.astype(np.float32), self._maps, 1
        )
        self._neutral_height = self._neutral_height.astype(np.float32)
        self._gain = furrow_gains()

    def at(self, au: Float[np.ndarray, " 18"]) -> Float32[np.ndarray, "s s"]:
        """Return the height map for the action units ``au`` (intensities)."""
        height = self._neutral_height.copy()
        depths = np.maximum(au, 0) ** 1.2 @ self._gain * self._strength
        for depth, furrow in zip(np.minimum(depths, 1.3), self._maps, strict=True):
            if abs(depth) > 0.02:
                height -= np.float32(depth) * furrow
        return height


def furrow_gains() -> Float[np.ndarray, "units furrows"]:
    """Return the share of its depth that each furrow gains from each action unit."""
    return np.array(
        [[f.units.get(unit.code, 0.0) for f in FURROWS.values()] for unit in ACTION_UNITS]
    )


def _furrow_map(
    furrow: Furrow, uv_maps: UvPositionMaps, rng: np.random.Generator
) -> Float32[np.ndarray, "s s"]:
    """Draw the depth in cm at full strength, with small differences between people."""
    cv2 = load_opencv()
    side = uv_maps.face.shape[0]
    layer = np.zeros((side, side), np.uint8)
    shift = rng.normal(0, 0.08, 2)
    for curve in furrow.curves:
        for sign in (-1, 1) if furrow.mirrored else (1,):
            points = np.array(curve) + shift + rng.normal(0, 0.04, (len(curve), 2))
            texels = uv_maps.texels(open_curve(points) * [sign, 1])
            line = np.round(texels * 16).astype(np.int32)
            cv2.polylines(layer, [line], False, int(rng.integers(150, 256)), 2, cv2.LINE_AA, 4)
    sigma = max(furrow.width * side / 18.3 / 2.35, 0.8)
    soft = cv2.GaussianBlur(layer.astype(np.float32), (0, 0), sigma)
    profile = soft / max(float(soft.max()), 1.0)
    fade = smooth_step(0.02, 0.2, profile)
    depth: np.ndarray = (profile * fade * furrow.depth).astype(np.float32)
    return depth
