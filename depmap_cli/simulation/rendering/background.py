"""Paints the out-of-focus background behind a person."""

import numpy as np
from jaxtyping import Float32

from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.simulation.graphics.smooth_functions import smooth_noise, smooth_step


def paint_background(seed: int, brightness: float, side: int) -> Float32[np.ndarray, "side side 3"]:
    """Paint a blurred wall, possibly with furniture, a texture or a bright window.

    Args:
        seed: determines the background.
        brightness: linear brightness of the wall.
        side: width and height of the image in pixels.

    Returns:
        Linear RGB radiance.
    """
    cv2, rng = load_opencv(), np.random.default_rng([seed, 3])
    wall = np.exp(rng.normal(0, 0.07, 3)) * [1.05, 1.0, 0.92]
    lower_wall = wall * rng.uniform(0.5, 1.1)
    vertical = np.linspace(0, 1, side)[:, None, None]
    image = np.broadcast_to(wall + vertical * (lower_wall - wall), (side, side, 3)).astype(
        np.float32
    )
    image = np.ascontiguousarray(image)
    for _ in range(int(rng.integers(1, 9) if rng.random() < 0.75 else 0)):
        _paint_box(image, wall, rng)
    if rng.random() < 0.12:
        _paint_window(image, rng)
    if rng.random() < 0.3:
        _paint_texture(image, rng)
    image = cv2.GaussianBlur(image, (0, 0), side / rng.uniform(20, 110))
    shade = rng.uniform(0.5, 1.0)  # light falls off along the wall
    image *= np.linspace(1, shade, side, dtype=np.float32)[None, :: rng.choice([-1, 1]), None]
    return np.asarray(image * np.float32(brightness))


def _paint_box(image: np.ndarray, wall: np.ndarray, rng: np.random.Generator) -> None:
    """Paint a box in a muted colour, which stands for a shelf, a door or a picture."""
    cv2, side = load_opencv(), image.shape[0]
    left, top = rng.integers(-side // 4, side, 2)
    width, height = rng.integers(side // 12, side // 2), rng.integers(side // 8, side)
    colour = wall * rng.uniform(0.1, 1.3) * np.exp(rng.normal(0, 0.15, 3))
    corner = (int(left + width), int(top + height))
    cv2.rectangle(image, (int(left), int(top)), corner, colour.tolist(), -1)


def _paint_texture(image: np.ndarray, rng: np.random.Generator) -> None:
    """Paint blobs on two scales, which stand for leaves, bricks or curtains."""
    side = image.shape[0]
    colour = np.exp(rng.normal(-0.7, 0.6)) * np.exp(rng.normal([0, 0.1, -0.1], 0.15))
    blobs = smooth_noise(rng, side, side / rng.uniform(4, 20))
    blobs = blobs + smooth_noise(rng, side, side / rng.uniform(20, 60))
    blend = smooth_step(-0.5, 0.8, blobs + rng.uniform(-1, 1))[..., None]
    image += blend.astype(np.float32) * (colour.astype(np.float32) - image)


def _paint_window(image: np.ndarray, rng: np.random.Generator) -> None:
    cv2, side = load_opencv(), image.shape[0]
    left = int(rng.choice([rng.uniform(-0.1, 0.1), rng.uniform(0.65, 0.8)]) * side)
    right, bottom = left + int(side * rng.uniform(0.2, 0.4)), int(side * rng.uniform(0.4, 0.9))
    light = rng.uniform(2, 5) * np.array([0.9, 1.0, 1.1])
    cv2.rectangle(image, (left, 0), (right, bottom), light.tolist(), -1)
