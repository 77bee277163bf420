"""What becomes of rendered pictures: a compressed video, or aligned faces as scoring sees them."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float, Int, UInt8

from depmap_cli.simulation.rendering.renderer_api import Camera


@dataclass(frozen=True, kw_only=True)
class Acted:
    """What a person does in the frames that are rendered."""

    au: Float[np.ndarray, "k 18"]
    pose: Float[np.ndarray, "k 3"]
    gaze: Float[np.ndarray, "k 2"]
    times: Float[np.ndarray, " k"]  # seconds

    def __len__(self) -> int:
        return len(self.times)

    @classmethod
    def joined(cls, parts: list["Acted"]) -> "Acted":
        """One after the other."""
        columns = [f.name for f in fields(cls)]
        return cls(**{c: np.concatenate([getattr(p, c) for p in parts]) for c in columns})


def spread_frames(n: int, count: int) -> Int[np.ndarray, " k"]:
    """Which of ``n`` frames ``depmap_cli.video`` would sample, if ``count`` were asked for."""
    if count >= n:
        return np.arange(n)
    # Frame i lies at i; a frame is taken once it is nearer to the target than the next.
    targets = (np.arange(count) + 0.5) * n / count
    return np.minimum(np.ceil(targets - 0.5 - 1e-6), n - 1).astype(int)


def film(
    camera: Camera, acted: Acted, landmarks: list[np.ndarray]
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """The pictures, one after the other; their five landmarks (5, 2) are added to the list."""
    for au, pose, gaze in zip(acted.au, acted.pose, acted.gaze, strict=True):
        shot = camera.frame(au, pose, gaze)
        landmarks.append(five_points(shot.landmarks))
        yield shot.image


def five_points(landmarks: Float[np.ndarray, "68 2"]) -> Float[np.ndarray, "5 2"]:
    """Eyes, nose tip and mouth corners of Multi-PIE's 68 landmarks; the viewer's left first."""
    eyes = landmarks[36:42].mean(0), landmarks[42:48].mean(0)
    return np.stack([*eyes, landmarks[30], landmarks[48], landmarks[54]])
