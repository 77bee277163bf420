"""The one inference path: aligned faces of one video in, piece by piece; its estimate out.

Scoring, evaluation and selection during training all pass through here. Of each frame only small
vectors are kept.
"""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from depmap_cli.model.backbone import normalise_pixels
from depmap_cli.model.depmap import DepMap, FrameFeatures, VideoScores
from depmap_cli.model.keyframes import confidence
from depmap_cli.semantics.clip_model import SemanticFeatures, SemanticModel

_CPU_FACES, _ACCELERATOR_FACES = 16, 64
"""Faces that pass through the networks together: few on the CPU, for the memory's sake."""


@torch.inference_mode()
def view(
    semantics: SemanticModel, faces: UInt8[np.ndarray, "n h w 3"], device: torch.device
) -> SemanticFeatures:
    """CLIP's view of some faces, on the CPU."""
    seen = []
    for piece in pieces(len(faces), device):
        batch = torch.from_numpy(np.array(faces[piece])).to(device)
        seen.append(semantics(batch).on_cpu())
    return SemanticFeatures.joined(seen)


class VideoInference:
    """Collects the frames of one video and scores them together.

    Args:
        usual: frames of a video that the network was trained on, None for as many as there are.
        one_backbone: whether the semantic model's image tower is Dep-MAP's, too.

    Reading: of T frames, u = c ln T are key frames (text after Eq. (13)): the more frames, the
    smaller the share of them, and the more extreme. A network that learned with 20 is off by points
    with 120 (measured: CHANGELOG). So several times as many frames as usual are taken for as many
    samplings of the video, every k-th frame each, whose estimates are averaged.
    """

    def __init__(
        self,
        *,
        model: DepMap,
        semantics: SemanticModel,
        device: torch.device,
        usual: int | None = None,
        shares_backbone: bool = False,
    ) -> None:
        self.model, self.semantics, self.device = model, semantics, device
        self.usual, self.shares_backbone = usual, shares_backbone
        self._frames: list[FrameFeatures] = []

    @torch.inference_mode()
    def look(
        self, faces: UInt8[np.ndarray, "n h w 3"]
    ) -> tuple[SemanticFeatures, list[Tensor] | None]:
        """CLIP's view of a piece's faces, and the maps f_1 to f_4 if it is of the same ones."""
        if not self.shares_backbone:
            return view(self.semantics, faces, self.device), None
        maps: list[Tensor] = self.model.backbone(self._pixels(faces))
        return self.semantics.from_feature_map(maps[-1]).on_cpu(), maps

    def _pixels(self, faces: np.ndarray) -> Tensor:
        return normalise_pixels(torch.from_numpy(np.array(faces)).to(self.device))

    @torch.inference_mode()
    def add(
        self, faces: UInt8[np.ndarray, "n h w 3"], seen: SemanticFeatures
    ) -> Float[np.ndarray, " n"]:
        """Encode some faces; returns how decided each frame is (its rank as a key frame)."""
        frame_confidence = []
        for piece in pieces(len(faces), self.device):
            maps = self.model.backbone(self._pixels(faces[piece]))
            frame_confidence.append(self.add_maps(maps, seen[piece]))
        return np.concatenate(frame_confidence)

    @torch.inference_mode()
    def add_maps(self, maps: list[Tensor], seen: SemanticFeatures) -> Float[np.ndarray, " n"]:
        """The same with the backbone's maps f_1 to f_4 of the faces."""
        image = seen.image.to(self.device)
        text = self.semantics.query(seen.au_probabilities.to(self.device))
        frames = self.model.encode_maps(maps, image, text)
        kept = FrameFeatures(
            fused=frames.fused.float().cpu(),
            scores=frames.scores.float().cpu(),
            activations=None if frames.activations is None else frames.activations.cpu(),
            logits=None if frames.logits is None else frames.logits.float().cpu(),
            tokens={},
        )
        self._frames.append(kept)
        frame_confidence = (
            torch.ones(len(image)) if kept.logits is None else confidence(kept.logits)
        )
        return frame_confidence.numpy()

    @torch.inference_mode()
    def finish(self) -> tuple[VideoScores, FrameFeatures]:
        """The video's estimate (b = 1) and its frames'."""
        frames = FrameFeatures(
            fused=torch.cat([f.fused for f in self._frames]),
            scores=torch.cat([f.scores for f in self._frames]),
            activations=_joined([f.activations for f in self._frames]),
            logits=_joined([f.logits for f in self._frames]),
            tokens={},
        )
        n = len(frames.scores)
        samplings = max(1, round(n / self.usual)) if self.usual else 1
        parts = [slice(first, None, samplings) for first in range(samplings)]
        return _averaged([self._fused(frames, part) for part in parts], parts, n), frames

    def _fused(self, frames: FrameFeatures, part: slice) -> VideoScores:
        """What some of the frames say together."""
        scores = frames.scores[None, part]
        logits = None if frames.logits is None else frames.logits[None, part]
        valid = torch.ones(scores.shape, dtype=torch.bool)
        return self.model.fuse(frames.fused[None, part], scores, logits, valid)


def _averaged(found: list[VideoScores], parts: list[slice], n: int) -> VideoScores:
    """The mean over samplings of one video with n frames, of which they are ``parts``."""
    weights = torch.zeros(1, n)
    for sampling, part in zip(found, parts, strict=True):
        weights[:, part] = sampling.weights / len(found)
    levels = [sampling.levels for sampling in found if sampling.levels is not None]
    return VideoScores(
        score=torch.stack([sampling.score for sampling in found]).mean(0),
        weights=weights,
        fused=torch.stack([sampling.fused for sampling in found]).mean(0),
        levels=torch.stack(levels).mean(0) if levels else None,
    )


def pieces(n: int, device: torch.device) -> Iterator[slice]:
    """Which of n faces pass through the networks together."""
    step = _CPU_FACES if device.type == "cpu" else _ACCELERATOR_FACES
    return (slice(start, start + step) for start in range(0, n, step))


def _joined(pieces: list[Tensor | None]) -> Tensor | None:
    present = [p for p in pieces if p is not None]
    return torch.cat(present) if present else None
