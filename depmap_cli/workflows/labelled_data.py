"""Labelled recordings, found, split and prepared."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from depmap_cli.config import PREPARED_FRAMES, FaceConfig, SamplingConfig
from depmap_cli.data.cache import CachedFaces, FaceCache, check_readable, default_cache
from depmap_cli.data.clips import VideoClip, load_clips
from depmap_cli.data.corpus import LabelledVideo, read_corpus
from depmap_cli.data.corpus_summary import summarise_corpus
from depmap_cli.data.folds import split_by_fold
from depmap_cli.errors import DataInvalid, UsageProblem
from depmap_cli.io.checkpoint import read_document
from depmap_cli.results import CorpusSummary
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.semantics.clip_model import BUNDLED_MODEL, SemanticModel, load_semantic_model
from depmap_cli.weights.locations import default_semantic_weights


@dataclass(frozen=True, kw_only=True)
class LabelledData:
    """Where labelled data is, how it is split, and where its faces are kept."""

    data: Path
    cache: Path | None = None
    jobs: int = 2
    fold: tuple[int, int] | None = None  # (which, of how many); None for the corpus's own splits
    fold_seed: int = 0

    def read(self) -> tuple[list[LabelledVideo], CorpusSummary]:
        """The recordings with their splits, and what is in them.

        Raises:
            DataInvalid: as ``read_corpus`` and ``split_by_fold``; or folds of people who are
                guessed from names of files, of whom two may be one.
        """
        corpus = read_corpus(self.data)
        videos = corpus.videos
        if self.fold is not None:
            if corpus.guesses:
                raise DataInvalid(
                    f"--folds {self.fold[1]}: {corpus.guesses[0]}",
                    "write a manifest, whose column subject tells who is in which video",
                )
            videos = split_by_fold(videos, *self.fold, self.fold_seed)
        return videos, summarise_corpus(videos, corpus.notes)

    def check_videos(self, videos: list[LabelledVideo]) -> None:
        """Decode the first picture of every video.

        Raises:
            DataInvalid: one cannot be decoded; names it, and the list and line that do.
        """
        for video in videos:
            check_readable(video)

    def prepare(
        self,
        videos: list[LabelledVideo],
        faces: FaceConfig,
        told: ProgressCallback,
        frames: int = PREPARED_FRAMES,
    ) -> list[CachedFaces]:
        """The recordings' aligned faces in so many frames, made where they are missing."""
        sampling = SamplingConfig(frames=frames)
        store = FaceCache(self.cache or default_cache(), sampling, faces)
        return store.prepare(
            videos, self.jobs, lambda done, total: told("preparing faces", done, total)
        )

    def prepare_splits(
        self,
        videos: list[LabelledVideo],
        faces: FaceConfig,
        told: ProgressCallback,
        frames: int,
    ) -> list[CachedFaces]:
        """The same with ``PREPARED_FRAMES`` of Training, and of the other splits ``frames``.

        Those are the very frames that `depmap score` looks at, found as it finds them, so that
        figures, choices and intervals rest on the estimates that scoring gives.
        """
        counts = [PREPARED_FRAMES if r.split == "Training" else frames for r in videos]
        made: dict[Path, CachedFaces] = {}
        for count in sorted(set(counts)):
            chosen = [r for r, n in zip(videos, counts, strict=True) if n == count]
            entries = self.prepare(chosen, faces, told, count)
            made |= zip((r.path for r in chosen), entries, strict=True)
        return [made[r.path] for r in videos]

    def clips(
        self,
        videos: list[LabelledVideo],
        faces: FaceConfig,
        semantics: SemanticModel,
        device: torch.device,
        told: ProgressCallback,
        frames: int,
    ) -> list[VideoClip]:
        """The recordings as the network takes them, prepared as by ``prepare_splits``.

        ``usable`` is empty where a face is covered throughout (see ``check_uncovered``).
        """
        cached = self.prepare_splits(videos, faces, told, frames)
        return load_clips(
            videos, cached, semantics, device, lambda i, n: told("embedding faces", i, n)
        )


@dataclass(frozen=True)
class SemanticModelSpec:
    """Which semantic model: an open_clip name and its weights; None for the one shipped."""

    model: str | None = None
    weights: str | None = None
    allow_network: bool = False

    def document(self) -> dict[str, Any]:
        """What the weights say of themselves; nothing where they are not of our own model."""
        path = Path(self.weights or default_semantic_weights())
        own = (self.model or BUNDLED_MODEL) == BUNDLED_MODEL and path.is_file()
        return read_document(path, "semantics") if own else {}

    def load(self) -> SemanticModel:
        """The semantic model.

        Raises:
            UsageProblem, WeightsInvalid: as ``load_semantic_model``.
        """
        if self.model and self.model != BUNDLED_MODEL and not self.weights:
            raise UsageProblem(
                f"--semantic-model {self.model} needs --semantic-weights",
                "a safetensors file or a pretrained tag",
            )
        weights = self.weights or str(default_semantic_weights())
        return load_semantic_model(self.model or BUNDLED_MODEL, weights, self.allow_network)


def covered_names(clips: list[VideoClip]) -> list[str]:
    """Names of the recordings in which the face is covered throughout."""
    return [clip.video.name for clip in clips if not len(clip.usable)]


def check_uncovered(clips: list[VideoClip]) -> None:
    """For evaluation, where nobody may drop out unsaid.

    Raises:
        DataInvalid: a recording in which the face is covered throughout; names all of them.
    """
    if names := covered_names(clips):
        raise DataInvalid(
            f"{', '.join(names)}: the face is covered throughout",
            "leave out of the data, and say so, what cannot be scored",
        )


def people(videos: list[LabelledVideo]) -> str:
    """For statements: how many videos of how many people."""
    return f"{len(videos)} videos of {len({r.subject for r in videos})} people"
