"""What several training runs share: the corpus, the semantic model and the prepared faces."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch

from depmap_cli.config import Config, FaceConfig
from depmap_cli.data.clips import VideoClip
from depmap_cli.data.corpus import Corpus, read_corpus
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.semantics.clip_model import SemanticModel
from depmap_cli.workflows.labelled_data import LabelledData, SemanticModelSpec, prepared_frames

ClipKey = tuple[Path, FaceConfig, int]
"""The video's path, the face settings and the number of prepared frames."""


class TrainingInputs:
    """Loads the corpus, the semantic model and the clips of several runs, each of them once.

    Folds, seeds and the rows of an ablation differ in splits and settings, but not in these.
    """

    def __init__(
        self, source: LabelledData, semantic_model: SemanticModelSpec, init: Path | None = None
    ) -> None:
        self.source = source
        self._requested = semantic_model
        self._init = init
        self._clips: dict[ClipKey, VideoClip] = {}

    @cached_property
    def corpus(self) -> Corpus:
        """The corpus on disk, before it is split.

        Raises:
            DataInvalid: as ``read_corpus``.
        """
        return read_corpus(self.source.data)

    @cached_property
    def semantic_model(self) -> SemanticModelSpec:
        """Which semantic model is used: the given one, or that of the weights to start from.

        Raises:
            WeightsInvalid: as ``SemanticModelSpec.completed_from``.
        """
        return self._requested.completed_from(self._init)

    @cached_property
    def semantics(self) -> SemanticModel:
        """The semantic model.

        Raises:
            UsageProblem, WeightsInvalid: as ``SemanticModelSpec.load``.
        """
        return self.semantic_model.load()

    def clips(
        self,
        videos: list[LabelledVideo],
        config: Config,
        device: torch.device,
        on_progress: ProgressCallback,
    ) -> list[VideoClip]:
        """Return the clips of ``videos``; prepare those that no run has asked for yet.

        Raises:
            DepmapError: as ``LabelledData.clips``.
        """
        frames = prepared_frames(config.train.score_frames)
        keys: list[ClipKey] = [(video.path, config.faces, frames) for video in videos]
        missing = {key: v for key, v in zip(keys, videos, strict=True) if key not in self._clips}
        loaded = self.source.clips(
            list(missing.values()),
            config.faces,
            self.semantics,
            device,
            on_progress,
            frames,
        )
        self._clips |= zip(missing, loaded, strict=True)
        # A clip may have been loaded for another fold, where its video is in another split.
        return [replace(self._clips[k], video=v) for k, v in zip(keys, videos, strict=True)]
