"""Landmarks without the place, turn and size of the face."""

import math

import pytest
import torch

from depmap_cli.domain.landmarks import EYE_CORNERS
from depmap_cli.semantics.landmark_shape import shape_of
from tests.support.face_landmarks import face_landmarks


def test_shapes_do_not_depend_on_place_turn_and_size():
    landmarks = torch.from_numpy(face_landmarks())[None].float()
    angle = math.radians(20)
    turn = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    moved = 0.7 * landmarks @ turn + torch.tensor([0.1, -0.05])
    torch.testing.assert_close(shape_of(moved), shape_of(landmarks), atol=1e-5, rtol=1e-4)
    shape = shape_of(landmarks)[0]
    across = shape[EYE_CORNERS[-1]] - shape[EYE_CORNERS[0]]
    assert across.tolist() == pytest.approx([1, 0], abs=1e-6)
    assert shape[list(EYE_CORNERS)].mean(0).abs().max() < 1e-6
