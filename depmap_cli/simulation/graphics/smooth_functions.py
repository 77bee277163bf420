"""Smooth functions of position, with which skin is painted and hair and cloth are shaped."""

import numpy as np
from jaxtyping import Float32

from depmap_cli.runtime.opencv import load_opencv


def smooth_step(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 below ``low``, 1 above ``high``, smooth between; falls where ``low`` > ``high``."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def blob(
    x: np.ndarray, y: np.ndarray, centre: tuple[float, float], size: tuple[float, float]
) -> np.ndarray:
    """A soft spot of height 1 at (x, y) = ``centre``, of that half width and half height."""
    spot: np.ndarray = np.exp(
        -(((x - centre[0]) / size[0]) ** 2) - ((y - centre[1]) / size[1]) ** 2
    )
    return spot


def smooth_noise(
    rng: np.random.Generator, side: int, wavelength: float
) -> Float32[np.ndarray, "side side"]:
    """Noise of about unit deviation whose blobs are about ``wavelength`` texels wide."""
    cells = max(4, int(side / wavelength))
    coarse = rng.standard_normal((cells, cells)).astype(np.float32)
    cv2 = load_opencv()
    fine: np.ndarray = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return fine
