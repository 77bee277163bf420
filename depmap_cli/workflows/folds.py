"""`depmap evaluate` of a cross-validation: everybody scored by weights that never saw them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from depmap_cli.data.clips import VideoClip
from depmap_cli.data.corpus import LabelledVideo, of_split
from depmap_cli.evaluation.appearance import Appearance, KeyFace
from depmap_cli.evaluation.baselines import BaselinePrediction
from depmap_cli.evaluation.evaluate import EvaluationPart, evaluate_parts
from depmap_cli.evaluation.results import OUT_OF_FOLD, About, Evaluation, WeightsOrigin
from depmap_cli.results import WeightsInfo
from depmap_cli.runtime.devices import resolve_device
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.scoring.report_builder import weights_info
from depmap_cli.stats.conformal import DEFAULT_COVERAGE
from depmap_cli.training.leakage import refuse_known
from depmap_cli.training.runs import CrossValidation, cross_validations, folds_beside
from depmap_cli.weights.loading import Networks
from depmap_cli.workflows.about_evaluation import about_evaluation, origin_of, split_count
from depmap_cli.workflows.appearance import key_faces_of, shown_videos, trends_over
from depmap_cli.workflows.evaluate import (
    EvaluateOptions,
    attributes_of,
    clip_row,
    other_weights,
    score_clips,
    stored_half_width,
    training_facts,
)
from depmap_cli.workflows.seeds import evaluate_seeds


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A cross-validation to evaluate, those beside it, and what all its folds share."""

    options: EvaluateOptions
    runs: CrossValidation
    compare_with: tuple[CrossValidation, ...]
    shown: tuple[Path, ...]  # videos whose key frame is drawn
    notes: list[str]  # of what reads the corpus
    told: ProgressCallback


@dataclass(frozen=True, kw_only=True)
class _Fold:
    """One fold evaluated: whom it tests, its part of the table, and which weights those were."""

    clips: list[VideoClip]
    part: EvaluationPart
    weights: WeightsInfo
    origin: WeightsOrigin
    frames: int  # looked at of each video
    faces: dict[Path, KeyFace]
    reliable: dict[str, bool]  # of the semantic model's action units


def evaluate_all(options: EvaluateOptions, told: ProgressCallback) -> list[Evaluation]:
    """What ``options`` ask for: one evaluation, or one a seed.

    Raises:
        DepmapError: as ``evaluate_seeds`` and ``evaluate_folds``.
    """
    if options.weights and options.folds:
        return evaluate_folds(options, options.weights, options.folds, told)
    return evaluate_seeds(options, told)


def evaluate_folds(
    options: EvaluateOptions, run: Path, n_folds: int, told: ProgressCallback
) -> list[Evaluation]:
    """Each fold's people scored by the weights of its own run, all folds pooled, seed by seed.

    ``run``, and each of ``options.compare_with``, is what `depmap train --folds` wrote. Each
    of several seeds is a cross-validation of its own: a mean of their estimates would be that of
    an ensemble, which nobody trained or will score with.

    Raises:
        UsageProblem: a fold's weights are missing, or runs beside it are of other seeds.
        DataInvalid: weights that were trained on people whom they would be tested on.
        DepmapError: whatever else is wrong with data, weights or options.
    """
    found = cross_validations(run, n_folds)
    compare_with = folds_beside(found, n_folds, options.compare_with)
    everybody, summary = options.source.read()
    attributes = attributes_of(options, everybody)
    shown = shown_videos(everybody) if options.appearance else ()
    return [
        _evaluation(
            _Asked(
                options=options,
                runs=runs,
                compare_with=compare_with[seed],
                shown=shown,
                notes=summary.notes,
                told=told,
            ),
            attributes,
        )
        for seed, runs in found.items()
    ]


def _evaluation(asked: _Asked, attributes: Mapping[str, Mapping[str, str]] | None) -> Evaluation:
    folds = [_evaluated(asked, fold) for fold in range(asked.runs.n_folds)]
    parts = [fold.part for fold in folds]
    report = evaluate_parts(parts, _about(asked, folds), DEFAULT_COVERAGE, attributes)
    return Evaluation(report, _appearance(asked, folds) if asked.options.appearance else None)


