"""The landmarks of a schematic face."""

import numpy as np

from depmap_cli.domain.landmarks import LIPS


def face_landmarks(
    smile: float = 0.0, lips_apart: float = 0.0, brows_up: float = 0.0
) -> np.ndarray:
    """A schematic face; the arguments are shifts as fractions of the side."""
    points = np.zeros((68, 2))
    jaw = np.linspace(np.pi, 0, 17)
    points[:17] = np.stack([0.5 + 0.42 * np.cos(jaw), 0.4 + 0.5 * np.sin(jaw)], 1)
    for first, centre in ((17, 0.31), (22, 0.69)):
        points[first : first + 5, 0] = centre + np.linspace(-0.12, 0.12, 5)
        points[first : first + 5, 1] = 0.22 - brows_up
    points[27:31] = np.stack([np.full(4, 0.5), np.linspace(0.32, 0.5, 4)], 1)
    points[31:36] = np.stack([np.linspace(0.42, 0.58, 5), np.full(5, 0.55)], 1)
    for first, centre in ((36, 0.31), (42, 0.69)):
        angle = np.pi + np.arange(6) * np.pi / 3
        points[first : first + 6] = np.stack(
            [centre + 0.07 * np.cos(angle), 0.33 + 0.03 * np.sin(angle)], 1
        )
    for first, count, width, height in ((48, 12, 0.16, 0.05), (60, 8, 0.12, lips_apart / 2)):
        angle = np.pi + np.arange(count) * 2 * np.pi / count
        points[first : first + count] = np.stack(
            [0.5 + width * np.cos(angle), 0.72 + height * np.sin(angle)], 1
        )
    mouth = points[LIPS]
    mouth[:, 1] -= smile * (np.abs(mouth[:, 0] - 0.5) / 0.16) ** 2
    return points
