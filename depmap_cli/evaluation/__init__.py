"""How well estimates agree with scores: figures, their uncertainty, baselines. NumPy alone.

Read ``evaluate.py`` first; it calls the others in the order of the report. Only ``estimation.py``
runs a model; it is not imported here, so that reports need no torch.
"""

from depmap_cli.evaluation.evaluate import evaluate_table
from depmap_cli.evaluation.results import About, Bootstrap, EvaluationReport
from depmap_cli.evaluation.score_table import EvaluatedClip, TrainingFacts
from depmap_cli.evaluation.subgroups import read_attributes

__all__ = [
    "About",
    "Bootstrap",
    "EvaluatedClip",
    "EvaluationReport",
    "TrainingFacts",
    "evaluate_table",
    "read_attributes",
]
