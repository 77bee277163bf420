"""`depmap train-semantics`: the small open_clip model, from rendered faces with known units."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from depmap_cli.config import FaceConfig, SemanticsTrainConfig
from depmap_cli.data.corpus import Recording, of_split
from depmap_cli.progress import Told
from depmap_cli.semantics_training import AuFrames, read_au_frames, train_semantics
from depmap_cli.workflows.material import Source, people

DEVELOPMENT_STEP = 4
"""Every how many-th frame of Development the model is judged on."""


@dataclass(frozen=True)
class SemanticsOptions:
    """One run; the data of each source is a folder with ``ground_truth/``."""

    sources: tuple[Source, ...]
    out: Path
    config: SemanticsTrainConfig
    statement: str | None = None
    simulated: bool = False
    resume: bool = False


def train_semantics_run(
    options: SemanticsOptions, told: Told, note: Callable[[str], None]
) -> float:
    """Train on Training, choose the epoch on Development; returns its mean r over the units."""
    read = [source.read()[0] for source in options.sources]
    train, development = (
        AuFrames.joined(
            [_frames(*pair, split, told) for pair in zip(options.sources, read, strict=True)]
        )
        for split in ("Training", "Development")
    )
    epochs = options.config.epochs
    known = "; ".join(people(of_split(recordings, "Training")) for recordings in read)
    about = (options.statement or known, options.simulated)

    def progress(event: dict[str, Any]) -> None:
        if "step" in event:
            done = event["epoch"] * event["steps"] + event["step"] + 1
            told("training", done, epochs * event["steps"])
        else:
            note(f"epoch {event['epoch']}: Development mean r {event['metrics']['mean_r']:.3f}")

    return train_semantics(
        train,
        development.thinned(DEVELOPMENT_STEP),
        options.config,
        options.out,
        about,
        options.resume,
        progress,
    )


def _frames(source: Source, recordings: list[Recording], split: str, told: Told) -> AuFrames:
    """The faces of one split, with what they show."""
    chosen = of_split(recordings, split)
    return read_au_frames(source.data, chosen, source.prepare(chosen, FaceConfig(), told))
