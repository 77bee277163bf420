"""The two parts of the scores of frames: one is averaged by weight, the other over time."""

import numpy as np
from jaxtyping import Float

from depmap_cli.model.depmap import FrameFeatures
from depmap_cli.model.signals import SIGNAL_SHARE


def score_parts(
    frames: FrameFeatures, weights: Float[np.ndarray, " n"], durations: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Return the parts of the scores of a video's frames, in BDI-II points.

    The estimate of the video is the weighted mean of the first part, the network's, plus the mean
    over time of the second, that of the signals (``mix_scores``). Without a regression on signals
    the second is 0.

    Args:
        frames: output of the network for all usable frames.
        weights: of the frames in the estimate; they sum to one.
        durations: seconds that each frame stands for.
    """
    scores = frames.scores.double().numpy()
    if frames.signal_scores is None:
        return scores, np.zeros(len(scores))
    over_time = SIGNAL_SHARE * frames.signal_scores.double().numpy()
    shift = (durations / durations.sum() - weights) @ over_time
    return scores - over_time - shift, over_time
