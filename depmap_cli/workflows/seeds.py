"""`depmap evaluate` of one run, or of several runs with different seeds, each separately."""

from dataclasses import replace

from depmap_cli.evaluation.results import Evaluation
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.training.runs import find_runs, runs_to_compare
from depmap_cli.workflows.evaluate import EvaluateOptions, run_evaluation


def evaluate_seeds(options: EvaluateOptions, on_progress: ProgressCallback) -> list[Evaluation]:
    """Return one evaluation, or one for each seed if ``options.weights`` is a folder of seeds.

    Each is compared with the other weights of its seed, or with the only ones if they have no seed.

    Raises:
        DepmapError: as ``find_runs`` and ``run_evaluation``, or the compared runs have other seeds.
    """
    own = find_runs(options.weights) if options.weights else {None: None}
    compare_with = runs_to_compare(own, options.compare_with)
    evaluations = []
    for seed, weights in own.items():
        evaluation = run_evaluation(
            replace(options, weights=weights, compare_with=compare_with[seed]), on_progress
        )
        evaluations.append(evaluation if seed is None else _with_seed(evaluation, seed))
    return evaluations


def _with_seed(evaluation: Evaluation, seed: int) -> Evaluation:
    settings = {**evaluation.report.settings, "seed": seed}
    report = evaluation.report.model_copy(update={"settings": settings})
    return replace(evaluation, report=report)
