"""What action units, head pose, gaze and their movement add to the scores of frames."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.domain.head_and_gaze import ANGLES

SIGNAL_SHARE = 2 / 3
"""Share of ``SignalHead`` in the score of a frame, once it is fitted (measured: LOG L88)."""
N_READINGS = len(ACTION_UNITS) + len(ANGLES)
"""Number of readings of a frame: action units, then angles."""
N_SIGNALS = 2 * N_READINGS
"""Number of signals of a frame: its readings, then how fast each of them changes."""
N_INPUTS = 2 * N_SIGNALS
"""Number of inputs of ``SignalHead``: the signals, then their distances from their means."""
N_HIDDEN = 64
"""Hidden units of each of the networks whose mean ``SignalHead`` is."""
N_NETWORKS = 5
"""Number of networks whose mean ``SignalHead`` is."""
LIMIT = 8.0
"""Largest absolute value of a standardised input; larger values are cut off."""


class SignalHead(nn.Module):
    """Scores of frames from action units, head pose and gaze, by a small network.

    Not in the paper. Feature maps are pooled and normalised before the regression head, and little
    of the head pose and the gaze is left in them. So these readings have a regression of their own:
    each as it is, its movement, and the distances of both from their means over the video. It has
    one hidden layer, so that a frame with several units at once can count more than the sum of the
    units, and its scores of the frames are averaged over time (measured: LOG L87). It is fitted
    when training has ended (``training/signal_fit.py``); until then it has no part in an estimate.

    It is the mean of ``N_NETWORKS`` networks that were trained from different seeds: their hidden
    units stand side by side in one layer, and their outputs are averaged.
    """

    mean: Tensor
    std: Tensor
    hidden_weight: Tensor
    hidden_bias: Tensor
    output_weight: Tensor
    output_bias: Tensor
    fitted: Tensor

    def __init__(self) -> None:
        super().__init__()
        hidden = N_NETWORKS * N_HIDDEN
        self.register_buffer("mean", torch.zeros(N_INPUTS))
        self.register_buffer("std", torch.ones(N_INPUTS))
        self.register_buffer("hidden_weight", torch.zeros(hidden, N_INPUTS))
        self.register_buffer("hidden_bias", torch.zeros(hidden))
        self.register_buffer("output_weight", torch.zeros(hidden))
        self.register_buffer("output_bias", torch.tensor(0.0))
        self.register_buffer("fitted", torch.tensor(False))

    def set(
        self,
        *,
        mean: Float[Tensor, " inputs"],
        std: Float[Tensor, " inputs"],
        hidden_weight: Float[Tensor, "hidden inputs"],
        hidden_bias: Float[Tensor, " hidden"],
        output_weight: Float[Tensor, " hidden"],
        output_bias: Float[Tensor, ""],
    ) -> None:
        """Store a network, whose output is in BDI-II points.

        The numbers are rounded to half precision, in which weights are stored.

        Args:
            mean: of the inputs in training.
            std: standard deviations of the inputs in training.
        """
        values = {
            "mean": mean,
            "std": std,
            "hidden_weight": hidden_weight,
            "hidden_bias": hidden_bias,
            "output_weight": output_weight,
            "output_bias": output_bias,
        }
        for name, value in values.items():
            own: Tensor = getattr(self, name)
            own.copy_(value.half())
        self.fitted.fill_(True)

    def forward(self, inputs: Float[Tensor, "n inputs"]) -> Float[Tensor, " n"]:
        """Return the scores of frames by their signals alone, in BDI-II points.

        Args:
            inputs: of ``signal_inputs``; unknown ones (NaN) count as the mean in training.
        """
        standardised = standardise_inputs(inputs.float(), self.mean.float(), self.std.float())
        hidden = F.gelu(
            F.linear(standardised, self.hidden_weight.float(), self.hidden_bias.float())
        )
        scores: Tensor = hidden @ self.output_weight.float() + self.output_bias.float()
        return scores


def standardise_inputs(
    inputs: Float[Tensor, "n inputs"],
    mean: Float[Tensor, " inputs"],
    std: Float[Tensor, " inputs"],
) -> Float[Tensor, "n inputs"]:
    """Return inputs in standard deviations from their means, at most ``LIMIT``; NaN becomes 0."""
    return ((inputs - mean) / std).clamp(-LIMIT, LIMIT).nan_to_num(0.0)


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
    return torch.lerp(
        scores, shifted_to_mean_over_time(weights, from_signals, durations), SIGNAL_SHARE
    )


def shifted_to_mean_over_time(
    weights: Float[Tensor, " n"], from_signals: Float[Tensor, " n"], durations: Float[Tensor, " n"]
) -> Float[Tensor, " n"]:
    """Return scores shifted by one number, so that their weighted mean is their mean over time.

    The arguments are those of ``mix_scores``.
    """
    return from_signals + durations @ from_signals / durations.sum() - weights @ from_signals


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
