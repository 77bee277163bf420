"""What one recording has: the lights, the room, the camera and what its lens and chip do."""

import math
from dataclasses import dataclass

import numpy as np

from depmap_cli.simulation.graphics.shading import Lighting
from depmap_cli.simulation.person.simulated_person import Person

_DAY = np.array([0.90, 1.0, 1.12])  # sky light, relative to white
_LAMP = np.array([1.22, 1.0, 0.70])
COVERS = ("none", "hand", "strand")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything but the person, as it stays throughout a recording."""

    lighting: Lighting
    background: int  # seed of the wall behind
    backdrop: float  # brightness of the wall, linear
    distance: float  # cm from the camera to the head
    span: float  # cm seen from the lower to the upper edge of the picture, at the head
    shift: tuple[float, float]  # of the head from the picture's middle, in shares of its side
    tilt: float  # degrees by which the camera looks up at the head (laptops stand low)
    exposure: float
    contrast: float  # of the tone curve, around 1
    saturation: float
    cast: np.ndarray  # (3,) white balance that is a little off
    noise: float  # standard deviation in a bright picture, of 1
    blur: float  # of the lens, in shares of the picture's side
    motion: float  # share of the time between two frames that the shutter is open
    sharpening: float  # by the camera's software: leaves halos
    resolution: float  # share of the picture's side that the camera has
    vignette: float  # darkening of the corners
    reflection: float  # of glasses
    cover: str  # COVERS: what lies over a part of the face

    @staticmethod
    def draw(
        rng: np.random.Generator, person: Person, span: tuple[float, float] = (27.0, 40.0)
    ) -> "Scene":
        """A scene for ``person``; ``span`` in cm seen vertically at the head."""
        lighting, brightness = _draw_lighting(rng)
        exposure = _exposure(rng, person, brightness)
        low, high = span
        return Scene(
            lighting=lighting,
            background=int(rng.integers(1 << 30)),
            backdrop=float(brightness * rng.uniform(0.05, 0.9)),
            distance=float(np.exp(rng.uniform(math.log(45), math.log(140)))),
            span=float(rng.uniform(low, high)),
            shift=(float(rng.uniform(-0.05, 0.05)), float(rng.uniform(-0.02, 0.06))),
            tilt=float(rng.normal(1, 4)),
            exposure=exposure,
            contrast=float(rng.uniform(0.9, 1.45)),
            saturation=float(rng.uniform(0.6, 1.15)),
            cast=_white_balance(rng, lighting),
            noise=float(np.exp(rng.uniform(math.log(0.003), math.log(0.022)))),
            blur=float(rng.choice([0.0, rng.uniform(0.001, 0.006)], p=[0.5, 0.5])),
            motion=float(rng.uniform(0.0, 0.6)),
            sharpening=float(rng.choice([0.0, rng.uniform(0.2, 1.0)], p=[0.6, 0.4])),
            resolution=float(rng.choice([1.0, rng.uniform(0.35, 0.9)], p=[0.6, 0.4])),
            vignette=float(rng.choice([0.0, rng.uniform(0.05, 0.35)], p=[0.5, 0.5])),
            reflection=float(rng.uniform(0.015, 0.09)),
            cover=str(rng.choice(COVERS, p=[0.93, 0.03, 0.04])),
        )


def _direction(azimuth: float, elevation: float) -> np.ndarray:
    """Unit vector towards a light; both angles in radians, 0 straight from the camera."""
    return np.array(
        [
            math.sin(azimuth) * math.cos(elevation),
            math.sin(elevation),
            math.cos(azimuth) * math.cos(elevation),
        ]
    )


def _draw_lighting(rng: np.random.Generator) -> tuple[Lighting, float]:
    """Lights, and how much of them a wall that faces the camera returns."""
    kind = rng.choice(["window", "room", "flat", "back"], p=[0.4, 0.35, 0.15, 0.1])
    farthest = {"window": 1.5, "room": 0.9, "flat": 0.5, "back": 2.7}[kind]
    nearest = {"window": 0.3, "room": 0.0, "flat": 0.0, "back": 1.9}[kind]
    azimuth = rng.uniform(nearest, farthest) * rng.choice([-1, 1])
    elevation = rng.uniform(0.9, 1.3) if rng.random() < 0.12 else rng.uniform(-0.1, 0.8)
    strength = {"window": 0.95, "room": 0.7, "flat": 0.35, "back": 0.8}[kind]
    strength *= rng.uniform(0.75, 1.25)
    ambient = {"window": 0.28, "room": 0.42, "flat": 0.7, "back": 0.42}[kind]
    ambient *= rng.uniform(0.7, 1.3)
    fill_azimuth = -np.sign(azimuth) * rng.uniform(0.2, 1.2)
    warmth = rng.uniform(0, 1, 3) if rng.random() < 0.4 else np.full(3, rng.uniform(0.2, 0.7))
    key, fill, sky = (_DAY * (1 - w) + _LAMP * w for w in warmth)
    floor = rng.uniform(0.35, 0.75) * np.array([1.04, 1.0, 0.95])
    lighting = Lighting(
        key=_direction(azimuth, elevation),
        key_colour=key * strength,
        fill=_direction(fill_azimuth, rng.uniform(-0.2, 0.6)),
        fill_colour=fill * rng.uniform(0.05, 0.4) * strength,
        sky=sky * ambient,
        ground=sky * ambient * floor,
    )
    return lighting, float(ambient + 0.5 * strength * max(lighting.key[2], 0.1))


def _white_balance(rng: np.random.Generator, lighting: Lighting) -> np.ndarray:
    """Cameras take out most of the light's colour, and err."""
    light = lighting.key_colour + lighting.fill_colour + 2 * lighting.sky
    balance: np.ndarray = (light / light.mean()) ** -rng.uniform(0.4, 1.0)
    return balance * np.exp(rng.normal(0, 0.045, 3))


def _exposure(rng: np.random.Generator, person: Person, brightness: float) -> float:
    """Cameras expose for the picture, of which the face is a part; and they err."""
    metered = 0.55 / max(brightness, 0.1)
    for_skin = (0.30 / max(person.skin_brightness, 0.03)) ** 0.3
    return float(metered * for_skin * np.exp(rng.normal(0.0, 0.22)))
