"""Between the picture and the aligned face."""

import numpy as np
import pytest

from depmap_cli.faces.align import TEMPLATE, align_face, in_aligned_face, in_picture

SIZE = 128


def test_points_of_the_aligned_face_return_to_the_picture():
    rng = np.random.default_rng(0)
    landmarks = 90 * TEMPLATE @ np.array([[0.9, 0.3], [-0.3, 0.9]]) + rng.normal(0, 2, (5, 2))
    points = rng.uniform(0, 300, (68, 2))
    aligned = in_aligned_face(points, landmarks, SIZE)
    assert in_picture(aligned, landmarks, SIZE) == pytest.approx(points)


def test_a_spot_of_the_picture_is_where_it_is_said_to_be():
    """In the picture of the aligned face, to a tenth of a pixel."""
    landmarks = 70 * TEMPLATE @ np.array([[0.95, 0.2], [-0.2, 0.95]]) + (40, 30)
    rows, columns = np.mgrid[:160, :160]
    spot = np.array([[75.0, 64.0]])
    light = 255 * np.exp(-((columns - spot[0, 0]) ** 2 + (rows - spot[0, 1]) ** 2) / 40)
    face = align_face(np.repeat(light[..., None], 3, 2).astype(np.uint8), landmarks, SIZE)
    weight = face[..., 0].astype(float)
    centre = [(weight * axis).sum() / weight.sum() + 0.5 for axis in np.mgrid[:SIZE, :SIZE][::-1]]
    told = SIZE * in_aligned_face(spot, landmarks, SIZE)[0]
    assert told == pytest.approx(centre, abs=0.1)
