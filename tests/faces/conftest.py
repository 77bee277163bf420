"""Faces of the rendered interview with their landmarks, found once."""

import numpy as np
import pytest

from depmap_cli.config import FaceConfig
from depmap_cli.faces import FaceDetector


@pytest.fixture(scope="session")
def landmarks(face_frames) -> list[np.ndarray]:
    """Landmarks (5, 2) of the face in each of ``face_frames``."""
    found = FaceDetector(FaceConfig()).detect(face_frames)
    assert all(found)
    return [faces[0].landmarks for faces in found]
