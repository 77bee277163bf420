"""Prepared recordings as the network takes them: faces, CLIP's view of them, and the score."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Generator

from depmap_cli.data.cache import CachedFaces
from depmap_cli.data.corpus import Recording
from depmap_cli.errors import DataInvalid
from depmap_cli.inference import view
from depmap_cli.model.semantics import COVERED, Semantics, SemanticView

_COLUMNS = ("image", "evidence", "covered")


@dataclass(frozen=True)
class Clip:
    """One recording, prepared."""

    recording: Recording
    faces: np.ndarray  # (n, size, size, 3) RGB uint8, memory-mapped
    seen: SemanticView
    usable: np.ndarray  # numbers of the frames whose face is not covered
    sampled: int = 0  # frames looked at when it was prepared, with a face or without
    times: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (n,) seconds, of the faces

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
    recordings: list[Recording],
    cached: list[CachedFaces],
    semantics: Semantics,
    device: torch.device,
    progress: Callable[[int, int], None],
) -> list[Clip]:
    """Pair recordings with their faces and CLIP's view, which is kept beside the faces on disk.

    Raises:
        DataInvalid: a recording in which the face is covered throughout.
    """
    clips = []
    for number, (recording, entry) in enumerate(zip(recordings, cached, strict=True)):
        seen = _view(entry, semantics, device)
        usable = np.flatnonzero(seen.covered.numpy() < COVERED)
        if not len(usable):
            raise DataInvalid(f"{recording.name}: the face is covered throughout", "")
        clips.append(Clip(recording, entry.faces, seen, usable, entry.sampled, entry.times))
        progress(number + 1, len(recordings))
    return clips


def _view(entry: CachedFaces, semantics: Semantics, device: torch.device) -> SemanticView:
    from safetensors.torch import load_file, save_file

    path = entry.folder / f"seen-{semantics.id.sha256[:16]}.safetensors"
    if path.is_file():
        return SemanticView(**load_file(path))
    seen = view(semantics, entry.faces, device)
    aside = path.with_suffix(".part")
    save_file({name: getattr(seen, name).contiguous() for name in _COLUMNS}, aside)
    aside.replace(path)
    return seen
