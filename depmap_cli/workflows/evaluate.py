"""`depmap evaluate`: labelled recordings scored, each video by itself, and compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from depmap_cli.data.cache import duration_of
from depmap_cli.data.clips import VideoClip
from depmap_cli.data.corpus import SPLITS, LabelledVideo, of_split
from depmap_cli.domain.paper_tables import network_name
from depmap_cli.errors import UsageProblem
from depmap_cli.evaluation import (
    About,
    EvaluatedClip,
    TrainingFacts,
    evaluate_table,
    read_attributes,
)
from depmap_cli.evaluation.appearance import PrototypeFaces
from depmap_cli.evaluation.baselines import BaselinePrediction
from depmap_cli.evaluation.estimate_clip import ClipEstimate, estimate_clip
from depmap_cli.evaluation.results import Baseline, Evaluation
from depmap_cli.runtime.devices import explain_out_of_memory, resolve_device
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.scoring.report_builder import calibration_caution, weights_info
from depmap_cli.stats.conformal import DEFAULT_COVERAGE, half_width
from depmap_cli.training.leakage import selection_people_in, training_people_in
from depmap_cli.training.run_folder import WEIGHTS
from depmap_cli.weights.loading import Networks, load_networks
from depmap_cli.workflows.about_evaluation import (
    about_evaluation,
    origin_of,
    split_counts,
    start_of,
)
from depmap_cli.workflows.appearance import appearance_of, prototype_faces
from depmap_cli.workflows.labelled_data import LabelledData, SemanticModelSpec, check_uncovered


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """What is evaluated on what."""

    source: LabelledData
    weights: Path | None = None
    split: str = "Testing"
    frames: int | None = None  # a video; None for as many as the weights say
    device: str = "auto"
    attributes: Path | None = None  # CSV with a column ``subject``
    compare_with: tuple[Path, ...] = ()  # other weights, compared on the same clips
    appearance: bool = False  # whether to gather what figures of faces and features need
    gallery: bool = False  # and the prototypes' nearest Training faces
    folds: int | None = None  # pool so many, of the run by folds whose folder ``weights`` is
    semantic_model: SemanticModelSpec = SemanticModelSpec()

    def networks(self, path: Path | None) -> Networks:
        """The networks of a weights file, by default those shipped.

        Raises:
            WeightsInvalid, UsageProblem: as ``load_networks`` and ``resolve_device``.
        """
        clip = self.semantic_model
        device = resolve_device(self.device)
        return load_networks(path, device, clip.model, clip.weights, clip.allow_network)

    def frames_of(self, networks: Networks) -> int:
        """How many frames of a video are looked at."""
        return self.frames or networks.sampling.frames

    def caution(self, networks: Networks) -> str:
        """As ``calibration_caution``."""
        asked = networks.sampling.model_copy(update={"frames": self.frames_of(networks)})
        return calibration_caution(networks.sampling, asked)


def run_evaluation(options: EvaluateOptions, told: ProgressCallback) -> Evaluation:
    """Score one split through the prepared faces and compare with the scores.

    Raises:
        DepmapError: whatever is wrong with data, weights or options.
    """
    networks = options.networks(options.weights)
    others = [options.networks(path) for path in options.compare_with]
    videos, summary = options.source.read()
    chosen = of_split(videos, options.split)
    training = _gallery_split(networks, videos) if options.gallery else []
    attributes = attributes_of(options, videos)
    facts = training_facts(networks, videos, options.split)  # may find a broken video: first
    clips, estimates = score_clips(networks, chosen, options, told)
    known = training_people_in(networks.document, chosen)
    report = evaluate_table(
        [clip_row(*pair) for pair in zip(clips, estimates, strict=True)],
        facts,
        _about(networks, videos, clips, summary.notes, options),
        stored_half_width(networks.document),
        DEFAULT_COVERAGE,
        attributes,
        others=[_beside(i, other, chosen, known, options, told) for i, other in enumerate(others)],
        caution=options.caution(networks),
    )
    if not options.appearance:
        return Evaluation(report)
    prototypes: tuple[PrototypeFaces, ...] = ()
    if training:
        found = score_clips(networks, training, options, told, "gallery")
        prototypes = prototype_faces(networks, *found)
    return Evaluation(report, appearance_of(networks, clips, estimates, prototypes))


def _beside(
    number: int,
    networks: Networks,
    chosen: list[LabelledVideo],
    known_anyway: set[str],
    options: EvaluateOptions,
    told: ProgressCallback,
) -> BaselinePrediction:
    """Other weights on the same recordings, prepared and sampled as they ask for.

    They leak where they were trained on people beyond those whom the evaluated weights know.
    """
    path = networks.path
    title = path.resolve().parent.name if path.name == WEIGHTS else path.stem
    _, estimates = score_clips(networks, chosen, options, told, f"scoring with {title}")
    known = training_people_in(networks.document, chosen)
    ahead = len(known - known_anyway)
    said = (
        f"Trained on {str(networks.document['training_data']).rstrip('.')}; {len(known)} of the "
        "people evaluated here among them."
    )
    if ahead:
        title += " (leaks)"
        said += f" {ahead} of these the evaluated weights never saw: no fair competitor."
    which = f"Other weights, {path.name}"
    return other_weights(number, title, networks, which, said, estimates, leaks=ahead > 0)


def other_weights(
    number: int,
    title: str,
    networks: Networks,
    which: str,
    said: str,
    estimates: Sequence[ClipEstimate],
    leaks: bool = False,
) -> BaselinePrediction:
    """The estimates of other weights as a baseline: ``which`` they are, and what is ``said`` of
    their training."""
    info = weights_info(networks, "semantics")
    about = Baseline(
        name=f"beside_{number + 1}",
        title=title,
        description=f"{which}: {network_name(networks.config.model)}, {info.backbone}, trained "
        f"from {start_of(networks.document)} on. {said}",
        leaks=leaks,
        informed=len(estimates),
        weights=info,
    )
    return about, np.array([e.score for e in estimates])


def attributes_of(
    options: EvaluateOptions, videos: Sequence[LabelledVideo]
) -> dict[str, dict[str, str]] | None:
    """The table of subgroups, as ``read_attributes`` reads it; None if none was given."""
    if options.attributes is None:
        return None
    return read_attributes(options.attributes, {r.subject for r in videos})


def _gallery_split(networks: Networks, videos: list[LabelledVideo]) -> list[LabelledVideo]:
    """The recordings of a gallery of prototypes; asked for before anything is scored.

    Raises:
        UsageProblem: the weights have no prototypes.
        DataInvalid: there is no Training split.
    """
    if networks.model.clusters is None:
        raise UsageProblem(
            f"--gallery: {networks.path.name} has no prototypes", "leave --gallery out"
        )
    return of_split(videos, "Training")


def score_clips(
    networks: Networks,
    chosen: list[LabelledVideo],
    options: EvaluateOptions,
    told: ProgressCallback,
    stage: str = "scoring",
) -> tuple[list[VideoClip], list[ClipEstimate]]:
    """The recordings as clips, and their estimates: those that `depmap score` gives.

    Only where a corpus holds prepared faces instead of videos, or for Training, is it the frames
    nearest to evenly spread among those prepared.

    Raises:
        DataInvalid: a recording that cannot be scored.
        OutOfMemory: the device is too small for one.
    """
    count, usual = options.frames_of(networks), networks.config.train.frames
    clips = options.source.clips(
        chosen, networks.config.faces, networks.semantics, networks.device, told, count
    )
    check_uncovered(clips)
    estimates = []
    for number, clip in enumerate(clips):
        with explain_out_of_memory(
            "a recording", "look at fewer frames of it, or give --device cpu"
        ):
            estimate = estimate_clip(
                networks.model, networks.semantics, clip, count, usual, networks.device
            )
        estimates.append(estimate)
        told(stage, number + 1, len(clips))
    return clips, estimates


def clip_row(clip: VideoClip, estimate: ClipEstimate) -> EvaluatedClip:
    """The clip in the table that an evaluation starts from."""
    video = clip.video
    return EvaluatedClip(
        video=video.path.name,
        subject=video.subject,
        session=video.session,
        task=video.task,
        score=video.score,
        estimate=estimate.score,
        duration=duration_of(video),
        levels=estimate.levels,
    )


def training_facts(
    networks: Networks, videos: Sequence[LabelledVideo], evaluated: str
) -> TrainingFacts:
    """What baselines may know: whom the weights know, and the splits before the evaluated.

    Their mean is that of the corpus: weights that were trained on more than it, or elsewhere, have
    another, which nobody who holds the corpus would guess.
    """
    training = [r.score for r in videos if r.split == "Training"]
    chosen = of_split(list(videos), evaluated)
    people = training_people_in(networks.document, chosen)
    if evaluated != "Development":
        people |= selection_people_in(networks.document, chosen)
    earlier = SPLITS[: SPLITS.index(evaluated)]
    known = [(r.subject, r.session, float(r.score)) for r in videos if r.split in earlier]
    timed = [
        (r.task, duration, float(r.score))
        for r in videos
        if r.split == "Training" and (duration := duration_of(r))
    ]
    return TrainingFacts(
        mean=float(np.mean(training)) if training else networks.document["training_mean"],
        subjects=frozenset(people),
        known=tuple(known),
        timed=tuple(timed),
    )


def _about(
    networks: Networks,
    videos: Sequence[LabelledVideo],
    clips: Sequence[VideoClip],
    notes: Sequence[str],
    options: EvaluateOptions,
) -> About:
    fold = options.source.fold
    settings = {
        "frames": options.frames_of(networks),
        "device": networks.device.type,
        "fold": f"{fold[0]} of {fold[1]}" if fold else None,
    }
    weights = weights_info(networks, "semantics")
    splits = split_counts(videos)
    origin = origin_of(networks, videos, options.split)
    data = options.source.data
    return about_evaluation(data, options.split, weights, origin, settings, splits, clips, notes)


def stored_half_width(document: dict[str, Any]) -> float | None:
    """Of the intervals by the calibration stored with the weights; None if there is none."""
    stored = document.get("calibration")
    if not stored:
        return None
    return half_width(np.array(stored["residuals"]), np.array(stored["people"]), DEFAULT_COVERAGE)
