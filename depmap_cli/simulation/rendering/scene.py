"""The scene of one video: lights, background, camera position and camera properties."""

import math
from dataclasses import dataclass

import numpy as np

from depmap_cli.simulation.graphics.shading import Lighting
from depmap_cli.simulation.person.simulated_person import SimulatedPerson

_DAYLIGHT = np.array([0.90, 1.0, 1.12])  # RGB relative to white
_LAMPLIGHT = np.array([1.22, 1.0, 0.70])
OCCLUDERS = ("none", "hand", "strand")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """All properties of a video apart from the person; constant throughout the video."""

    lighting: Lighting
    background_seed: int
    background_brightness: float  # linear
    distance: float  # from the camera to the head, cm
    visible_height: float  # height of the visible area at the head, cm
    head_offset: tuple[float, float]  # from the image centre, in shares of the side
    tilt: float  # degrees by which the camera looks up at the head, as that of a laptop does
    exposure: float
    contrast: float  # of the tone curve; 1 is neutral
    saturation: float
    white_balance: np.ndarray  # (3,) gains, slightly off
    noise: float  # standard deviation of the sensor noise in bright areas; white is 1
    blur: float  # standard deviation of the lens blur, in shares of the side
    shutter_fraction: float  # share of the frame interval in which the shutter is open
    sharpening: float  # strength of the unsharp mask in the camera's software
    resolution: float  # of the sensor, as a share of the image's side
    vignette: float  # darkening of the corners, 0 to 1
    lens_reflection: float  # reflectance of glasses
    occluder: str  # one of OCCLUDERS

    @staticmethod
    def draw(
        rng: np.random.Generator,
        person: SimulatedPerson,
        visible_height: tuple[float, float] = (27.0, 40.0),
    ) -> "Scene":
        """Draw a scene for ``person``; ``visible_height`` is a range in cm."""
        lighting, brightness = _draw_lighting(rng)
        exposure = _exposure(rng, person, brightness)
        low, high = visible_height
        return Scene(
            lighting=lighting,
            background_seed=int(rng.integers(1 << 30)),
            background_brightness=float(brightness * rng.uniform(0.05, 0.9)),
            distance=float(np.exp(rng.uniform(math.log(45), math.log(140)))),
            visible_height=float(rng.uniform(low, high)),
            head_offset=(float(rng.uniform(-0.05, 0.05)), float(rng.uniform(-0.02, 0.06))),
            tilt=float(rng.normal(1, 4)),
            exposure=exposure,
            contrast=float(rng.uniform(0.9, 1.45)),
            saturation=float(rng.uniform(0.6, 1.15)),
            white_balance=_white_balance(rng, lighting),
            noise=float(np.exp(rng.uniform(math.log(0.003), math.log(0.022)))),
            blur=float(rng.choice([0.0, rng.uniform(0.001, 0.006)], p=[0.5, 0.5])),
            shutter_fraction=float(rng.uniform(0.0, 0.6)),
            sharpening=float(rng.choice([0.0, rng.uniform(0.2, 1.0)], p=[0.6, 0.4])),
            resolution=float(rng.choice([1.0, rng.uniform(0.35, 0.9)], p=[0.6, 0.4])),
            vignette=float(rng.choice([0.0, rng.uniform(0.05, 0.35)], p=[0.5, 0.5])),
            lens_reflection=float(rng.uniform(0.015, 0.09)),
            occluder=str(rng.choice(OCCLUDERS, p=[0.93, 0.03, 0.04])),
        )


def _direction(azimuth: float, elevation: float) -> np.ndarray:
    """Return the unit vector (3,) towards a light; angles in radians, 0 is the camera's side."""
    return np.array(
        [
            math.sin(azimuth) * math.cos(elevation),
            math.sin(elevation),
            math.cos(azimuth) * math.cos(elevation),
        ]
    )


def _draw_lighting(rng: np.random.Generator) -> tuple[Lighting, float]:
    """Draw the lights; also return the linear brightness of a white wall that faces the camera."""
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
    key, fill, sky = (_DAYLIGHT * (1 - w) + _LAMPLIGHT * w for w in warmth)
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
    """Draw gains (3,) that remove most of the light's colour, with an error as in real cameras."""
    light = lighting.key_colour + lighting.fill_colour + 2 * lighting.sky
    balance: np.ndarray = (light / light.mean()) ** -rng.uniform(0.4, 1.0)
    return balance * np.exp(rng.normal(0, 0.045, 3))


def _exposure(rng: np.random.Generator, person: SimulatedPerson, brightness: float) -> float:
    """Draw an automatic exposure for wall and face, with an error as in real cameras."""
    metered = 0.55 / max(brightness, 0.1)
    for_skin = (0.30 / max(person.skin_brightness, 0.03)) ** 0.3
    return float(metered * for_skin * np.exp(rng.normal(0.0, 0.22)))
