"""Prepared recordings as the network takes them: faces, CLIP's view of them, and the score."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Generator

from depmap_cli.data.cache import CachedFaces, cache_writable
from depmap_cli.data.corpus import LabelledVideo
from depmap_cli.errors import WeightsInvalid
from depmap_cli.io.atomic_files import atomic_write
from depmap_cli.io.checkpoint import load_tensors
from depmap_cli.results import Verdict
from depmap_cli.runtime.devices import explain_out_of_memory
from depmap_cli.scoring.inference import embed_faces
from depmap_cli.semantics.clip_model import OCCLUDED, SemanticFeatures, SemanticModel

_STORED_AS = {"image": "image", "au_probabilities": "evidence", "covered": "covered"}
"""Fields of ``SemanticFeatures`` and their names in the files of the cache."""


@dataclass(frozen=True, kw_only=True)
class VideoClip:
    """One recording, prepared."""

    video: LabelledVideo
    faces: np.ndarray  # (n, size, size, 3) RGB uint8, memory-mapped
    seen: SemanticFeatures
    usable: np.ndarray  # numbers of the frames whose face is not covered; none: of no use
    sampled: int = 0  # frames looked at when it was prepared, with a face or without
    times: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (n,) seconds, of the faces
    verdict: Verdict | None = None  # of the quality gate, on the frames that were prepared

    def spread(self, count: int) -> np.ndarray:
        """At most ``count`` usable frame numbers, evenly spread."""
        n = len(self.usable)
        if count >= n:
            return self.usable
        rows: np.ndarray = self.usable[((np.arange(count) + 0.5) * n / count).astype(int)]
        return rows

    def draw(self, count: int, generator: Generator) -> np.ndarray:
        """``count`` usable frame numbers, one at random from each of as many equal stretches."""
        place = torch.rand(count, generator=generator).numpy()
        chosen = ((np.arange(count) + place) * len(self.usable) / count).astype(int)
        rows: np.ndarray = self.usable[chosen]
        return rows


def load_clips(
    videos: list[LabelledVideo],
    cached: list[CachedFaces],
    semantics: SemanticModel,
    device: torch.device,
    progress: Callable[[int, int], None],
) -> list[VideoClip]:
    """Pair recordings with their faces and CLIP's view, which is kept beside the faces on disk."""
    clips = []
    for number, (video, entry) in enumerate(zip(videos, cached, strict=True)):
        seen = _view(entry, semantics, device)
        usable = np.flatnonzero(seen.covered.numpy() < OCCLUDED)
        clip = VideoClip(
            video=video,
            faces=entry.faces,
            seen=seen,
            usable=usable,
            sampled=entry.sampled,
            times=entry.times,
            verdict=entry.quality.verdict,
        )
        clips.append(clip)
        progress(number + 1, len(videos))
    return clips


def _view(entry: CachedFaces, semantics: SemanticModel, device: torch.device) -> SemanticFeatures:
    path = entry.views / f"seen-{semantics.id.sha256[:16]}.safetensors"
    if kept := _kept(path, len(entry)):
        return kept
    with explain_out_of_memory("the semantic model", "close other programs, or give --device cpu"):
        seen = embed_faces(semantics, entry.faces, device)
    with cache_writable(path.parent), atomic_write(path) as aside:
        tensors = {stored: getattr(seen, name) for name, stored in _STORED_AS.items()}
        aside.write_bytes(save({name: value.contiguous() for name, value in tensors.items()}))
    return seen


def _kept(path: Path, n_faces: int) -> SemanticFeatures | None:
    """What was seen before; None where there is nothing, or nothing whole."""
    try:
        tensors = load_tensors(path)
        seen = SemanticFeatures(**{name: tensors[stored] for name, stored in _STORED_AS.items()})
    except (WeightsInvalid, KeyError):
        return None
    return seen if all(len(value) == n_faces for value in tensors.values()) else None
