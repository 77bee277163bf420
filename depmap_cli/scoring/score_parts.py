"""The two parts of the scores of frames: one is averaged by weight, the other over time."""

import numpy as np
from jaxtyping import Float

from depmap_cli.model.depmap import FrameFeatures
from depmap_cli.model.signals import SIGNAL_SHARE


def score_parts(frames: FrameFeatures) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Return the parts of the scores of frames, in BDI-II points.

    The estimate of the video is the weighted mean of the first part, the network's, plus the mean
    over time of the second, that of the signals (``mix_scores``). Without a regression on signals
    the second is 0.
    """
    if frames.network_scores is None or frames.signal_scores is None:
        return frames.scores.double().numpy(), np.zeros(len(frames.scores))
    network = (1 - SIGNAL_SHARE) * frames.network_scores.double().numpy()
    return network, SIGNAL_SHARE * frames.signal_scores.double().numpy()
