"""`depmap evaluate` of a cross-validation: everybody scored by weights that never saw them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from depmap_cli import __version__
from depmap_cli.data.corpus import Recording, of_split
from depmap_cli.devices import resolve_device
from depmap_cli.errors import UsageProblem
from depmap_cli.evaluation import About, read_attributes
from depmap_cli.evaluation.baselines import Guess
from depmap_cli.evaluation.evaluate import Part, evaluate_parts
from depmap_cli.evaluation.results import Baseline
from depmap_cli.progress import Told
from depmap_cli.results import WeightsInfo
from depmap_cli.summary import weights_info
from depmap_cli.training.folder import WEIGHTS
from depmap_cli.weights import Networks, load_networks
from depmap_cli.workflows.evaluate import (
    LEVEL,
    EvaluateOptions,
    Evaluation,
    clip_row,
    network_kind,
    score_clips,
    split_count,
    stored_half_width,
    training_facts,
)
from depmap_cli.workflows.known_people import refuse_known

OUT_OF_FOLD = "out-of-fold"
"""Stands where the name of a split does."""


@dataclass(frozen=True)
class _Fold:
    """One fold evaluated: whom it tests, its part of the table, and which weights those were."""

    tested: list[Recording]
    part: Part
    weights: WeightsInfo
    frames: int


def evaluate_folds(options: EvaluateOptions, run: Path, n_folds: int, told: Told) -> Evaluation:
    """Each fold's people scored by the weights of its own run, all folds pooled.

    ``run``, and each of ``options.beside``, is what `depmap train --group-by subject` wrote.

    Raises:
        UsageProblem: a fold's weights are missing.
        DataInvalid: weights that were trained on people whom they would be tested on.
        DepmapError: whatever else is wrong with data, weights or options.
    """
    for folder in (run, *options.beside):
        _check_run(folder, n_folds)
    everybody, _ = options.source.read()
    attributes = None
    if options.attributes:
        attributes = read_attributes(options.attributes, {r.subject for r in everybody})
    folds = [_evaluated(options, run, (i, n_folds), told) for i in range(n_folds)]
    about = _about(options, run, folds)
    return Evaluation(evaluate_parts([f.part for f in folds], about, LEVEL, attributes))


def _weights_of(run: Path, fold: int) -> Path:
    return run / f"fold-{fold}" / WEIGHTS


def _check_run(run: Path, n_folds: int) -> None:
    for fold in range(n_folds):
        path = _weights_of(run, fold)
        if not path.is_file():
            raise UsageProblem(
                f"{run.name}: no {path.relative_to(run)}",
                f"a run of `depmap train --group-by subject --folds {n_folds}` is expected",
            )
    if _weights_of(run, n_folds).exists():
        raise UsageProblem(f"{run.name}: holds more than {n_folds} folds", "check --folds")


def _evaluated(options: EvaluateOptions, run: Path, fold: tuple[int, int], told: Told) -> _Fold:
    part = replace(options, source=replace(options.source, fold=fold))
    recordings, _ = part.source.read()
    tested = of_split(recordings, "Testing")
    networks = _load(run, fold[0], tested, options)
    clips, estimates = score_clips(networks, tested, part, told, f"scoring fold {fold[0]}")
    rows = [clip_row(*pair) for pair in zip(clips, estimates, strict=True)]
    others = [
        _beside(number, folder, fold[0], tested, part, told)
        for number, folder in enumerate(options.beside)
    ]
    facts = training_facts(networks, recordings, "Testing")
    return _Fold(
        tested,
        Part(rows, facts, stored_half_width(networks.document), others),
        weights_info(networks, "semantics"),
        options.frames or networks.sampling.frames,
    )


def _load(run: Path, fold: int, tested: Sequence[Recording], options: EvaluateOptions) -> Networks:
    """The weights of a fold, if they know nobody of those whom it tests."""
    networks = load_networks(_weights_of(run, fold), resolve_device(options.device))
    refuse_known(
        networks,
        tested,
        f"{run.name}: the weights of fold {fold}",
        "whom that fold tests",
        "give the same --data and --folds as in training",
    )
    return networks


def _beside(
    number: int,
    run: Path,
    fold: int,
    tested: list[Recording],
    options: EvaluateOptions,
    told: Told,
) -> Guess:
    networks = _load(run, fold, tested, options)
    title = run.resolve().name
    _, estimates = score_clips(networks, tested, options, told, f"scoring with {title}, {fold}")
    about = Baseline(
        name=f"beside_{number + 1}",
        title=title,
        description=f"Other weights of the same folds: {network_kind(networks)}. Nobody is scored "
        "by weights that were trained on them.",
        leaks=False,
        informed=len(estimates),
        weights=weights_info(networks, "semantics"),
    )
    return about, np.array([e.score for e in estimates])


def _about(options: EvaluateOptions, run: Path, folds: Sequence[_Fold]) -> About:
    tested = [recording for fold in folds for recording in fold.tested]
    return About(
        depmap_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        data=options.source.data.resolve().name,
        split=OUT_OF_FOLD,
        weights=_weights(run, folds),
        settings={
            "frames": ", ".join(str(n) for n in sorted({fold.frames for fold in folds})),
            "device": resolve_device(options.device).type,
            "folds": len(folds),
            **{f"fold {i}": fold.weights.sha256[:16] for i, fold in enumerate(folds)},
        },
        splits=[split_count(OUT_OF_FOLD, tested)],
    )


def _weights(run: Path, folds: Sequence[_Fold]) -> WeightsInfo:
    """The folds' weights as one; their hash is that of the folds' hashes, joined."""
    first = folds[0].weights
    hashes = "".join(fold.weights.sha256 for fold in folds)
    return first.model_copy(
        update={
            "file": f"{run.resolve().name}, {len(folds)} folds",
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
