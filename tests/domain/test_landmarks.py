"""Landmarks in the order of Multi-PIE."""

import numpy as np

from depmap_cli.domain.landmarks import BROWS, EYES, JAW, LIPS, MIRROR, NOSE, five_points


def test_five_points_of_68():
    landmarks = np.arange(136, dtype=np.float32).reshape(68, 2)
    points = five_points(landmarks)
    assert points.shape == (5, 2)
    assert points[0].tolist() == landmarks[36:42].mean(0).tolist()
    assert points[2:].tolist() == landmarks[[30, 48, 54]].tolist()
    assert five_points(np.stack([landmarks, landmarks])).tolist() == [points.tolist()] * 2


def test_every_landmark_has_one_on_the_other_side():
    assert sorted(MIRROR) == list(range(68))
    assert [MIRROR[MIRROR[i]] for i in range(68)] == list(range(68))
    assert {i for i in range(68) if MIRROR[i] == i} == {8, 27, 28, 29, 30, 33, 51, 57, 62, 66}


def test_the_regions_cover_all_landmarks_and_are_symmetric():
    regions = [list(range(68))[region] for region in (JAW, BROWS, NOSE, EYES, LIPS)]
    assert sum(regions, []) == list(range(68))
    for region in regions:
        assert sorted(MIRROR[i] for i in region) == region
