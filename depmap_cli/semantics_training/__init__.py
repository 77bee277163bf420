"""Training of the small open_clip model to detect action units, for `depmap train-semantics`.

It is trained on frames with known AU intensities (``ground_truth/{split}/{video}.npz`` beside a
corpus in AVEC's layout) with three losses:

1. CLIP's contrastive loss between frames and sentences about their action units. Frames with the
   same sentence are positives of each other.
2. For each action unit, the binary cross-entropy between its intensity and the calibrated
   similarity of the frame to the phrase of the unit.
3. The binary cross-entropy of a linear layer on the features of the image encoder. It trains the
   encoder early on, while the text embeddings of the phrases are still alike. The layer is not
   stored.

Some faces are covered (``data/occlusion.py``); they are trained only to be detected as covered.

``frames.py`` pairs faces with intensities, ``batches.py`` augments them, ``sentences.py`` describes
them, ``trainable_model.py`` has the network and its losses, ``trainer.py`` the training loop, and
``evaluation.py`` and ``retrieval.py`` the metrics on Development.
"""

from depmap_cli.semantics_training.frames import AuFrames, read_au_frames
from depmap_cli.semantics_training.trainer import SemanticsRun, evaluate_semantics, train_semantics

__all__ = ["AuFrames", "SemanticsRun", "evaluate_semantics", "read_au_frames", "train_semantics"]
