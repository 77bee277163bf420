"""Aligned faces with known action units."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from depmap_cli.data.cache import CachedFaces
from depmap_cli.data.corpus import LabelledVideo
from depmap_cli.data.ground_truth import read_units


@dataclass(frozen=True)
class AuFrames:
    """Aligned faces with the intensity of every action unit."""

    faces: list[np.ndarray]  # a recording: (n, size, size, 3) RGB uint8, memory-mapped
    intensity: Float[np.ndarray, "frames units"]
    place: np.ndarray  # (frames, 2) recording, frame

    def __len__(self) -> int:
        return len(self.place)

    @staticmethod
    def joined(parts: "list[AuFrames]") -> "AuFrames":
        """The frames of all parts, in order."""
        before = np.cumsum([0, *(len(p.faces) for p in parts[:-1])])
        places = [p.place + (shift, 0) for p, shift in zip(parts, before, strict=True)]
        return AuFrames(
            [faces for p in parts for faces in p.faces],
            np.concatenate([p.intensity for p in parts]),
            np.concatenate(places),
        )

    def thinned(self, step: int) -> "AuFrames":
        """Every ``step``-th frame."""
        return AuFrames(self.faces, self.intensity[::step], self.place[::step])

    def pictures(self, rows: np.ndarray) -> UInt8[Tensor, "n h w 3"]:
        """The faces of some rows."""
        return torch.from_numpy(np.stack([self.faces[r][f] for r, f in self.place[rows]]))


def read_au_frames(data: Path, videos: list[LabelledVideo], cached: list[CachedFaces]) -> AuFrames:
    """Pair cached faces with the ground truth of their time.

    Raises:
        DataInvalid: a recording without ground truth, or with other action units.
    """
    intensities, places = [], []
    for number, (video, faces) in enumerate(zip(videos, cached, strict=True)):
        intensities.append(read_units(data, video).at(faces.times))
        places.append(np.stack([np.full(len(faces), number), np.arange(len(faces))], 1))
    return AuFrames([c.faces for c in cached], np.concatenate(intensities), np.concatenate(places))
