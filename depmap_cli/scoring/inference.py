"""Runs Dep-MAP on the aligned faces of one video, batch by batch, and estimates its score.

Scoring, evaluation and model selection during training all use it. Only small vectors are kept of
each frame, so memory use hardly depends on the length of the video.
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

_CPU_BATCH, _ACCELERATOR_BATCH = 16, 64
"""Faces in one forward pass. The CPU batch is small to limit memory use."""


def face_batches(n: int, device: torch.device) -> Iterator[slice]:
    """Yield the slices that split ``n`` faces into batches of a suitable size for ``device``."""
    size = _CPU_BATCH if device.type == "cpu" else _ACCELERATOR_BATCH
    return (slice(start, start + size) for start in range(0, n, size))


@torch.inference_mode()
def embed_faces(
    semantics: SemanticModel, faces: UInt8[np.ndarray, "n h w 3"], device: torch.device
) -> SemanticFeatures:
    """Compute the semantic features of RGB faces on ``device``; return them on the CPU."""
    features = []
    for batch in face_batches(len(faces), device):
        pixels = torch.from_numpy(np.array(faces[batch])).to(device)
        features.append(semantics(pixels).on_cpu())
    return SemanticFeatures.joined(features)


class VideoInference:
    """Encodes the frames of one video and scores them together.

    Args:
        model: Dep-MAP.
        semantics: the semantic model it was trained with.
        device: where both networks are.
        training_frames: number of frames of a video that the network was trained on; None scores
            all frames of a video as one sample.
        shares_backbone: whether the image encoder of the semantic model is also the backbone of
            Dep-MAP, so that its feature maps are computed once.

    Reading: of T frames, u = c ln T are key frames (text after Eq. (13)). With more frames, the
    share of key frames is smaller and their scores are more extreme: the estimates of a network
    trained with 20 frames are wrong by several points with 120 (measured: LOG L24). Therefore k
    times as many frames as in training are scored as k samples of the video, each of every k-th
    frame, and the k estimates are averaged.
    """

    def __init__(
        self,
        *,
        model: DepMap,
        semantics: SemanticModel,
        device: torch.device,
        training_frames: int | None = None,
        shares_backbone: bool = False,
    ) -> None:
        self.model, self.semantics, self.device = model, semantics, device
        self.training_frames, self.shares_backbone = training_frames, shares_backbone
        self._batches: list[FrameFeatures] = []

    @torch.inference_mode()
    def embed(
        self, faces: UInt8[np.ndarray, "n h w 3"]
    ) -> tuple[SemanticFeatures, list[Tensor] | None]:
        """Compute the semantic features of one batch of RGB faces.

        Returns:
            The features on the CPU and, with ``shares_backbone``, the backbone's feature maps f_1
            to f_4 on the device; otherwise None.
        """
        if not self.shares_backbone:
            return embed_faces(self.semantics, faces, self.device), None
        pixels = self._pixels(faces)
        maps: list[Tensor] = self.model.backbone(pixels)
        return self.semantics.from_feature_map(maps[-1], pixels).on_cpu(), maps

    def _pixels(self, faces: np.ndarray) -> Tensor:
        return normalise_pixels(torch.from_numpy(np.array(faces)).to(self.device))

    @torch.inference_mode()
    def encode_faces(
        self, faces: UInt8[np.ndarray, "n h w 3"], semantic_features: SemanticFeatures
    ) -> Float[np.ndarray, " n"]:
        """Encode RGB faces, in batches.

        Returns:
            The confidence of each frame, by which key frames are ranked.
        """
        frame_confidence = []
        for batch in face_batches(len(faces), self.device):
            maps = self.model.backbone(self._pixels(faces[batch]))
            frame_confidence.append(self.encode_maps(maps, semantic_features[batch]))
        return np.concatenate(frame_confidence)

    @torch.inference_mode()
    def encode_maps(
        self, maps: list[Tensor], semantic_features: SemanticFeatures
    ) -> Float[np.ndarray, " n"]:
        """Do the same as ``encode_faces``, for the backbone's feature maps f_1 to f_4 of faces."""
        image = semantic_features.image.to(self.device)
        text = self.semantics.query(
            semantic_features.au_probabilities.to(self.device),
            semantic_features.angles.to(self.device),
        )
        frames = self.model.encode_maps(maps, image, text)
        features = FrameFeatures(
            fused=frames.fused.float().cpu(),
            scores=frames.scores.float().cpu(),
            activations=None if frames.activations is None else frames.activations.cpu(),
            logits=None if frames.logits is None else frames.logits.float().cpu(),
            tokens={},
        )
        self._batches.append(features)
        frame_confidence = (
            torch.ones(len(image)) if features.logits is None else confidence(features.logits)
        )
        return frame_confidence.numpy()

    @torch.inference_mode()
    def finish(self) -> tuple[VideoScores, FrameFeatures]:
        """Score the frames added so far.

        Returns:
            The estimate of the video (b = 1) and the features of its n frames.
        """
        frames = FrameFeatures(
            fused=torch.cat([f.fused for f in self._batches]),
            scores=torch.cat([f.scores for f in self._batches]),
            activations=_concatenate([f.activations for f in self._batches]),
            logits=_concatenate([f.logits for f in self._batches]),
            tokens={},
        )
        n = len(frames.scores)
        n_samples = max(1, round(n / self.training_frames)) if self.training_frames else 1
        samples = [slice(first, None, n_samples) for first in range(n_samples)]
        scores = [self._score_sample(frames, sample) for sample in samples]
        return _average(scores, samples, n), frames

    def _score_sample(self, frames: FrameFeatures, sample: slice) -> VideoScores:
        scores = frames.scores[None, sample]
        logits = None if frames.logits is None else frames.logits[None, sample]
        valid = torch.ones(scores.shape, dtype=torch.bool)
        return self.model.fuse(frames.fused[None, sample], scores, logits, valid)


def _average(scores: list[VideoScores], samples: list[slice], n: int) -> VideoScores:
    """Average the scores of the ``samples`` of one video with ``n`` frames."""
    weights = torch.zeros(1, n)
    for score, sample in zip(scores, samples, strict=True):
        weights[:, sample] = score.weights / len(scores)
    levels = [score.levels for score in scores if score.levels is not None]
    return VideoScores(
        score=torch.stack([score.score for score in scores]).mean(0),
        weights=weights,
        fused=torch.stack([score.fused for score in scores]).mean(0),
        levels=torch.stack(levels).mean(0) if levels else None,
    )


def _concatenate(tensors: list[Tensor | None]) -> Tensor | None:
    present = [tensor for tensor in tensors if tensor is not None]
    return torch.cat(present) if present else None
