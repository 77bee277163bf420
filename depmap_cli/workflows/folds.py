"""`depmap evaluate` of a cross-validation: each person is scored by weights not trained on them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from depmap_cli.data.clips import VideoClip
from depmap_cli.data.corpus import Corpus, of_split, read_corpus
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.evaluation.appearance import Appearance, KeyFace
from depmap_cli.evaluation.baselines import BaselinePrediction
from depmap_cli.evaluation.evaluate import EvaluationPart, evaluate_parts
from depmap_cli.evaluation.results import OUT_OF_FOLD, About, Evaluation, WeightsOrigin
from depmap_cli.io.clean_text import clean
from depmap_cli.results import WeightsInfo
from depmap_cli.runtime.devices import resolve_device
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.scoring.report_builder import weights_info
from depmap_cli.stats.conformal import DEFAULT_COVERAGE
from depmap_cli.training.leakage import refuse_known
from depmap_cli.training.runs import (
    CrossValidation,
    cross_validations,
    cross_validations_to_compare,
)
from depmap_cli.weights.loading import Networks
from depmap_cli.workflows.about_evaluation import about_evaluation, origin_of, split_count
from depmap_cli.workflows.appearance import key_faces_of, pictured_videos, trends_over
from depmap_cli.workflows.evaluate import (
    EvaluateOptions,
    attributes_of,
    clip_rows,
    describe_training,
    score_clips,
    stored_half_widths,
    training_facts,
    weights_baseline,
)
from depmap_cli.workflows.seeds import evaluate_seeds


@dataclass(frozen=True, kw_only=True)
class _PooledEvaluation:
    """A cross-validation to evaluate, others to compare it with, and what all folds share."""

    options: EvaluateOptions
    runs: CrossValidation
    compare_with: tuple[CrossValidation, ...]
    pictured: tuple[Path, ...]  # videos whose key frame is drawn
    corpus: Corpus
    on_progress: ProgressCallback


@dataclass(frozen=True, kw_only=True)
class _Fold:
    """One evaluated fold: its test clips, its part of the table, and its weights."""

    clips: list[VideoClip]
    part: EvaluationPart
    weights: WeightsInfo
    origin: WeightsOrigin
    frames: int  # sampled from each video
    faces: dict[Path, KeyFace]
    reliable: dict[str, bool]  # of the semantic model's action units


def evaluate_all(options: EvaluateOptions, on_progress: ProgressCallback) -> list[Evaluation]:
    """Evaluate as ``options`` say; return one evaluation, or one for each seed.

    Raises:
        DepmapError: as ``evaluate_seeds`` and ``evaluate_folds``.
    """
    if options.weights and options.folds:
        return evaluate_folds(options, options.weights, options.folds, on_progress)
    return evaluate_seeds(options, on_progress)


def evaluate_folds(
    options: EvaluateOptions, run: Path, n_folds: int, on_progress: ProgressCallback
) -> list[Evaluation]:
    """Score the people of each fold with the weights of that fold, and pool all folds.

    ``run``, and each of ``options.compare_with``, is a folder that `depmap train --folds`
    wrote. Several seeds are several cross-validations, evaluated separately: the mean of
    their estimates would describe an ensemble, which `depmap score` does not use.

    Raises:
        UsageProblem: a fold's weights are missing, or the compared runs have other seeds.
        DataInvalid: the weights of a fold were trained on people whom the fold tests.
        DepmapError: data, weights or options are invalid in another way.
    """
    runs_of_seed = cross_validations(run, n_folds)
    compare_with = cross_validations_to_compare(runs_of_seed, n_folds, options.compare_with)
    corpus = read_corpus(options.source.data)
    videos, _ = options.source.split(corpus)
    attributes = attributes_of(options, videos)
    pictured = pictured_videos(videos) if options.appearance else ()
    return [
        _evaluation(
            _PooledEvaluation(
                options=options,
                runs=runs,
                compare_with=compare_with[seed],
                pictured=pictured,
                corpus=corpus,
                on_progress=on_progress,
            ),
            attributes,
        )
        for seed, runs in runs_of_seed.items()
    ]


def _evaluation(
    task: _PooledEvaluation, attributes: Mapping[str, Mapping[str, str]] | None
) -> Evaluation:
    folds = [_evaluate_fold(task, fold) for fold in range(task.runs.n_folds)]
    parts = [fold.part for fold in folds]
    report = evaluate_parts(parts, _about(task, folds), DEFAULT_COVERAGE, attributes)
    return Evaluation(report, _appearance(task, folds) if task.options.appearance else None)


def _evaluate_fold(task: _PooledEvaluation, fold: int) -> _Fold:
    source = replace(task.options.source, fold=(fold, task.runs.n_folds))
    options = replace(task.options, source=source)
    videos, _ = source.split(task.corpus)
    tested = of_split(videos, "Testing")
    networks = _load(task.runs, fold, tested, options)
    facts = training_facts(networks, videos, "Testing")
    clips, estimates = score_clips(
        networks, tested, options, task.on_progress, _stage(task.runs, fold)
    )
    facts = replace(facts, described=describe_training(networks, videos, options, task.on_progress))
    rows = clip_rows(networks, clips, estimates)
    others = [
        _comparison(number, runs, fold, tested, options, task.on_progress)
        for number, runs in enumerate(task.compare_with)
    ]
    widths = stored_half_widths(networks.document, rows)
    return _Fold(
        clips=clips,
        part=EvaluationPart(
            clips=rows,
            training=facts,
            half_widths=widths,
            others=others,
            caution=options.caution(networks),
        ),
        weights=weights_info(networks, "semantics"),
        origin=origin_of(networks, videos, "Testing"),
        frames=options.frames_of(networks),
        faces=key_faces_of(networks, clips, estimates, task.pictured),
        reliable=networks.semantics.reliable_units,
    )


def _stage(runs: CrossValidation, fold: int) -> str:
    seed = "" if runs.seed is None else f"seed {runs.seed}, "
    return f"scoring {seed}fold {fold}"


def _load(
    runs: CrossValidation, fold: int, tested: Sequence[LabelledVideo], options: EvaluateOptions
) -> Networks:
    """Load the weights of a fold; refuse those that were trained on people whom it tests."""
    networks = options.networks(runs.weights(fold))
    refuse_known(
        networks.document,
        tested,
        f"{clean(str(runs.path))}: the weights of fold {fold}",
        "whom that fold tests",
        "use the same --data and --folds as in training",
    )
    return networks


def _comparison(
    number: int,
    runs: CrossValidation,
    fold: int,
    tested: list[LabelledVideo],
    options: EvaluateOptions,
    on_progress: ProgressCallback,
) -> BaselinePrediction:
    networks = _load(runs, fold, tested, options)
    title = runs.path.resolve().name
    _, estimates = score_clips(
        networks, tested, options, on_progress, f"{title}: {_stage(runs, fold)}"
    )
    return weights_baseline(
        number=number,
        title=title,
        networks=networks,
        origin="Other weights of the same folds",
        training="No person is scored by weights that were trained on them.",
        estimates=estimates,
    )


def _appearance(task: _PooledEvaluation, folds: Sequence[_Fold]) -> Appearance:
    """Collect the data of the plots, without a feature map: networks have no axes in common."""
    faces = {path: face for fold in folds for path, face in fold.faces.items()}
    clips = [clip for fold in folds for clip in fold.clips]
    trends = trends_over(clips, folds[0].reliable)
    return Appearance(
        videos=(), features=None, trends=trends, faces=tuple(faces[path] for path in task.pictured)
    )


def _about(task: _PooledEvaluation, folds: Sequence[_Fold]) -> About:
    clips = [clip for fold in folds for clip in fold.clips]
    seed = {} if task.runs.seed is None else {"seed": task.runs.seed}
    return about_evaluation(
        task.options.source.data,
        OUT_OF_FOLD,
        _weights(task.runs, folds),
        folds[0].origin,
        {
            "frames": ", ".join(str(n) for n in sorted({fold.frames for fold in folds})),
            "device": resolve_device(task.options.device).type,
            "folds": len(folds),
            **seed,
            **{f"fold {i}": fold.weights.sha256[:16] for i, fold in enumerate(folds)},
        },
        [split_count(OUT_OF_FOLD, [clip.video for clip in clips])],
        clips,
        task.corpus.notes,
    )


def _weights(runs: CrossValidation, folds: Sequence[_Fold]) -> WeightsInfo:
    """Describe the folds' weights as one; their hash is the hash of the folds' joined hashes."""
    first = folds[0].weights
    hashes = "".join(fold.weights.sha256 for fold in folds)
    seed = "" if runs.seed is None else f", seed {runs.seed}"
    return first.model_copy(
        update={
            "file": f"{runs.path.resolve().name}, {len(folds)} folds{seed}",
            "sha256": hashlib.sha256(hashes.encode()).hexdigest(),
            "training_data": f"{len(folds)} runs, each without the people that it is tested on; "
            f"the first: {first.training_data}",
            "simulated": any(fold.weights.simulated for fold in folds),
            "development": {
                name: float(np.mean([fold.weights.development[name] for fold in folds]))
                for name in first.development
            },
        }
    )
