"""Selects the key frames of a video, and makes the material of their pictures."""

from dataclasses import dataclass, field

import numpy as np
import torch

from depmap_cli.domain.action_units import ACTION_UNITS, PRESENT_THRESHOLD
from depmap_cli.domain.bdi import BANDS, MAX_SCORE, level_as_printed
from depmap_cli.model.backbone import normalise_pixels
from depmap_cli.model.depmap import FrameFeatures, VideoScores
from depmap_cli.model.heatmap import prototype_heatmap
from depmap_cli.results import KeyFrame, KeyPicture
from depmap_cli.semantics.clip_model import SemanticFeatures
from depmap_cli.weights.loading import Networks

_CANDIDATES_PER_KEY_FRAME = 8
"""Faces kept for each key frame wanted while the video is read."""


@dataclass(kw_only=True)
class KeyFrameCandidates:
    """The faces of the most confident frames so far, so that not every face of a video is kept.

    Args:
        wanted: number of key frames.
        evenly: keep frames at even distances instead, for networks that weight all frames equally.
        rows: (confidence, number of the usable frame, face) of each frame kept.
    """

    wanted: int
    evenly: bool = False
    rows: list[tuple[float, int, np.ndarray]] = field(default_factory=list)
    _step: int = 1  # with ``evenly``: every ``_step``-th usable frame is kept

    def add(self, frame_confidence: np.ndarray, first: int, faces: np.ndarray) -> None:
        """Offer faces (n, size, size, 3), the first of which is usable frame number ``first``."""
        rows = self.rows + [(float(c), first + i, faces[i]) for i, c in enumerate(frame_confidence)]
        limit = _CANDIDATES_PER_KEY_FRAME * self.wanted
        if self.evenly:
            rows = [row for row in rows if row[1] % self._step == 0]
            while len(rows) > limit > 0:
                self._step *= 2
                rows = [row for row in rows if row[1] % self._step == 0]
        else:
            rows.sort(key=lambda row: (-row[0], row[1]))
        # Copies, because a view would keep the whole batch of faces in memory.
        self.rows = [(c, row, face.copy()) for c, row, face in rows[:limit]]

    def select(self, weights: np.ndarray, times: np.ndarray) -> list[int]:
        """Select the numbers of the key frames among the usable frames.

        They are the frames with the largest weights that are far apart in time, in order of weight;
        with ``evenly``, frames at even distances, in order of time.

        Args:
            weights: (n,) of all usable frames.
            times: (n,) in seconds.
        """
        candidates = [row for _, row, _ in self.rows]
        if self.evenly:
            count = min(self.wanted, len(candidates))
            return [candidates[(2 * i + 1) * len(candidates) // (2 * count)] for i in range(count)]
        ranked = sorted(candidates, key=lambda row: (-weights[row], row))
        return select_apart_in_time(ranked, times, self.wanted)


@dataclass(frozen=True, kw_only=True)
class UsableFrames:
    """The data of the n usable frames of a video."""

    times: np.ndarray  # (n,) seconds
    semantics: SemanticFeatures
    features: FrameFeatures
    au_probabilities: np.ndarray  # (n, units) as the report shows them


def make_key_frames(
    networks: Networks, scores: VideoScores, usable: UsableFrames, candidates: KeyFrameCandidates
) -> tuple[list[KeyFrame], list[KeyPicture]]:
    """Return the key frames selected from ``candidates``, and their faces with heat maps."""
    weights = scores.weights[0].numpy()
    faces = {row: face for _, row, face in candidates.rows}
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
        pictures.append(key_picture(networks, faces[row], usable.semantics, row, level))
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


def key_picture(
    networks: Networks,
    face: np.ndarray,
    semantic_features: SemanticFeatures,
    row: int,
    level: int,
    prototype: int | None = None,
) -> KeyPicture:
    """Make the heat map of a face: where it matches a level, or one prototype of the level.

    Args:
        face: (size, size, 3) RGB uint8.
        row: index of the face in ``semantic_features``.
        level: index of the severity level.
        prototype: index of the prototype; None for all prototypes of the level.
    """
    device = networks.device
    pixels = normalise_pixels(torch.from_numpy(face)[None].to(device))
    semantic_features = semantic_features[slice(row, row + 1)]
    text = networks.semantics.query(
        semantic_features.au_probabilities.to(device), semantic_features.angles.to(device)
    )
    image = semantic_features.image.to(device)
    heat = prototype_heatmap(networks.model, pixels, image, text, level, prototype)
    return KeyPicture(face, heat[0].cpu().numpy())
