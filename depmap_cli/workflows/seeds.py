"""`depmap evaluate` of one run, or of several that differ in their seed: each by itself."""

from dataclasses import replace

from depmap_cli.evaluation.results import Evaluation
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.training.runs import find_runs, seeds_beside
from depmap_cli.workflows.evaluate import EvaluateOptions, run_evaluation


def evaluate_seeds(options: EvaluateOptions, told: ProgressCallback) -> list[Evaluation]:
    """One evaluation, or one a seed where ``options.weights`` is a folder of several.

    Each is beside the other weights of its seed, or beside the only ones there are.

    Raises:
        DepmapError: as ``find_runs`` and ``run_evaluation``, or runs beside it are of other seeds.
    """
    own = find_runs(options.weights) if options.weights else {None: None}
    compare_with = seeds_beside(own, options.compare_with)
    found = []
    for seed, weights in own.items():
        one = run_evaluation(
            replace(options, weights=weights, compare_with=compare_with[seed]), told
        )
        found.append(one if seed is None else _of_seed(one, seed))
    return found


def _of_seed(found: Evaluation, seed: int) -> Evaluation:
    settings = {**found.report.settings, "seed": seed}
    return replace(found, report=found.report.model_copy(update={"settings": settings}))
