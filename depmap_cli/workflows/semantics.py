"""`depmap train-semantics`: the small open_clip model, from rendered faces with known units."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from depmap_cli.config import FaceConfig, SemanticsTrainConfig
from depmap_cli.data.corpus import LabelledVideo, of_split
from depmap_cli.io.checkpoint import read_document
from depmap_cli.runtime.devices import resolve_device
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.semantics_training import (
    AuFrames,
    SemanticsRun,
    judge_semantics,
    read_au_frames,
    train_semantics,
)
from depmap_cli.training.leakage import selected_on, trained_on
from depmap_cli.workflows.labelled_data import LabelledData, count_videos

DEVELOPMENT_STEP = 4
"""Every how many-th frame of Development the model is judged on."""


@dataclass(frozen=True, kw_only=True)
class SemanticsOptions:
    """One run; the data of each source is a folder with ``ground_truth/``."""

    sources: tuple[LabelledData, ...]
    out: Path
    config: SemanticsTrainConfig
    statement: str | None = None
    simulated: bool = False
    init: tuple[Path, ...] = ()  # semantic weights to start from: their mean, if several
    resume: bool = False
    device: str = "auto"


def run_semantics_training(
    options: SemanticsOptions, told: ProgressCallback, note: Callable[[str], None]
) -> float:
    """Train on Training, choose the epoch on Development; returns its mean r over the units.

    Whom it meets, and whom the weights that it starts from met, is stored. With no epochs nobody
    is learned from: the weights are judged on Development, and written with those figures.

    Raises:
        DepmapError: whatever is wrong with data, weights or output.
    """
    device = resolve_device(options.device)
    read = [source.read()[0] for source in options.sources]
    found = list(zip(options.sources, read, strict=True))
    epochs = options.config.epochs
    earlier = [read_document(path, "semantics") for path in options.init]
    taught = [[r for r in rs if r.split == "Training" and epochs] for rs in read]
    known = "; ".join(count_videos(part) for part in taught if part)
    taught_before = [document["training_data"] for document in earlier]
    run = SemanticsRun(
        output=options.out,
        config=options.config,
        statement=options.statement or known or " and ".join(dict.fromkeys(taught_before)),
        simulated=options.simulated,
        met={
            **trained_on([r for part in taught for r in part], earlier),
            **selected_on(of_split([r for rs in read for r in rs], "Development"), earlier),
        },
        init=options.init,
        resume=options.resume,
        device=device,
    )
    development = _frames(found, "Development", told).thinned(DEVELOPMENT_STEP)
    if not epochs:
        return judge_semantics(development, run)
    train = _frames(found, "Training", told)

    def progress(event: dict[str, Any]) -> None:
        if "step" in event:
            done = event["epoch"] * event["steps"] + event["step"] + 1
            told("training", done, epochs * event["steps"])
        else:
            note(f"epoch {event['epoch']}: Development mean r {event['metrics']['mean_r']:.3f}")

    return train_semantics(train, development, run, progress)


def _frames(
    found: list[tuple[LabelledData, list[LabelledVideo]]], split: str, told: ProgressCallback
) -> AuFrames:
    """The faces of one split, with what they show; not every source needs to have it."""
    parts = []
    for source, videos in found:
        if chosen := [r for r in videos if r.split == split]:
            cached = source.prepare(chosen, FaceConfig(), told)
            parts.append(read_au_frames(source.data, chosen, cached))
    return AuFrames.joined(parts)
