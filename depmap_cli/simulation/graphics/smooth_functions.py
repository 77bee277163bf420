"""Smooth functions of position, for painting skin and for shaping hair and cloth."""

import numpy as np
from jaxtyping import Float32

from depmap_cli.runtime.opencv import load_opencv


def smooth_step(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """Interpolate smoothly from 0 at ``low`` to 1 at ``high``; falls if ``low`` > ``high``."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def blob(
    x: np.ndarray, y: np.ndarray, centre: tuple[float, float], size: tuple[float, float]
) -> np.ndarray:
    """Return a Gaussian of height 1 around ``centre`` that falls to 1/e at distance ``size``."""
    spot: np.ndarray = np.exp(
        -(((x - centre[0]) / size[0]) ** 2) - ((y - centre[1]) / size[1]) ** 2
    )
    return spot


def smooth_noise(
    rng: np.random.Generator, side: int, wavelength: float
) -> Float32[np.ndarray, "side side"]:
    """Draw noise with a standard deviation of about 1 and blobs ``wavelength`` texels wide."""
    cells = max(4, int(side / wavelength))
    coarse = rng.standard_normal((cells, cells)).astype(np.float32)
    cv2 = load_opencv()
    fine: np.ndarray = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return fine
