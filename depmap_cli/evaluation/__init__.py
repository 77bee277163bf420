"""How well estimates agree with scores: figures, their uncertainty, baselines. NumPy alone.

Read ``evaluate.py`` first; it calls the others in the order of the report. Only ``estimation.py``
runs a model, so torch is not loaded before it is asked for.
"""

from typing import TYPE_CHECKING, Any

from depmap_cli.evaluation.evaluate import evaluate_table
from depmap_cli.evaluation.results import About, Bootstrap, EvaluationReport
from depmap_cli.evaluation.subgroups import read_attributes
from depmap_cli.evaluation.table import EvaluatedClip, TrainingFacts

if TYPE_CHECKING:
    from depmap_cli.evaluation.estimation import Evaluation, estimate_clip, evaluate_clips

_ESTIMATION = ("Evaluation", "estimate_clip", "evaluate_clips")
__all__ = [
    "About",
    "Bootstrap",
    "EvaluatedClip",
    "Evaluation",
    "EvaluationReport",
    "TrainingFacts",
    "estimate_clip",
    "evaluate_clips",
    "evaluate_table",
    "read_attributes",
]


def __getattr__(name: str) -> Any:
    """Import what runs a model, and torch with it, only when it is asked for."""
    if name in _ESTIMATION:
        from depmap_cli.evaluation import estimation

        return getattr(estimation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
