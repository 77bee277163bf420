"""Prepared videos as the network takes them: faces, semantic features and the score."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Generator

from depmap_cli.data.face_cache import cache_writable
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.data.prepared_faces import CachedFaces
from depmap_cli.errors import WeightsInvalid
from depmap_cli.io.atomic_files import atomic_write
from depmap_cli.io.checkpoint import load_tensors
from depmap_cli.results import Verdict
from depmap_cli.runtime.devices import explain_out_of_memory
from depmap_cli.scoring.inference import embed_faces
from depmap_cli.semantics.clip_model import COVERED_THRESHOLD, SemanticFeatures, SemanticModel

FEATURES_VERSION = 2
"""Increased whenever a change of the code changes what the same weights read."""
_STORED_AS = {
    "image": "image",
    "au_probabilities": "evidence",
    "covered": "covered",
    "angles": "angles",
}
"""Fields of ``SemanticFeatures`` and their names in the files of the cache."""


@dataclass(frozen=True, kw_only=True)
class VideoClip:
    """The prepared faces of one labelled video, and what the semantic model says about them."""

    video: LabelledVideo
    faces: np.ndarray  # (n, size, size, 3) RGB uint8, memory-mapped
    features: SemanticFeatures
    usable: np.ndarray  # indices of the frames whose face is not covered; may be empty
    n_sampled: int = 0  # sampled frames, with a face or without
    times: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (n,) seconds
    verdict: Verdict | None = None  # of the quality gate, on the sampled frames

    def sample_evenly(self, count: int) -> np.ndarray:
        """Indices of at most ``count`` usable frames, evenly spaced."""
        n = len(self.usable)
        if count >= n:
            return self.usable
        rows: np.ndarray = self.usable[((np.arange(count) + 0.5) * n / count).astype(int)]
        return rows

    def sample_randomly(self, count: int, generator: Generator) -> np.ndarray:
        """Indices of ``count`` usable frames, one at random from each of as many equal segments."""
        offsets = torch.rand(count, generator=generator).numpy()
        chosen = ((np.arange(count) + offsets) * len(self.usable) / count).astype(int)
        rows: np.ndarray = self.usable[chosen]
        return rows


def load_clips(
    videos: list[LabelledVideo],
    cached: list[CachedFaces],
    semantics: SemanticModel,
    device: torch.device,
    on_progress: Callable[[int, int], None],
) -> list[VideoClip]:
    """Combine videos with their faces and semantic features, which are cached beside the faces.

    ``on_progress`` is called with (done, total).

    Raises:
        OutOfMemory: the device is too small for the semantic model.
        OutputUnwritable: the cache cannot be written.
    """
    clips = []
    for number, (video, entry) in enumerate(zip(videos, cached, strict=True)):
        features = _semantic_features(entry, semantics, device)
        clip = VideoClip(
            video=video,
            faces=entry.faces,
            features=features,
            usable=np.flatnonzero(features.covered.numpy() < COVERED_THRESHOLD),
            n_sampled=entry.n_sampled,
            times=entry.times,
            verdict=entry.quality.verdict,
        )
        clips.append(clip)
        on_progress(number + 1, len(videos))
    return clips


def _semantic_features(
    entry: CachedFaces, semantics: SemanticModel, device: torch.device
) -> SemanticFeatures:
    path = entry.features_folder / f"seen-{FEATURES_VERSION}-{semantics.id.sha256[:16]}.safetensors"
    if cached := _read_features(path, len(entry)):
        return cached
    with explain_out_of_memory("the semantic model", "close other programs, or give --device cpu"):
        features = embed_faces(semantics, entry.faces, device).in_camera(entry.clockwise)
    with cache_writable(path.parent), atomic_write(path) as temporary:
        tensors = {stored: getattr(features, name) for name, stored in _STORED_AS.items()}
        temporary.write_bytes(save({name: value.contiguous() for name, value in tensors.items()}))
    return features


def _read_features(path: Path, n_faces: int) -> SemanticFeatures | None:
    """Read cached features; None if they are missing or damaged."""
    try:
        tensors = load_tensors(path)
        features = SemanticFeatures(
            **{name: tensors[stored] for name, stored in _STORED_AS.items()}
        )
    except (WeightsInvalid, KeyError):
        return None
    return features if all(len(value) == n_faces for value in tensors.values()) else None
