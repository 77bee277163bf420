"""Runs Dep-MAP on the aligned faces of one video, batch by batch, and estimates its score.

Scoring, evaluation and model selection during training all use it. Only small vectors are kept of
each frame, so memory use hardly depends on the length of the video (measured: LOG L69).
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from depmap_cli.model.backbone import normalise_pixels
from depmap_cli.model.depmap import DepMap, FrameFeatures, VideoScores
from depmap_cli.model.keyframes import confidence
from depmap_cli.model.signals import mix_scores, signal_inputs
from depmap_cli.scoring.samplings import frame_weights, read_durations
from depmap_cli.semantics.clip_model import SemanticFeatures, SemanticModel
from depmap_cli.semantics.openface import AuTable
from depmap_cli.semantics.signals import frame_readings, signals_of

_CPU_BATCH, _ACCELERATOR_BATCH = 16, 64
"""Faces in one forward pass. The CPU batch is small to limit memory use."""
_SIGNAL_ROWS = 1024
"""Frames whose signals are scored at once, to limit memory use."""


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
            all frames of a video as one sampling.
        shares_backbone: whether the image encoder of the semantic model is also the backbone of
            Dep-MAP, so that its feature maps are computed once.
        keep_features: whether to keep the fused vector and the prototype activations of each frame,
            which evaluations show. Scoring does without, to save memory.
        au_table: the table that gave the action units; None if the semantic model did.

    Reading: of T frames, u = c ln T are key frames (text after Eq. (13)). With more frames, the
    share of key frames is smaller and their scores are more extreme: the estimates of a network
    trained with 20 frames are wrong by several points with 120 (measured: LOG L24). Therefore the
    frames of a video are weighted as in samplings of as many frames as in training, averaged over
    all such samplings (``samplings.py``).
    """

    def __init__(
        self,
        *,
        model: DepMap,
        semantics: SemanticModel,
        device: torch.device,
        training_frames: int | None = None,
        shares_backbone: bool = False,
        keep_features: bool = True,
        au_table: AuTable | None = None,
    ) -> None:
        self.model, self.semantics, self.device = model, semantics, device
        self.training_frames, self.shares_backbone = training_frames, shares_backbone
        self.keep_features, self.au_table = keep_features, au_table
        self._unread = frozenset[str]() if au_table is None else au_table.unread
        self._batches: list[FrameFeatures] = []
        self._semantics: list[SemanticFeatures] = []  # of the same frames, in little memory

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
        if self.au_table is None or self.au_table.is_raw:
            units = self.semantics.phrase_probabilities(image)
        else:
            units = semantic_features.au_probabilities.to(self.device)
        text = self.semantics.query(units, semantic_features.angles.to(self.device))
        readings = frame_readings(
            semantic_features.au_probabilities, semantic_features.angles, self._unread
        ).to(self.device)
        frames = self.model.encode_maps(maps, image, text, readings)
        activations = frames.activations if self.keep_features else None
        features = FrameFeatures(
            fused=frames.fused.float().cpu() if self.keep_features else torch.empty(len(image), 0),
            scores=frames.scores.float().cpu(),
            activations=None if activations is None else activations.cpu(),
            logits=None if frames.logits is None else frames.logits.float().cpu(),
            tokens={},
        )
        self._batches.append(features)
        small = replace(semantic_features, image=torch.empty(len(image), 0), landmarks=None)
        self._semantics.append(small)
        frame_confidence = (
            torch.ones(len(image)) if features.logits is None else confidence(features.logits)
        )
        return frame_confidence.numpy()

    @torch.inference_mode()
    def finish(
        self, times: Float[np.ndarray, " n"] | None = None
    ) -> tuple[VideoScores, FrameFeatures]:
        """Score the frames added so far.

        Args:
            times: of the frames, in seconds, ascending; None if they are not known: the frames then
                count as evenly spaced, and their movement as unknown.

        Returns:
            The estimate of the video (b = 1) and the features of its n frames. Without
            ``keep_features``, the fused vectors have no elements.
        """
        frames = FrameFeatures(
            fused=torch.cat([f.fused for f in self._batches]),
            scores=torch.cat([f.scores for f in self._batches]),
            activations=_concatenate([f.activations for f in self._batches]),
            logits=_concatenate([f.logits for f in self._batches]),
            tokens={},
        )
        durations = read_durations(
            np.arange(len(frames.scores), dtype=float) if times is None else times
        )
        weights = frame_weights(self.model.config, frames.logits, durations, self.training_frames)
        if (from_signals := self._signal_scores(times)) is not None:
            mixed = mix_scores(
                frames.scores.double(),
                torch.from_numpy(weights),
                from_signals.double(),
                torch.from_numpy(durations),
            )
            frames = replace(
                frames,
                scores=mixed.float(),
                network_scores=frames.scores,
                signal_scores=from_signals,
            )
        return _weighted(frames, torch.from_numpy(weights)), frames

    def _signal_scores(self, times: Float[np.ndarray, " n"] | None) -> Float[Tensor, " n"] | None:
        """The scores of all frames by their signals alone; None without a fitted regression."""
        head = self.model.signal_head
        if head is None or not head.fitted:
            return None
        table = self.au_table
        neutral = self.semantics.typical_neutral if table is None or table.is_raw else None
        features = SemanticFeatures.joined(self._semantics)
        signals = signals_of(features, times, neutral, self._unread)
        means = signals.nanmean(0)
        scores = [
            head(signal_inputs(signals[start : start + _SIGNAL_ROWS], means).to(self.device)).cpu()
            for start in range(0, len(signals), _SIGNAL_ROWS)
        ]
        return torch.cat(scores)


def _weighted(frames: FrameFeatures, weights: Float[Tensor, " n"]) -> VideoScores:
    """Return the scores of one video from the ``weights`` of its n frames, which sum to one."""
    shares = None if frames.logits is None else torch.softmax(frames.logits.double(), -1)
    return VideoScores(
        score=(weights @ frames.scores.double())[None].float(),
        weights=weights[None].float(),
        fused=(weights @ frames.fused.double())[None].float(),
        levels=None if shares is None else (weights @ shares)[None].float(),
    )


def _concatenate(tensors: list[Tensor | None]) -> Tensor | None:
    present = [tensor for tensor in tensors if tensor is not None]
    return torch.cat(present) if present else None
