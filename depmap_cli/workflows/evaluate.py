"""What the training and evaluation commands do, from a folder of data to files; no console here."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from depmap_cli.config import Config, FaceConfig, SamplingConfig, SemanticsTrainConfig
from depmap_cli.data.cache import CachedFaces, FaceCache, default_cache
from depmap_cli.data.corpus import Recording, find_recordings, of_split
from depmap_cli.devices import resolve_device
from depmap_cli.errors import DataInvalid, OutputUnwritable, UsageProblem
from depmap_cli.evaluation import Evaluation, estimate_clip, evaluate_clips

Told = Callable[[str, int, int], None]
"""Called with (stage, done, total)."""
PREPARED_FRAMES = 128
"""Frames of a recording that are kept for training and evaluation."""
WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class EvaluationResult:
    """An evaluation, and of what on what."""

    weights: str
    data: str
    evaluation: Evaluation
    recordings: list[Recording]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        rows = [
            {"video": r.path.name, "score": r.score, "estimate": round(e, 3)}
            for r, e in zip(self.recordings, self.evaluation.estimates, strict=True)
        ]
        figures = {k: v for k, v in asdict(self.evaluation).items() if k != "estimates"}
        return {"weights": self.weights, "data": self.data, **figures, "estimates": rows}


def prepare_run(data: Path, cache: Path | None, jobs: int, told: Told) -> list[str]:
    """Prepare every recording of a corpus; returns what to tell the user."""
    recordings = find_recordings(data)
    _prepare(recordings, FaceConfig(), PREPARED_FRAMES, cache, jobs, told)
    return [*_counts(recordings), f"faces: {cache or default_cache()}"]


def train_run(
    data: Path,
    out: Path,
    config: Config,
    device_name: str,
    clip: tuple[str | None, str | None, bool],
    about: tuple[str | None, bool],
    resume: bool,
    cache: Path | None,
    jobs: int,
    told: Told,
    note: Callable[[str], None],
) -> list[str]:
    """Train, choose on Development, calibrate, write ``out/weights.safetensors``."""
    from depmap_cli.data.clips import load_clips
    from depmap_cli.model.semantics import OWN_MODEL, load_semantics
    from depmap_cli.training import Trainer, finish_weights
    from depmap_cli.weights import default_semantics

    device = resolve_device(device_name)
    recordings = find_recordings(data)
    train, development = of_split(recordings, "Training"), of_split(recordings, "Development")
    _make_folder(out, resume)
    name, weights, allow_network = clip
    if name and name != OWN_MODEL and not weights:
        raise UsageProblem(
            f"--clip {name} needs --clip-weights", "a safetensors file or a pretrained tag"
        )
    semantics = load_semantics(
        name or OWN_MODEL, weights or str(default_semantics()), allow_network
    ).to(device)
    cached = _prepare(train + development, config.faces, PREPARED_FRAMES, cache, jobs, told)
    clips = load_clips(
        train + development, cached, semantics, device, lambda i, n: told("embedding faces", i, n)
    )
    statement, simulated = about
    statement = statement or _people(train)
    sampling = SamplingConfig(frames=PREPARED_FRAMES)
    parts = clips[: len(train)], clips[len(train) :]
    trainer = Trainer(config, sampling, semantics, *parts, out, statement, device)
    best = trainer.run(resume, lambda event: _tell(event, config, told, note))
    frames = config.train.score_frames
    document = finish_weights(best, out / WEIGHTS, semantics, parts[1], frames, simulated, device)
    figures = ", ".join(f"{k.upper()} {v:.2f}" for k, v in document["development"].items())
    return [*_counts(train + development), f"Development: {figures}", f"weights: {out / WEIGHTS}"]


def _tell(event: dict[str, Any], config: Config, told: Told, note: Callable[[str], None]) -> None:
    if "row" in event:
        row = ", ".join(f"{name} {value:.3g}" for name, value in event["row"].items())
        note(f"epoch {event['epoch']}: {row}")
    if "step" in event:
        done = event["epoch"] * event["steps"] + event["step"]
        told("training", done, config.train.epochs * event["steps"])


def train_semantics_run(
    data: Path,
    out: Path,
    config: SemanticsTrainConfig,
    about: tuple[str | None, bool],
    resume: bool,
    cache: Path | None,
    jobs: int,
    told: Told,
    note: Callable[[str], None],
) -> list[str]:
    """Train the semantic model on Training, choose the epoch on Development."""
    from depmap_cli.semantics_training import read_au_frames, train_semantics

    recordings = find_recordings(data)
    train, development = of_split(recordings, "Training"), of_split(recordings, "Development")
    cached = _prepare(train + development, FaceConfig(), PREPARED_FRAMES, cache, jobs, told)
    frames = read_au_frames(data, train, cached[: len(train)])
    held_out = read_au_frames(data, development, cached[len(train) :]).thinned(4)
    statement, simulated = about
    statement = statement or _people(train)

    def progress(event: dict[str, Any]) -> None:
        if "step" in event:
            done = event["epoch"] * event["steps"] + event["step"] + 1
            told("training", done, config.epochs * event["steps"])
        else:
            note(f"epoch {event['epoch']}: Development mean r {event['metrics']['mean_r']:.3f}")

    about = (statement, simulated)
    best = train_semantics(frames, held_out, config, out, about, resume, progress)
    return [f"Development: mean r {best:.3f} over the action units", f"weights: {out}"]


def evaluate_run(
    data: Path,
    weights: Path | None,
    split: str,
    frames: int | None,
    device_name: str,
    cache: Path | None,
    jobs: int,
    told: Told,
) -> EvaluationResult:
    """Score one split through the prepared faces, each video by itself."""
    from depmap_cli.data.clips import load_clips
    from depmap_cli.weights import load_networks

    networks = load_networks(weights, resolve_device(device_name))
    recordings = of_split(find_recordings(data), split)
    cached = _prepare(recordings, networks.config.faces, PREPARED_FRAMES, cache, jobs, told)
    clips = load_clips(
        recordings,
        cached,
        networks.semantics,
        networks.device,
        lambda i, n: told("embedding faces", i, n),
    )
    estimates = []
    for number, clip in enumerate(clips):
        count = frames or networks.sampling.frames
        estimates.append(
            estimate_clip(networks.model, networks.semantics, clip, count, networks.device)
        )
        told("scoring", number + 1, len(clips))
    evaluation = evaluate_clips(
        clips,
        estimates,
        networks.document["training_mean"],
        set(networks.document["training_subjects"]),
        networks.document["calibration"],
    )
    return EvaluationResult(networks.path.name, data.name, evaluation, recordings)


def _prepare(
    recordings: list[Recording],
    faces: FaceConfig,
    frames: int,
    cache: Path | None,
    jobs: int,
    told: Told,
) -> list[CachedFaces]:
    store = FaceCache(cache or default_cache(), SamplingConfig(frames=frames), faces)
    return store.prepare(recordings, jobs, lambda done, total: told("preparing faces", done, total))


def _counts(recordings: list[Recording]) -> list[str]:
    lines = []
    for split in sorted({r.split for r in recordings}):
        part = [r for r in recordings if r.split == split]
        lines.append(f"{split}: {_people(part)}")
    return lines


def _people(recordings: list[Recording]) -> str:
    return f"{len(recordings)} videos of {len({r.subject for r in recordings})} people"


def _make_folder(out: Path, resume: bool) -> None:
    """An empty run folder, or the one to resume; never one with other results.

    Raises:
        DataInvalid: it holds a run and ``resume`` was not asked for.
        OutputUnwritable: it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        occupied = any(out.iterdir())
    except OSError as error:
        raise OutputUnwritable(
            f"--out {out.name}: {error.strerror}", "choose another folder"
        ) from error
    if occupied and not resume:
        raise DataInvalid(
            f"--out {out.name}: the folder is not empty", "add --resume, or choose another"
        )
