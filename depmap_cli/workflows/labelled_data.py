"""Labelled videos: read from disk, split, and prepared as clips."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from depmap_cli.config import PREPARED_FRAMES, FaceConfig, SamplingConfig
from depmap_cli.data.clips import VideoClip, load_clips
from depmap_cli.data.corpus import Corpus, read_corpus
from depmap_cli.data.corpus_summary import summarise_corpus
from depmap_cli.data.face_cache import FaceCache, check_readable, default_cache
from depmap_cli.data.folds import split_by_fold
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.data.prepared_faces import CachedFaces
from depmap_cli.errors import DataInvalid, UsageProblem
from depmap_cli.io.checkpoint import read_document
from depmap_cli.results import CorpusSummary
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.semantics.clip_model import BUNDLED_MODEL, SemanticModel
from depmap_cli.semantics.load_model import load_semantic_model
from depmap_cli.weights.locations import default_semantic_weights, find_semantic_weights

FOLD_SEED = 0
"""Seed of the folds; fixed, so that training and evaluation find the same people in each fold."""


@dataclass(frozen=True, kw_only=True)
class LabelledData:
    """A corpus on disk, how it is split, and where its faces are cached."""

    data: Path
    cache: Path | None = None
    jobs: int = 2
    fold: tuple[int, int] | None = None  # (index, number of folds); None: the corpus's own splits

    def read(self) -> tuple[list[LabelledVideo], CorpusSummary]:
        """Read the corpus and split it.

        Raises:
            DataInvalid: as ``read_corpus`` and ``split``.
        """
        return self.split(read_corpus(self.data))

    def split(self, corpus: Corpus) -> tuple[list[LabelledVideo], CorpusSummary]:
        """Assign splits to the videos of the corpus, and summarise it.

        Raises:
            DataInvalid: as ``split_by_fold``; or folds are requested and the subjects are guessed
                from file names, so that two of them may be the same person.
        """
        videos = corpus.videos
        if self.fold is not None:
            if corpus.guesses:
                raise DataInvalid(
                    f"--folds {self.fold[1]}: {corpus.guesses[0]}",
                    "write a manifest whose column subject says who is in each video",
                )
            videos = split_by_fold(videos, *self.fold, FOLD_SEED)
        return videos, summarise_corpus(videos, corpus.notes)

    def check_videos(self, videos: list[LabelledVideo]) -> None:
        """Decode the first frame of every video.

        Raises:
            DataInvalid: a video cannot be decoded; names it, and the list and line it comes from.
        """
        for video in videos:
            check_readable(video)

    def prepare(
        self,
        videos: list[LabelledVideo],
        faces: FaceConfig,
        on_progress: ProgressCallback,
        frames: int = PREPARED_FRAMES,
    ) -> list[CachedFaces]:
        """Return the aligned faces of ``frames`` frames of each video; prepare missing ones."""
        sampling = SamplingConfig(frames=frames)
        store = FaceCache(self.cache or default_cache(), sampling, faces)
        return store.prepare(
            videos, self.jobs, lambda done, total: on_progress("preparing faces", done, total)
        )

    def clips(
        self,
        videos: list[LabelledVideo],
        faces: FaceConfig,
        semantics: SemanticModel,
        device: torch.device,
        on_progress: ProgressCallback,
        frames: int = PREPARED_FRAMES,
    ) -> list[VideoClip]:
        """Return the videos as the network takes them, with ``frames`` prepared frames each.

        ``usable`` is empty if the face is covered throughout (see ``check_uncovered``).
        """
        cached = self.prepare(videos, faces, on_progress, frames)
        return load_clips(
            videos,
            cached,
            semantics,
            device,
            lambda done, total: on_progress("embedding faces", done, total),
        )


def prepared_frames(score_frames: int) -> int:
    """Return the number of frames to prepare of a video of which ``score_frames`` are scored.

    It is the same for every split, and seldom more than training needs, so that a corpus is
    prepared once.
    """
    return max(PREPARED_FRAMES, score_frames)


@dataclass(frozen=True)
class SemanticModelSpec:
    """Which semantic model to load: an open_clip name and its weights; None for the bundled one."""

    model: str | None = None
    weights: str | None = None
    allow_network: bool = False

    def completed_from(self, init: Path | None) -> "SemanticModelSpec":
        """Fill in missing values from the Dep-MAP weights ``init``, which need the semantic model
        that they were trained with.

        Raises:
            WeightsInvalid: as ``find_semantic_weights``.
        """
        if init is None:
            return self
        trained_with = read_document(init)["semantics"]
        model, weights = self.model or trained_with["model"], self.weights
        if model == trained_with["model"] and not weights:
            weights = str(find_semantic_weights(init, model, trained_with["sha256"]))
        return replace(self, model=model, weights=weights)

    def document(self) -> dict[str, Any]:
        """Return the document stored with the weights; empty unless they are of our own model."""
        path = Path(self.weights or default_semantic_weights())
        own = (self.model or BUNDLED_MODEL) == BUNDLED_MODEL and path.is_file()
        return read_document(path, "semantics") if own else {}

    def load(self) -> SemanticModel:
        """Load the semantic model.

        Raises:
            UsageProblem, WeightsInvalid: as ``load_semantic_model``.
        """
        if self.model and self.model != BUNDLED_MODEL and not self.weights:
            raise UsageProblem(
                f"--semantic-model {self.model} needs --semantic-weights",
                "name a safetensors file or a pretrained tag",
            )
        weights = self.weights or str(default_semantic_weights())
        return load_semantic_model(self.model or BUNDLED_MODEL, weights, self.allow_network)


def covered_names(clips: list[VideoClip]) -> list[str]:
    """Names of the videos in which the face is covered throughout."""
    return [clip.video.name for clip in clips if not len(clip.usable)]


def check_uncovered(clips: list[VideoClip]) -> None:
    """Check that every clip can be scored: an evaluation must not leave anybody out silently.

    Raises:
        DataInvalid: the face is covered throughout in some videos; names all of them.
    """
    if names := covered_names(clips):
        raise DataInvalid(
            f"{', '.join(names)}: the face is covered throughout",
            "remove these videos from the data, and report that they could not be scored",
        )


def count_videos(videos: list[LabelledVideo]) -> str:
    """How many videos of how many people, in words."""
    return f"{len(videos)} videos of {len({video.subject for video in videos})} people"
