"""One rendered frame with its true landmarks."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8


@dataclass(frozen=True)
class RenderedFrame:
    """One rendered frame with its true landmarks."""

    image: UInt8[np.ndarray, "size size 3"]  # RGB
    landmarks: Float32[np.ndarray, "68 2"]  # column and row in pixels, in Multi-PIE's order
