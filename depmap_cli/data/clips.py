"""Prepared recordings as the network takes them: faces, CLIP's view of them, and the score."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator

from depmap_cli.data.cache import CachedFaces
from depmap_cli.data.corpus import Recording
from depmap_cli.inference import SemanticView, view
from depmap_cli.model.semantics import Semantics


@dataclass(frozen=True)
class Clip:
    """One recording, prepared."""

    recording: Recording
    faces: np.ndarray  # (n, size, size, 3) RGB uint8, memory-mapped
    seen: SemanticView

    def spread(self, count: int) -> np.ndarray:
        """At most ``count`` frame numbers, evenly spread."""
        n = len(self.faces)
        if count >= n:
            return np.arange(n)
        rows: np.ndarray = ((np.arange(count) + 0.5) * n / count).astype(int)
        return rows

    def draw(self, count: int, generator: Generator) -> np.ndarray:
        """``count`` frame numbers, one at random from each of as many equal stretches."""
        place = torch.rand(count, generator=generator).numpy()
        rows: np.ndarray = ((np.arange(count) + place) * len(self.faces) / count).astype(int)
        return rows


def load_clips(
    recordings: list[Recording],
    cached: list[CachedFaces],
    semantics: Semantics,
    device: torch.device,
    progress: Callable[[int, int], None],
) -> list[Clip]:
    """Pair recordings with their faces and CLIP's view, which is kept beside the faces on disk."""
    clips = []
    for number, (recording, entry) in enumerate(zip(recordings, cached, strict=True)):
        clips.append(Clip(recording, entry.faces, _view(entry, semantics, device)))
        progress(number + 1, len(recordings))
    return clips


def _view(entry: CachedFaces, semantics: Semantics, device: torch.device) -> SemanticView:
    from safetensors.torch import load_file, save_file

    path = entry.folder / f"view-{semantics.id.sha256[:16]}.safetensors"
    if path.is_file():
        tensors = load_file(path)
        return SemanticView(tensors["image"], tensors["evidence"])
    seen = view(semantics, entry.faces, device)
    aside = path.with_suffix(".part")
    save_file({"image": seen.image.contiguous(), "evidence": seen.evidence.contiguous()}, aside)
    aside.replace(path)
    return seen
