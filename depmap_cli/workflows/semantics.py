"""`depmap train-semantics`: train the small open_clip model on rendered faces with known units."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from depmap_cli.config import FaceConfig, SemanticsTrainConfig
from depmap_cli.data.corpus import of_split
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.io.checkpoint import read_document
from depmap_cli.runtime.devices import resolve_device
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.semantics_training import (
    AuFrames,
    SemanticsRun,
    evaluate_semantics,
    read_au_frames,
    train_semantics,
)
from depmap_cli.training.leakage import selected_on, trained_on
from depmap_cli.workflows.labelled_data import LabelledData, count_videos

DEVELOPMENT_STEP = 4
"""Only every fourth frame of Development is used for model selection."""


@dataclass(frozen=True, kw_only=True)
class SemanticsOptions:
    """Options of one run."""

    sources: tuple[LabelledData, ...]  # each in a folder with ``ground_truth/``
    out: Path
    config: SemanticsTrainConfig
    statement: str | None = None  # description of the data; None for the numbers of videos
    simulated: bool = False
    init: tuple[Path, ...] = ()  # semantic weights to start from; several are averaged
    resume: bool = False
    device: str = "auto"


def run_semantics_training(
    options: SemanticsOptions, on_progress: ProgressCallback, note: Callable[[str], None]
) -> float:
    """Train on the Training split and select the epoch on Development.

    The people of these splits, and those recorded in the weights of ``options.init``, are stored
    with the weights. With 0 epochs nothing is trained: the initial weights are written with their
    metrics on Development.

    Args:
        options: data and settings.
        on_progress: receives the progress of preparation and training.
        note: receives a line after each epoch.

    Returns:
        The mean Pearson r over the action units on Development.

    Raises:
        DepmapError: the data, the initial weights or the output cannot be used.
    """
    epochs = options.config.epochs
    videos = [source.read()[0] for source in options.sources]
    run = _run_of(options, videos)
    development = _frames(options.sources, videos, "Development", on_progress)
    development = development.subsampled(DEVELOPMENT_STEP)
    if not epochs:
        return evaluate_semantics(development, run)
    train = _frames(options.sources, videos, "Training", on_progress)

    def on_event(event: dict[str, Any]) -> None:
        if "step" in event:
            done = event["epoch"] * event["steps"] + event["step"] + 1
            on_progress("training", done, epochs * event["steps"])
        else:
            mean_r = event["metrics"]["mean_r"]
            note(f"epoch {event['epoch']}: mean r on Development {mean_r:.3f}")

    return train_semantics(train, development, run, on_event)


def _run_of(options: SemanticsOptions, videos: list[list[LabelledVideo]]) -> SemanticsRun:
    """Settings of the run, with the people and the description of the videos of each source."""
    device = resolve_device(options.device)
    earlier = [read_document(path, "semantics") for path in options.init]
    epochs = options.config.epochs
    training = [[v for v in part if v.split == "Training" and epochs] for part in videos]
    development = of_split([v for part in videos for v in part], "Development")
    described = "; ".join(count_videos(part) for part in training if part)
    earlier_data = dict.fromkeys(document["training_data"] for document in earlier)
    return SemanticsRun(
        output=options.out,
        config=options.config,
        statement=options.statement or described or " and ".join(earlier_data),
        simulated=options.simulated,
        people={
            **trained_on([v for part in training for v in part], earlier),
            **selected_on(development, earlier),
        },
        init=options.init,
        resume=options.resume,
        device=device,
    )


def _frames(
    sources: tuple[LabelledData, ...],
    videos: list[list[LabelledVideo]],
    split: str,
    on_progress: ProgressCallback,
) -> AuFrames:
    """Faces and action units of one split; sources without this split are skipped."""
    parts = []
    for source, part in zip(sources, videos, strict=True):
        if chosen := [video for video in part if video.split == split]:
            cached = source.prepare(chosen, FaceConfig(), on_progress)
            parts.append(read_au_frames(source.data, chosen, cached))
    return AuFrames.joined(parts)
