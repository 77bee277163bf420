"""The frames that carried an estimate, and the material of their pictures."""

from dataclasses import dataclass, field

import numpy as np
import torch

from depmap_cli.domain.action_units import ACTION_UNITS, PRESENT_THRESHOLD
from depmap_cli.domain.bdi import BANDS, MAX_SCORE, level_of
from depmap_cli.model.backbone import normalise_pixels
from depmap_cli.model.depmap import FrameFeatures, VideoScores
from depmap_cli.model.heatmap import prototype_heatmap
from depmap_cli.results import KeyFrame, KeyPicture
from depmap_cli.semantics.clip_model import SemanticFeatures
from depmap_cli.weights.loading import Networks

_POOL = 8
"""Faces kept, for each key frame wanted, while the video passes."""


@dataclass(kw_only=True)
class KeyFrameCandidates:
    """The faces of the most decided frames so far, so that a long video need not be kept.

    With ``evenly``, for networks that weigh all frames alike, those of every so many frames.
    """

    wanted: int
    evenly: bool = False
    rows: list[tuple[float, int, np.ndarray]] = field(default_factory=list)
    _apart: int = 1  # of the rows kept, with ``evenly``

    def add(self, frame_confidence: np.ndarray, first: int, faces: np.ndarray) -> None:
        """Offer faces, the first of which is usable frame number ``first``."""
        rows = self.rows + [(float(d), first + i, faces[i]) for i, d in enumerate(frame_confidence)]
        most = _POOL * self.wanted
        if self.evenly:
            rows = [row for row in rows if row[1] % self._apart == 0]
            while len(rows) > most > 0:
                self._apart *= 2
                rows = [row for row in rows if row[1] % self._apart == 0]
        else:
            rows.sort(key=lambda row: (-row[0], row[1]))
        # copies: a view would keep all the faces that came with it
        self.rows = [(d, row, face.copy()) for d, row, face in rows[:most]]

    def chosen(self, weights: np.ndarray, times: np.ndarray) -> list[int]:
        """The numbers of the frames to show: the heaviest that lie apart in time, the heaviest
        first; with ``evenly`` those in the middle of equal parts, the earliest first.

        Args:
            weights: (n,) of all usable frames.
            times: (n,) in seconds.
        """
        kept = [row for _, row, _ in self.rows]
        if self.evenly:
            count = min(self.wanted, len(kept))
            return [kept[(2 * i + 1) * len(kept) // (2 * count)] for i in range(count)]
        ranked = sorted(kept, key=lambda row: (-weights[row], row))
        return spread_in_time(ranked, times, self.wanted)


@dataclass(frozen=True, kw_only=True)
class UsableFrames:
    """What is known of the n usable frames of a video."""

    times: np.ndarray  # (n,) seconds
    seen: SemanticFeatures
    features: FrameFeatures
    au_probabilities: np.ndarray  # (n, units) as the report shows it


def key_frames(
    networks: Networks, scores: VideoScores, usable: UsableFrames, candidates: KeyFrameCandidates
) -> tuple[list[KeyFrame], list[KeyPicture]]:
    """The frames that ``candidates`` chooses, with faces and heat maps."""
    weights = scores.weights[0].numpy()
    faces = {row: face for _, row, face in candidates.rows}
    keys, pictures = [], []
    for rank, row in enumerate(candidates.chosen(weights, usable.times), start=1):
        level = nearest_level(usable.features, row)
        found = usable.au_probabilities[row]
        order = np.argsort(-found, kind="stable")
        keys.append(
            KeyFrame(
                rank=rank,
                time=round(float(usable.times[row]), 3),
                weight=round(float(weights[row]), 5),
                score=round(float(usable.features.scores[row].clamp(0, MAX_SCORE)), 2),
                level=BANDS[level].name,
                action_units=[ACTION_UNITS[i].code for i in order if found[i] >= PRESENT_THRESHOLD],
            )
        )
        pictures.append(key_picture(networks, faces[row], usable.seen, row, level))
    return keys, pictures


def spread_in_time(ranked: list[int], times: np.ndarray, count: int) -> list[int]:
    """The first ``count`` of ``ranked`` that lie apart in time; closer ones only if too few do."""
    if not len(times):
        return []
    distance = float(times[-1] - times[0]) / max(4 * count, 1)
    chosen: list[int] = []
    for row in ranked:
        if len(chosen) < count and all(abs(times[row] - times[c]) >= distance for c in chosen):
            chosen.append(row)
    rest = [row for row in ranked if row not in chosen]
    return sorted(chosen + rest[: count - len(chosen)], key=ranked.index)


def nearest_level(features: FrameFeatures, row: int) -> int:
    """The level whose prototypes a frame resembles most; without prototypes, that of its score."""
    if features.logits is None:
        return level_of(float(features.scores[row]))
    return int(features.logits[row].argmax())


def key_picture(
    networks: Networks,
    face: np.ndarray,
    seen: SemanticFeatures,
    row: int,
    level: int,
    prototype: int | None = None,
) -> KeyPicture:
    """A face, (size, size, 3) RGB uint8, with where it matches a level, or one of its prototypes.

    Args:
        row: of the face in ``seen``.
    """
    device = networks.device
    pixels = normalise_pixels(torch.from_numpy(face)[None].to(device))
    text = networks.semantics.query(seen.au_probabilities[row : row + 1].to(device))
    image = seen.image[row : row + 1].to(device)
    heat = prototype_heatmap(networks.model, pixels, image, text, level, prototype)
    return KeyPicture(face, heat[0].cpu().numpy())
