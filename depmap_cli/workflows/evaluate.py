"""`depmap evaluate`: score labelled videos, each separately, and compare with their scores."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from depmap_cli.data.clips import VideoClip
from depmap_cli.data.corpus import of_split
from depmap_cli.data.face_cache import duration_of
from depmap_cli.data.ground_truth import read_appearance
from depmap_cli.data.labelled_video import SPLITS, LabelledVideo
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
from depmap_cli.evaluation.clip_statistics import clip_statistics, described_clip
from depmap_cli.evaluation.estimate_clip import ClipEstimate, estimate_clip
from depmap_cli.evaluation.results import Baseline, Evaluation
from depmap_cli.evaluation.score_table import DescribedClip
from depmap_cli.io.clean_text import clean
from depmap_cli.runtime.devices import explain_out_of_memory, resolve_device
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.scoring.report_builder import calibration_caution, weights_info
from depmap_cli.stats.conformal import DEFAULT_COVERAGE, half_widths
from depmap_cli.stats.ridge import MIN_PEOPLE
from depmap_cli.training.leakage import selection_people_in, training_people_in
from depmap_cli.training.run_folder import WEIGHTS
from depmap_cli.weights.loading import Networks, load_networks
from depmap_cli.workflows.about_evaluation import (
    about_evaluation,
    initialisation_text,
    origin_of,
    split_counts,
)
from depmap_cli.workflows.appearance import appearance_of, prototype_faces
from depmap_cli.workflows.labelled_data import (
    LabelledData,
    SemanticModelSpec,
    check_uncovered,
    prepared_frames,
)


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """Which weights are evaluated on which data, and how."""

    source: LabelledData
    weights: Path | None = None
    split: str = "Testing"
    frames: int | None = None  # of each video; None for all that are prepared
    device: str = "auto"
    attributes: Path | None = None  # CSV with a column ``subject``, or folder of ground truth
    compare_with: tuple[Path, ...] = ()  # other weights, evaluated on the same clips
    appearance: bool = False  # whether to collect the data for plots of faces and features
    gallery: bool = False  # whether to add the prototypes' nearest Training faces
    ridge: bool = True  # whether to fit a ridge regression on Training as a baseline
    folds: int | None = None  # number of folds to pool; ``weights`` is then a cross-validation run
    semantic_model: SemanticModelSpec = SemanticModelSpec()

    def networks(self, path: Path | None) -> Networks:
        """Load the networks of a weights file, by default the bundled ones.

        Raises:
            WeightsInvalid, UsageProblem: as ``load_networks`` and ``resolve_device``.
        """
        semantics = self.semantic_model
        device = resolve_device(self.device)
        return load_networks(
            path, device, semantics.model, semantics.weights, semantics.allow_network
        )

    def frames_of(self, networks: Networks) -> int:
        """Number of frames of each video whose estimates are evaluated.

        By default it is large enough for estimates like those of `depmap score`, which reads more
        frames of most videos (measured: LOG L68).
        """
        return self.frames or prepared_frames(networks.sampling.frames)

    def caution(self, networks: Networks) -> str:
        """How the stored residuals were computed differently from these estimates; or empty."""
        return calibration_caution(networks.sampling.frames, self.frames_of(networks))


def run_evaluation(options: EvaluateOptions, on_progress: ProgressCallback) -> Evaluation:
    """Estimate the scores of one split from its prepared faces, and evaluate the estimates.

    Raises:
        DepmapError: data, weights or options are invalid.
    """
    networks = options.networks(options.weights)
    others = [options.networks(path) for path in options.compare_with]
    videos, summary = options.source.read()
    chosen = of_split(videos, options.split)
    training = _gallery_split(networks, videos) if options.gallery else []
    attributes = attributes_of(options, videos)
    facts = training_facts(networks, videos, options.split)  # fails early on a broken video
    clips, estimates = score_clips(networks, chosen, options, on_progress)
    facts = replace(facts, described=describe_training(networks, videos, options, on_progress))
    known_people = training_people_in(networks.document, chosen)
    comparisons = [
        _comparison(number, other, chosen, known_people, options, on_progress)
        for number, other in enumerate(others)
    ]
    rows = clip_rows(networks, clips, estimates)
    report = evaluate_table(
        rows,
        facts,
        _about(networks, videos, clips, summary.notes, options),
        stored_half_widths(networks.document, rows),
        DEFAULT_COVERAGE,
        attributes,
        others=comparisons,
        caution=options.caution(networks),
    )
    if not options.appearance:
        return Evaluation(report)
    prototypes: tuple[PrototypeFaces, ...] = ()
    if training:
        scored = score_clips(networks, training, options, on_progress, "gallery")
        prototypes = prototype_faces(networks, *scored)
    return Evaluation(report, appearance_of(networks, clips, estimates, prototypes))


def _comparison(
    number: int,
    networks: Networks,
    chosen: list[LabelledVideo],
    known_people: set[str],
    options: EvaluateOptions,
    on_progress: ProgressCallback,
) -> BaselinePrediction:
    """Estimate the scores of the same videos with other weights, prepared as these require.

    The comparison leaks if they were trained on people whom the evaluated weights do not know.
    """
    path = networks.path
    title = path.resolve().parent.name if path.name == WEIGHTS else path.stem
    _, estimates = score_clips(networks, chosen, options, on_progress, f"scoring with {title}")
    trained_on = training_people_in(networks.document, chosen)
    n_leaked = len(trained_on - known_people)
    training = (
        f"Trained on {str(networks.document['training_data']).rstrip('.')}, including "
        f"{len(trained_on)} of the people evaluated here."
    )
    if n_leaked:
        title += " (leaks)"
        training += (
            f" The evaluated weights were not trained on {n_leaked} of these, so the comparison is "
            "not fair."
        )
    return weights_baseline(
        number=number,
        title=title,
        networks=networks,
        origin=f"Other weights, {path.name}",
        training=training,
        estimates=estimates,
        leaks=n_leaked > 0,
    )


def weights_baseline(
    *,
    number: int,
    title: str,
    networks: Networks,
    origin: str,
    training: str,
    estimates: Sequence[ClipEstimate],
    leaks: bool = False,
) -> BaselinePrediction:
    """Return the estimates of other weights as a baseline.

    Args:
        origin: which weights they are, in words.
        training: sentences about their training.
    """
    info = weights_info(networks, "semantics")
    about = Baseline(
        name=f"beside_{number + 1}",
        title=title,
        description=f"{origin}: {network_name(networks.config.model)}, {info.backbone}, "
        f"initialised from {initialisation_text(networks.document)}. {training}",
        leaks=leaks,
        informed=len(estimates),
        weights=info,
    )
    return about, np.array([e.score for e in estimates])


def attributes_of(
    options: EvaluateOptions, videos: Sequence[LabelledVideo]
) -> dict[str, dict[str, str]] | None:
    """Read the table of subgroups, or the ground truth; None if there is no such option."""
    if options.attributes is None:
        return None
    if options.attributes.is_dir():
        return read_appearance(options.attributes, videos)
    return read_attributes(options.attributes, {video.subject for video in videos})


def _gallery_split(networks: Networks, videos: list[LabelledVideo]) -> list[LabelledVideo]:
    """Return the videos for the gallery of prototypes; called before anything is scored.

    Raises:
        UsageProblem: the weights have no prototypes.
        DataInvalid: there is no Training split.
    """
    if networks.model.clusters is None:
        raise UsageProblem(
            f"--gallery: {clean(str(networks.path))}: these weights have no prototypes",
            "remove --gallery",
        )
    return of_split(videos, "Training")


def score_clips(
    networks: Networks,
    chosen: list[LabelledVideo],
    options: EvaluateOptions,
    on_progress: ProgressCallback,
    stage: str = "scoring",
) -> tuple[list[VideoClip], list[ClipEstimate]]:
    """Prepare the videos as clips and estimate their scores, weighting frames as `depmap score`.

    With fewer frames than are prepared, they are the prepared ones nearest to evenly spaced.

    Raises:
        DataInvalid: a video cannot be scored.
        OutOfMemory: the device has too little memory for a video.
    """
    count, training_frames = options.frames_of(networks), networks.config.train.frames
    clips = options.source.clips(
        chosen,
        networks.config.faces,
        networks.semantics,
        networks.device,
        on_progress,
        prepared_frames(count),
    )
    check_uncovered(clips)
    estimates = []
    for number, clip in enumerate(clips):
        with explain_out_of_memory("a video", "lower --frames, or use --device cpu"):
            estimate = estimate_clip(
                model=networks.model,
                semantics=networks.semantics,
                clip=clip,
                frames=count,
                training_frames=training_frames,
                device=networks.device,
            )
        estimates.append(estimate)
        on_progress(stage, number + 1, len(clips))
    return clips, estimates


def clip_rows(
    networks: Networks, clips: Sequence[VideoClip], estimates: Sequence[ClipEstimate]
) -> list[EvaluatedClip]:
    """Return the rows of the clips in the table that an evaluation starts from."""
    neutral = networks.semantics.typical_neutral
    return [
        EvaluatedClip(
            video=clip.video.path.name,
            subject=clip.video.subject,
            session=clip.video.session,
            task=clip.video.task,
            score=clip.video.score,
            estimate=estimate.score,
            duration=duration_of(clip.video),
            levels=estimate.levels,
            statistics=clip_statistics(clip, estimate.rows, neutral),
        )
        for clip, estimate in zip(clips, estimates, strict=True)
    ]


def describe_training(
    networks: Networks,
    videos: Sequence[LabelledVideo],
    options: EvaluateOptions,
    on_progress: ProgressCallback,
) -> tuple[DescribedClip, ...]:
    """Prepare Training, and describe as many frames of each clip as of the evaluated ones.

    Clips whose face is covered throughout are left out. Empty without ``options.ridge``, and if
    Training has too few people for a regression, so that nothing is prepared in vain.

    Raises:
        DataInvalid: a video of Training cannot be read or shows no face.
    """
    training = [video for video in videos if video.split == "Training"]
    if not options.ridge or len({video.subject for video in training}) < MIN_PEOPLE:
        return ()
    frames = options.frames_of(networks)
    clips = options.source.clips(
        training,
        networks.config.faces,
        networks.semantics,
        networks.device,
        on_progress,
        prepared_frames(frames),
    )
    neutral = networks.semantics.typical_neutral
    return tuple(described_clip(clip, frames, neutral) for clip in clips if len(clip.usable))


def training_facts(
    networks: Networks, videos: Sequence[LabelledVideo], evaluated: str
) -> TrainingFacts:
    """Return what baselines may know: the people of the weights, and the earlier splits.

    The mean is that of the corpus, not the one stored with the weights: weights that were trained
    on other data have a mean that cannot be known from the corpus.
    """
    training = [video.score for video in videos if video.split == "Training"]
    chosen = of_split(list(videos), evaluated)
    people = training_people_in(networks.document, chosen)
    if evaluated != "Development":
        people |= selection_people_in(networks.document, chosen)
    earlier = SPLITS[: SPLITS.index(evaluated)]
    known = [(v.subject, v.session, float(v.score)) for v in videos if v.split in earlier]
    timed = [
        (video.task, duration, float(video.score))
        for video in videos
        if video.split == "Training" and (duration := duration_of(video))
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


def stored_half_widths(
    document: dict[str, Any], clips: Sequence[EvaluatedClip]
) -> np.ndarray | None:
    """Half widths of the clips' intervals, (clips,), from the calibration in the weights.

    None if there is no calibration.
    """
    stored = document.get("calibration")
    if not stored:
        return None
    return half_widths(stored, np.array([clip.estimate for clip in clips]), DEFAULT_COVERAGE)
