"""`depmap train-semantics`: the small open_clip model, from rendered faces with known units."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from depmap_cli.config import FaceConfig, SemanticsTrainConfig
from depmap_cli.data.corpus import of_split
from depmap_cli.semantics_training import read_au_frames, train_semantics
from depmap_cli.workflows.material import Source, Told, people

DEVELOPMENT_STEP = 4
"""Every how many-th frame of Development the model is judged on."""


@dataclass(frozen=True)
class SemanticsOptions:
    """One run; ``source.data`` is a folder with ``ground_truth/``."""

    source: Source
    out: Path
    config: SemanticsTrainConfig
    statement: str | None = None
    simulated: bool = False
    resume: bool = False


def train_semantics_run(
    options: SemanticsOptions, told: Told, note: Callable[[str], None]
) -> float:
    """Train on Training, choose the epoch on Development; returns its mean r over the units."""
    recordings, _ = options.source.read()
    train, development = of_split(recordings, "Training"), of_split(recordings, "Development")
    cached = options.source.prepare(train + development, FaceConfig(), told)
    data, epochs = options.source.data, options.config.epochs
    frames = read_au_frames(data, train, cached[: len(train)])
    held_out = read_au_frames(data, development, cached[len(train) :]).thinned(DEVELOPMENT_STEP)
    about = (options.statement or people(train), options.simulated)

    def progress(event: dict[str, Any]) -> None:
        if "step" in event:
            done = event["epoch"] * event["steps"] + event["step"] + 1
            told("training", done, epochs * event["steps"])
        else:
            note(f"epoch {event['epoch']}: Development mean r {event['metrics']['mean_r']:.3f}")

    return train_semantics(
        frames, held_out, options.config, options.out, about, options.resume, progress
    )
