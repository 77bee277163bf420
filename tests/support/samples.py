"""Makes face samples from pictures, or from nothing, as the tracker would give them."""

import numpy as np

from depmap_cli.faces import FaceSample, align_face


def sample_of(image: np.ndarray, landmarks: np.ndarray, time: float) -> FaceSample:
    """The sample of a face with these landmarks (5, 2) in an image."""
    eyes = landmarks[1] - landmarks[0]
    distance = float(np.linalg.norm(eyes))
    return FaceSample(
        time=time,
        valid=True,
        reason="",
        n_faces=1,
        face=align_face(image, landmarks, 128),
        landmarks=landmarks,
        eye_distance=distance,
        turn=float((landmarks[2] - landmarks[:2].mean(0)) @ eyes) / distance**2,
    )


def excluded(reason: str, time: float) -> FaceSample:
    """The sample of a frame without a usable face."""
    return FaceSample(time=time, valid=False, reason=reason, n_faces=int(reason != "no face"))
