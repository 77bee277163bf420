"""How well estimates agree with scores: metrics, their uncertainty, baselines. NumPy only.

Start with ``evaluate.py``, which calls the others in the order of the report. Only
``estimate_clip.py`` runs a model; it is not imported here, so reports need no torch.
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
