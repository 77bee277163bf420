"""`depmap train-semantics`: the small open_clip model learns which action units a face shows.

Trained on frames with known AU intensities (``ground_truth/{split}/{video}.npz`` beside a corpus in
AVEC's layout), by three losses: CLIP's contrast of frames with sentences about their units, where
equal sentences count as equal; a phrase at a time, how far the similarity to that phrase tells the
unit's intensity, which also calibrates the similarities; and how far a linear map of the image
tower's features tells it, because phrases that still sound alike teach the tower little at first.
Some faces are covered (``data/occlusion.py``) and learn to be told as such, and nothing else.

``frames.py`` pairs faces with intensities, ``learner.py`` is what is trained and its losses,
``trainer.py`` the loop, ``retrieval.py`` how well faces and sentences find each other.
"""

from depmap_cli.semantics_training.frames import AuFrames, read_au_frames
from depmap_cli.semantics_training.trainer import SemanticsRun, judge_semantics, train_semantics

__all__ = ["AuFrames", "SemanticsRun", "judge_semantics", "read_au_frames", "train_semantics"]