def _evaluated(asked: _Asked, fold: int) -> _Fold:
    source = replace(asked.options.source, fold=(fold, asked.runs.n_folds))
    options = replace(asked.options, source=source)
    videos, _ = source.read()
    tested = of_split(videos, "Testing")
    networks = _load(asked.runs, fold, tested, options)
    facts = training_facts(networks, videos, "Testing")
    clips, estimates = score_clips(networks, tested, options, asked.told, _stage(asked.runs, fold))
    rows = [clip_row(*pair) for pair in zip(clips, estimates, strict=True)]
    others = [
        _beside(number, runs, fold, tested, options, asked.told)
        for number, runs in enumerate(asked.compare_with)
    ]
    half_width, caution = stored_half_width(networks.document), options.caution(networks)
    return _Fold(
        clips=clips,
        part=EvaluationPart(
            clips=rows, training=facts, half_width=half_width, others=others, caution=caution
        ),
        weights=weights_info(networks, "semantics"),
        origin=origin_of(networks, videos, "Testing"),
        frames=options.frames_of(networks),
        faces=key_faces_of(networks, clips, estimates, asked.shown),
        reliable=networks.semantics.reliable_units,
    )


def _stage(runs: CrossValidation, fold: int) -> str:
    seed = "" if runs.seed is None else f"seed {runs.seed}, "
    return f"scoring {seed}fold {fold}"


def _load(
    runs: CrossValidation, fold: int, tested: Sequence[LabelledVideo], options: EvaluateOptions
) -> Networks:
    """The weights of a fold, if they know nobody of those whom it tests."""
    networks = options.networks(runs.weights(fold))
    refuse_known(
        networks.document,
        tested,
        f"{runs.path.name}: the weights of fold {fold}",
        "whom that fold tests",
        "give the same --data and --folds as in training",
    )
    return networks


def _beside(
    number: int,
    runs: CrossValidation,
    fold: int,
    tested: list[LabelledVideo],
    options: EvaluateOptions,
    told: ProgressCallback,
) -> BaselinePrediction:
    networks = _load(runs, fold, tested, options)
    title = runs.path.resolve().name
    _, estimates = score_clips(networks, tested, options, told, f"{title}: {_stage(runs, fold)}")
    said = "Nobody is scored by weights that were trained on them."
    return other_weights(
        number, title, networks, "Other weights of the same folds", said, estimates
    )


def _appearance(asked: _Asked, folds: Sequence[_Fold]) -> Appearance:
    """No map of features: those of different networks have no axes in common."""
    faces = {path: face for fold in folds for path, face in fold.faces.items()}
    clips = [clip for fold in folds for clip in fold.clips]
    trends = trends_over(clips, folds[0].reliable)
    return Appearance(
        videos=(), features=None, trends=trends, faces=tuple(faces[path] for path in asked.shown)
    )


def _about(asked: _Asked, folds: Sequence[_Fold]) -> About:
    clips = [clip for fold in folds for clip in fold.clips]
    seed = {} if asked.runs.seed is None else {"seed": asked.runs.seed}
    return about_evaluation(
        asked.options.source.data,
        OUT_OF_FOLD,
        _weights(asked.runs, folds),
        folds[0].origin,
        {
            "frames": ", ".join(str(n) for n in sorted({fold.frames for fold in folds})),
            "device": resolve_device(asked.options.device).type,
            "folds": len(folds),
            **seed,
            **{f"fold {i}": fold.weights.sha256[:16] for i, fold in enumerate(folds)},
        },
        [split_count(OUT_OF_FOLD, [clip.video for clip in clips])],
        clips,
        asked.notes,
    )


def _weights(runs: CrossValidation, folds: Sequence[_Fold]) -> WeightsInfo:
    """The folds' weights as one; their hash is that of the folds' hashes, joined."""
    first = folds[0].weights
    hashes = "".join(fold.weights.sha256 for fold in folds)
    seed = "" if runs.seed is None else f", seed {runs.seed}"
    return first.model_copy(
        update={
            "file": f"{runs.path.resolve().name}, {len(folds)} folds{seed}",
            "sha256": hashlib.sha256(hashes.encode()).hexdigest(),
            "training_data": f"{len(folds)} runs, each without the people whom it is tested on; "
            f"the first: {first.training_data}",
            "simulated": any(fold.weights.simulated for fold in folds),
            "development": {
                name: float(np.mean([fold.weights.development[name] for fold in folds]))
                for name in first.development
            },
        }
    )
