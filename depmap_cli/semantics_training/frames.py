"""Aligned faces with known action units, head pose, gaze and landmarks."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from depmap_cli.data.ground_truth import read_traces
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.data.prepared_faces import CachedFaces
from depmap_cli.domain.head_and_gaze import turned_in_picture
from depmap_cli.faces.align import clockwise_degrees, in_aligned_face


@dataclass(frozen=True, kw_only=True)
class AuFrames:
    """Aligned faces of several videos with the intensity of every action unit, and the angles."""

    faces: list[np.ndarray]  # for each video, (n, size, size, 3) RGB uint8, memory-mapped
    intensity: Float[np.ndarray, "frames units"]  # in the order of ACTION_UNITS, about 0 to 1
    angles: Float[np.ndarray, "frames 5"]  # degrees, relative to the aligned face; NaN if unknown
    landmarks: Float[np.ndarray, "frames 68 2"]  # fractions of the face's side; NaN if unknown
    index: Int[np.ndarray, "frames 2"]  # number of the video, number of the frame within it

    def __len__(self) -> int:
        return len(self.index)

    @staticmethod
    def joined(parts: "list[AuFrames]") -> "AuFrames":
        """Concatenate the frames of all parts, in order."""
        offsets = np.cumsum([0, *(len(part.faces) for part in parts[:-1])])
        indices = [part.index + (n, 0) for part, n in zip(parts, offsets, strict=True)]
        return AuFrames(
            faces=[faces for part in parts for faces in part.faces],
            intensity=np.concatenate([part.intensity for part in parts]),
            angles=np.concatenate([part.angles for part in parts]),
            landmarks=np.concatenate([part.landmarks for part in parts]),
            index=np.concatenate(indices),
        )

    def subsampled(self, step: int) -> "AuFrames":
        """Every ``step``-th frame."""
        return AuFrames(
            faces=self.faces,
            intensity=self.intensity[::step],
            angles=self.angles[::step],
            landmarks=self.landmarks[::step],
            index=self.index[::step],
        )

    def images(self, rows: Int[np.ndarray, " n"]) -> UInt8[Tensor, "n h w 3"]:
        """The faces in these rows of ``index``."""
        return torch.from_numpy(np.stack([self.faces[v][f] for v, f in self.index[rows]]))


def read_au_frames(data: Path, videos: list[LabelledVideo], cached: list[CachedFaces]) -> AuFrames:
    """Pair the prepared faces of videos with what the people truly do at the same times.

    Args:
        data: corpus folder with ``ground_truth/``.
        videos: its videos.
        cached: the prepared faces of each video.

    Raises:
        DataInvalid: the ground truth of a video is missing or has other action units.
    """
    intensities, angles, landmarks, indices = [], [], [], []
    for number, (video, faces) in enumerate(zip(videos, cached, strict=True)):
        traces = read_traces(data, video)
        clockwise = np.array([clockwise_degrees(x) for x in traces.five_landmarks_at(faces.times)])
        intensities.append(traces.at(faces.times))
        angles.append(turned_in_picture(traces.angles_at(faces.times), -clockwise))
        landmarks.append(_in_aligned_faces(traces.landmarks_at(faces.times), faces))
        indices.append(np.stack([np.full(len(faces), number), np.arange(len(faces))], 1))
    return AuFrames(
        faces=[c.faces for c in cached],
        intensity=np.concatenate(intensities),
        angles=np.concatenate(angles).astype(np.float32),
        landmarks=np.concatenate(landmarks).astype(np.float32),
        index=np.concatenate(indices),
    )


def _in_aligned_faces(
    points: Float[np.ndarray, "n 68 2"], faces: CachedFaces
) -> Float[np.ndarray, "n 68 2"]:
    """Places in the aligned faces, as fractions of their side, from pixels of the pictures."""
    aligned = np.full(points.shape, np.nan)
    for row, five in enumerate(faces.landmarks):
        if np.isfinite(five).all():
            aligned[row] = in_aligned_face(points[row], five, faces.faces.shape[1])
    return aligned
