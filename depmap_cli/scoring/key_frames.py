"""Selects the key frames of a video, and makes the material of their pictures."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8

from depmap_cli.domain.action_units import ACTION_UNITS, PRESENT_THRESHOLD
from depmap_cli.domain.bdi import BANDS, MAX_SCORE, level_as_printed
from depmap_cli.domain.head_and_gaze import HEAD
from depmap_cli.model.backbone import normalise_pixels
from depmap_cli.model.depmap import FrameFeatures, VideoScores
from depmap_cli.results import KeyFrame, KeyPicture
from depmap_cli.scoring.inference import face_batches
from depmap_cli.scoring.movement_map import UsualFace, movement_map
from depmap_cli.semantics.clip_model import SemanticFeatures
from depmap_cli.weights.loading import Networks

UNKNOWN = np.full(3, np.nan)
"""A head pose that is not known."""
_CANDIDATES_PER_KEY_FRAME = 12
"""Most faces kept for each key frame wanted while the video is read."""
_FIRST_PERIOD = 1 / 16
"""Seconds of a period at the start of a video."""


class Candidate(NamedTuple):
    """A frame that may become a key frame."""

    confidence: float
    row: int  # number of the usable frame, from 0
    time: float  # seconds
    face: np.ndarray  # (size, size, 3) RGB uint8
    embedding: np.ndarray  # (d,) image embedding


@dataclass(kw_only=True)
class KeyFrameCandidates:
    """The most confident frame of each period so far, so that not every face of a video is kept.

    The periods have equal length. It doubles whenever there are too many of them, so that the
    candidates of a video of any length are spread over it, and do not depend on how its frames are
    divided into batches.

    Args:
        wanted: number of key frames.
        evenly: keep the first frame of each period instead, for networks that weight all frames
            equally.
    """

    wanted: int
    evenly: bool = False
    _period: float = _FIRST_PERIOD
    _best: dict[int, Candidate] = field(default_factory=dict)  # number of the period -> candidate

    @property
    def kept(self) -> list[Candidate]:
        """The candidates so far, in order of time."""
        return list(self._best.values())

    def add(
        self,
        *,
        frame_confidence: np.ndarray,
        first: int,
        times: np.ndarray,
        faces: np.ndarray,
        embeddings: np.ndarray,
    ) -> None:
        """Offer n frames, later than those before.

        Args:
            frame_confidence: (n,), by which key frames are ranked.
            first: number of the first of them among the usable frames, from 0.
            times: (n,) in seconds.
            faces: (n, size, size, 3) RGB uint8.
            embeddings: (n, d) image embeddings.
        """
        for i, value in enumerate(frame_confidence.tolist() if self.wanted else []):
            period = int(times[i] // self._period)
            best = self._best.get(period)
            if best is None or (value > best.confidence and not self.evenly):
                # Copies, because a view would keep the whole batch of faces in memory.
                self._best[period] = Candidate(
                    confidence=value,
                    row=first + i,
                    time=float(times[i]),
                    face=faces[i].copy(),
                    embedding=embeddings[i].copy(),
                )
            while len(self._best) > _CANDIDATES_PER_KEY_FRAME * self.wanted:
                self._double_period()

    def _double_period(self) -> None:
        self._period *= 2
        candidates, self._best = self.kept, {}
        for candidate in candidates:
            best = self._best.setdefault(int(candidate.time // self._period), candidate)
            if candidate.confidence > best.confidence and not self.evenly:
                self._best[int(candidate.time // self._period)] = candidate

    def select(self, weights: np.ndarray, times: np.ndarray) -> list[int]:
        """Select the numbers of the key frames among the usable frames.

        They are the frames with the largest weights that are far apart in time, in order of weight;
        with ``evenly``, frames at even distances, in order of time.

        Args:
            weights: (n,) of all usable frames.
            times: (n,) in seconds.
        """
        candidates = [candidate.row for candidate in self.kept]
        if self.evenly:
            n = min(self.wanted, len(candidates))
            return [candidates[(2 * i + 1) * len(candidates) // (2 * n)] for i in range(n)]
        ranked = sorted(candidates, key=lambda row: (-weights[row], row))
        return select_apart_in_time(ranked, times, self.wanted)


@dataclass(frozen=True, kw_only=True)
class UsableFrames:
    """The data of the n usable frames of a video."""

    times: np.ndarray  # (n,) seconds
    semantics: SemanticFeatures  # without image embeddings, to save memory
    features: FrameFeatures
    au_probabilities: np.ndarray  # (n, units) as the report shows them
    mean_embedding: np.ndarray  # (d,) mean of the image embeddings
    angles: np.ndarray | None = None  # (n, 5) degrees in the order of ANGLES; None if not read


def make_key_frames(
    networks: Networks, scores: VideoScores, usable: UsableFrames, candidates: KeyFrameCandidates
) -> tuple[list[KeyFrame], list[KeyPicture]]:
    """Return the key frames selected from ``candidates``, and what their pictures show."""
    weights = scores.weights[0].numpy()
    head = usable.semantics.angles[:, HEAD].numpy()
    landmarks = usable.semantics.landmarks
    usual = None if landmarks is None else UsualFace.fit(landmarks.numpy(), head)
    by_row = {candidate.row: candidate for candidate in candidates.kept}
    key_frames, pictures = [], []
    for rank, row in enumerate(candidates.select(weights, usable.times), start=1):
        level = nearest_level(usable.features, row)
        probabilities = usable.au_probabilities[row]
        order = np.argsort(-probabilities, kind="stable")
        key_frames.append(
            KeyFrame(
                rank=rank,
                time=round(float(usable.times[row]), 3),
                weight=round(float(weights[row]), 5),
                score=round(float(usable.features.scores[row].clamp(0, MAX_SCORE)), 2),
                level=BANDS[level].name,
                action_units=[
                    ACTION_UNITS[i].code for i in order if probabilities[i] >= PRESENT_THRESHOLD
                ],
            )
        )
        pictures.append(key_picture(networks, by_row[row].face, usual, head[row]))
    return key_frames, pictures


def select_apart_in_time(ranked: list[int], times: np.ndarray, count: int) -> list[int]:
    """Return the first ``count`` frames of ``ranked`` that are far apart in time.

    If there are too few, frames closer in time are added. The order is that of ``ranked``.

    Args:
        ranked: frame numbers, the best first.
        times: (n,) of all frames, in seconds.
        count: number of frames wanted.
    """
    if not len(times):
        return []
    distance = float(times[-1] - times[0]) / max(4 * count, 1)
    selected: list[int] = []
    for row in ranked:
        if len(selected) < count and all(abs(times[row] - times[c]) >= distance for c in selected):
            selected.append(row)
    others = [row for row in ranked if row not in selected]
    return sorted(selected + others[: count - len(selected)], key=ranked.index)


def nearest_level(features: FrameFeatures, row: int) -> int:
    """Return the level whose prototypes a frame resembles most.

    Without prototypes it is the level of the frame's score.
    """
    if features.logits is None:
        return level_as_printed(float(features.scores[row]))
    return int(features.logits[row].argmax())


def usual_face(
    networks: Networks, faces: UInt8[np.ndarray, "n h w 3"], head: Float[np.ndarray, "n 3"]
) -> UsualFace | None:
    """Estimate the usual face of a person; None if the weights find no landmarks.

    Args:
        networks: the networks that find the landmarks.
        faces: aligned faces of one video, RGB.
        head: pitch, yaw and roll of each face in degrees; NaN if unknown.
    """
    found = []
    for batch in face_batches(len(faces), networks.device):
        pixels = normalise_pixels(torch.from_numpy(np.array(faces[batch])).to(networks.device))
        found.append(networks.semantics.landmarks(pixels))
    landmarks = [x.cpu().numpy() for x in found if x is not None]
    return UsualFace.fit(np.concatenate(landmarks), head) if landmarks else None


def key_picture(
    networks: Networks, face: np.ndarray, usual: UsualFace | None = None, head: np.ndarray = UNKNOWN
) -> KeyPicture:
    """Find the landmarks of a face, and where it differs from the person's usual face.

    Args:
        face: (size, size, 3) RGB uint8.
        usual: the person's usual face; None to show no differences.
        head: pitch, yaw and roll of the face in degrees; NaN if unknown.
    """
    pixels = normalise_pixels(torch.from_numpy(face)[None].to(networks.device))
    found = networks.semantics.landmarks(pixels)
    no_heat = np.zeros(face.shape[:2])
    if found is None:
        return KeyPicture(face, no_heat)
    landmarks = found[0].cpu().numpy()
    if usual is None:
        return KeyPicture(face, no_heat, landmarks)
    deviations = usual.deviations(landmarks, head)
    return KeyPicture(face, movement_map(landmarks, deviations, len(face)), landmarks)
