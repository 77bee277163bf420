"""Between the picture and the aligned face."""

import numpy as np
import pytest

from depmap_cli.faces.align import TEMPLATE, in_picture, similarity_transform


def test_points_of_the_aligned_face_return_to_the_picture():
    rng = np.random.default_rng(0)
    landmarks = 90 * TEMPLATE @ np.array([[0.9, 0.3], [-0.3, 0.9]]) + rng.normal(0, 2, (5, 2))
    points = rng.uniform(0, 300, (68, 2))
    transform = similarity_transform(landmarks, TEMPLATE)
    aligned = points @ transform[:, :2].T + transform[:, 2]
    assert in_picture(aligned, landmarks) == pytest.approx(points)
