"""Aligns a face: a similarity transform of five landmarks gives an upright face of fixed size."""

import numpy as np
from jaxtyping import Float, UInt8

from depmap_cli.runtime.opencv import load_opencv

_ARCFACE_112 = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
TEMPLATE = 1.25 * (_ARCFACE_112 / 112 - 0.5) + (0.5, 0.324)
"""Positions of eyes, nose tip and mouth corners in the aligned face, as fractions of its side.

They are the usual ArcFace positions, enlarged (the eyes are 0.39 of the side apart) to leave fewer
pixels to hair and background, and moved up so that the chin stays in the image."""


def similarity_transform(
    source: Float[np.ndarray, "n 2"], target: Float[np.ndarray, "n 2"]
) -> Float[np.ndarray, "2 3"]:
    """Return the least-squares similarity transform from ``source`` to ``target``, in pixels.

    It consists of a rotation, a uniform scale and a shift, and is never a reflection. With points
    as complex numbers z, relative to their means, rotation and scale are one factor: the least
    squares solution of factor * source = target. In the plane this equals Umeyama (1991), IEEE
    TPAMI 13(4), Eq. 40-43.
    """
    source_mean, target_mean = source.mean(0), target.mean(0)
    a, b = ((source - source_mean) @ (1, 1j)), ((target - target_mean) @ (1, 1j))
    factor = np.vdot(a, b) / max(np.vdot(a, a).real, 1e-12)
    turned = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.column_stack([turned, target_mean - turned @ source_mean])


def clockwise_degrees(landmarks: Float[np.ndarray, "5 2"]) -> float:
    """Return by how many degrees a face is turned clockwise in the picture, by its landmarks.

    ``align_face`` turns it back by as much.
    """
    transform = similarity_transform(landmarks, TEMPLATE)
    return float(-np.degrees(np.arctan2(transform[1, 0], transform[0, 0])))


def in_aligned_face(
    points: Float[np.ndarray, "n 2"], landmarks: Float[np.ndarray, "5 2"], size: int
) -> Float[np.ndarray, "n 2"]:
    """Return where points of a picture are in the face that was aligned from it.

    Args:
        points: columns and rows in pixels of the picture; whole numbers are the centres of pixels.
        landmarks: the five that the face was aligned by, in pixels of the picture.
        size: side of the aligned face, in pixels.

    Returns:
        Columns and rows as fractions of the side of the aligned face, 0 to 1 from edge to edge.
    """
    transform = similarity_transform(landmarks, TEMPLATE)
    found: np.ndarray = points @ transform[:, :2].T + transform[:, 2] + 0.5 / size
    return found


def in_picture(
    points: Float[np.ndarray, "n 2"], landmarks: Float[np.ndarray, "5 2"], size: int
) -> Float[np.ndarray, "n 2"]:
    """The inverse of ``in_aligned_face``: pixels of the picture from fractions of the side."""
    transform = similarity_transform(landmarks, TEMPLATE)
    shifted = points - 0.5 / size - transform[:, 2]
    found: np.ndarray = np.linalg.solve(transform[:, :2], shifted.T).T
    return found


def align_face(
    image: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "5 2"], size: int
) -> UInt8[np.ndarray, "{size} {size} 3"]:
    """Warp the face with these landmarks (pixels of ``image``) onto the template; RGB in and out.

    If the face is much larger than ``size``, the image is first reduced by area averaging to avoid
    aliasing. Pixels outside the image repeat its border.
    """
    cv2 = load_opencv()
    transform = similarity_transform(landmarks, TEMPLATE * size)
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))
    if scale < 0.6:
        image, landmarks = _shrink_around(image, landmarks, transform, size)
        transform = similarity_transform(landmarks, TEMPLATE * size)
    aligned: np.ndarray = cv2.warpAffine(
        image, transform, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return aligned


def _shrink_around(
    image: np.ndarray, landmarks: np.ndarray, transform: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut out what ``transform`` shows in ``size`` pixels, and reduce it by area averaging.

    Returns:
        The reduced part of the image, and the landmarks in its pixels.
    """
    cv2 = load_opencv()
    height, width = image.shape[:2]
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], float)
    shown = (corners - transform[:, 2]) @ np.linalg.inv(transform[:, :2]).T
    margin = 2 / scale
    x0, y0 = np.clip((shown.min(0) - margin).astype(int), 0, (width - 2, height - 2))
    x1, y1 = np.clip((shown.max(0) + margin).astype(int), (x0 + 2, y0 + 2), (width, height))
    patch = image[y0:y1, x0:x1]
    shape = (max(2, round(patch.shape[1] * scale)), max(2, round(patch.shape[0] * scale)))
    ratio = np.array([shape[0] / patch.shape[1], shape[1] / patch.shape[0]])
    shrunk = cv2.resize(patch, shape, interpolation=cv2.INTER_AREA)
    return shrunk, (landmarks - (x0, y0) + 0.5) * ratio - 0.5
