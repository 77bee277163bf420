"""What action units, head pose, gaze and the image embedding add to the scores of frames."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.domain.head_and_gaze import ANGLES

SIGNAL_SHARE = 0.5
"""Share of ``SignalHead`` in the score of a frame, once it is fitted (measured: LOG L74)."""


class SignalHead(nn.Module):
    """Scores of frames from action units, head pose, gaze and the image embedding.

    Not in the paper. Feature maps are pooled and normalised before the regression head, and little
    of the head pose and the gaze is left in them. So these signals have a regression of their own:
    each as it is, and as its distance from its mean over the video. The mean over time then says
    how strong a behaviour is, and how much it varies. The image embedding holds what the phrases of
    the action units leave out (measured: LOG L82). The regression is affine, so its score for the
    means over a video is the mean of its scores for the frames. It is fitted when training has
    ended (``training/signal_fit.py``); until then it has no part in an estimate.

    Args:
        semantic_dim: width of the image embedding.
    """

    weight: Tensor
    bias: Tensor
    mean: Tensor
    fitted: Tensor

    def __init__(self, semantic_dim: int) -> None:
        super().__init__()
        n_inputs = 2 * n_signals(semantic_dim)
        self.register_buffer("weight", torch.zeros(n_inputs))
        self.register_buffer("mean", torch.zeros(n_inputs))
        self.register_buffer("bias", torch.tensor(0.0))
        self.register_buffer("fitted", torch.tensor(False))

    def set(
        self,
        weight: Float[Tensor, " inputs"],
        mean: Float[Tensor, " inputs"],
        bias: float,
    ) -> None:
        """Store a regression: bias + weight (inputs - mean), in BDI-II points.

        The numbers are rounded to half precision, in which weights are stored.
        """
        self.weight, self.mean = weight.half().to(self.weight), mean.half().to(self.mean)
        self.bias = torch.tensor(bias).half().to(self.bias)
        self.fitted = torch.ones_like(self.fitted)

    def forward(self, inputs: Float[Tensor, "n inputs"]) -> Float[Tensor, " n"]:
        """Return the scores of frames by their signals alone, in BDI-II points.

        Args:
            inputs: of ``signal_inputs``; unknown ones (NaN) count as the mean in training.
        """
        known = (inputs.float() - self.mean.float()).nan_to_num(0.0)
        scores: Tensor = self.bias.float() + known @ self.weight.float()
        return scores


def mix_scores(
    scores: Float[Tensor, " n"],
    weights: Float[Tensor, " n"],
    from_signals: Float[Tensor, " n"],
    durations: Float[Tensor, " n"],
) -> Float[Tensor, " n"]:
    """Return the scores of the n frames of a video with the share of their signals.

    The mean of a signal over the whole video predicts the score better than its mean over the key
    frames (measured: LOG L82). So the regression's scores are shifted by one number for the video:
    their weighted mean becomes their mean over time, and the estimate stays the weighted mean of
    the frames' scores.

    Args:
        scores: of the regression head, BDI-II points.
        weights: of the frames in the estimate of the video; they sum to one.
        from_signals: scores of ``SignalHead``, BDI-II points.
        durations: seconds of the video that each frame stands for.
    """
    over_time = durations @ from_signals / durations.sum()
    shift = over_time - weights @ from_signals
    return torch.lerp(scores, from_signals + shift, SIGNAL_SHARE)


def n_signals(semantic_dim: int) -> int:
    """Number of signals of a frame: action units, then angles, then the image embedding."""
    return len(ACTION_UNITS) + len(ANGLES) + semantic_dim


def signal_inputs(
    signals: Float[Tensor, "n signals"], means: Float[Tensor, " signals"] | None = None
) -> Float[Tensor, "n inputs"]:
    """Return the signals of the n frames of a video, and their distances from their means over it.

    Args:
        signals: of each frame; NaN if unknown.
        means: of the signals over the video, if these are only some of its frames.
    """
    distance = (signals - (signals.nanmean(0) if means is None else means)).abs()
    return torch.cat([signals, distance], -1)
