"""Shows an aligned face at the place in the picture where another aligned face was.

Two frames of one video can then be compared in the coordinates of the picture instead of those of
the face: what stands still in the picture is the same in both, whatever the landmarks say.
"""

import numpy as np
from jaxtyping import Float, UInt8

from depmap_cli.faces.align import TEMPLATE, similarity_transform
from depmap_cli.runtime.opencv import load_opencv

PATCH = 64
"""Side of the grey patches that are compared, pixels; the eyes are 0.39 of it apart."""
_BLUR = 1.2
"""Standard deviation of the blur of an aligned face of 128 pixels; it removes noise."""


def grey_patch(face: UInt8[np.ndarray, "s s 3"]) -> Float[np.ndarray, "64 64"]:
    """Return the aligned face as grey levels, without its finest detail."""
    cv2 = load_opencv()
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.float32)
    blurred = cv2.GaussianBlur(grey, (0, 0), _BLUR * len(face) / 128)
    patch: np.ndarray = cv2.resize(blurred, (PATCH, PATCH), interpolation=cv2.INTER_AREA)
    return patch


def to_patch(landmarks: Float[np.ndarray, "5 2"]) -> Float[np.ndarray, "3 3"]:
    """Return the transform from the video's pixels to those of the patch of this face."""
    transform = similarity_transform(landmarks, TEMPLATE * PATCH)
    return np.vstack([transform, (0.0, 0.0, 1.0)])


def at_place_of(
    patch: Float[np.ndarray, "64 64"], own: Float[np.ndarray, "3 3"], other: np.ndarray
) -> tuple[Float[np.ndarray, "64 64"], Float[np.ndarray, "64 64"]]:
    """Show a patch where another one was.

    Args:
        patch: the patch.
        own: its transform, of ``to_patch``.
        other: the transform of the other patch.

    Returns:
        The part of the picture that the other patch shows, as it is in the frame of ``patch``; and
        a mask of 1 where it is known, 0 where it is outside ``patch``.
    """
    cv2 = load_opencv()
    back = own @ np.linalg.inv(other)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (PATCH, PATCH)
    moved = cv2.warpAffine(
        patch, back[:2], size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=-1e4
    )
    known = (moved > -1.0).astype(np.float32)
    return moved * known, known
