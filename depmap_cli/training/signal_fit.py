"""Fits the regression on signals of the semantic model when training has ended."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from depmap_cli.data.clips import VideoClip
from depmap_cli.model.depmap import DepMap
from depmap_cli.model.signals import (
    N_HIDDEN,
    N_INPUTS,
    N_NETWORKS,
    N_READINGS,
    N_SIGNALS,
    signal_inputs,
    standardise_inputs,
)
from depmap_cli.semantics.clip_model import SemanticModel
from depmap_cli.semantics.signals import signals_of
from depmap_cli.stats.ridge import MIN_PEOPLE

STEPS = 30.0
"""Training steps of each network, as a multiple of the square root of the number of clips."""
CLIPS = 32
"""Clips in a batch."""
FRAMES = 48
"""Frames drawn from each clip in a step."""
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.05
INPUT_DROPOUT, HIDDEN_DROPOUT = 0.15, 0.3
MOVEMENT_DROPOUT = 0.2
"""Share of clips whose movement is hidden in a step, as it is in videos whose frames lie far apart.
Without this, the RMSE from such frames is larger by 0.8 points (measured: LOG L87)."""
NOISE = 5.0
"""Noise that is added to an input in all frames of a clip: its standard deviation, relative to that
of the input, is this number divided by the square root of the number of clips. With few clips
the networks overfit without it; with many clips, less noise is best (measured: LOG L87)."""
MIN_KNOWN = 0.9
"""Share of the clips that must have an input, or it is left out. Movement is unknown in frames that
lie far apart; if only short clips had it, it would tell their length."""


def fit_signals(*, model: DepMap, semantics: SemanticModel, clips: Sequence[VideoClip]) -> bool:
    """Fit ``model.signal_head`` on the Training clips.

    Each network is trained so that the mean of its scores over the frames of a clip is the score of
    the clip. With fewer than ``MIN_PEOPLE`` people nothing is fitted, and the estimate is that of
    Dep-MAP's network alone.

    Args:
        clips: with usable frames.

    Returns:
        Whether the regression was fitted.
    """
    people = {clip.video.subject for clip in clips}
    if model.signal_head is None or len(people) < MIN_PEOPLE:
        return False
    scores = torch.tensor([float(clip.video.score) for clip in clips])
    inputs = [clip_inputs(clip, semantics.typical_neutral) for clip in clips]
    model.signal_head.set(**fit_networks(inputs, scores))
    return True


def clip_inputs(
    clip: VideoClip, typical_neutral: Float[np.ndarray, " units"] | None
) -> Float[Tensor, "n inputs"]:
    """The inputs of ``SignalHead`` in the n usable frames of a clip."""
    times = clip.times[clip.usable] if len(clip.times) else None
    return signal_inputs(signals_of(clip.features[clip.usable], times, typical_neutral))


def fit_networks(
    inputs: Sequence[Float[Tensor, "_ inputs"]], scores: Float[Tensor, " clips"]
) -> dict[str, Tensor]:
    """Train ``N_NETWORKS`` networks from different seeds.

    Args:
        inputs: of each clip, in all its frames; NaN if unknown.
        scores: of each clip, BDI-II points.

    Returns:
        The arguments of ``SignalHead.set``.
    """
    frames = torch.cat(list(inputs)).double()
    in_clips = torch.stack([clip.isfinite().any(0) for clip in inputs])
    known = in_clips.double().mean(0) >= MIN_KNOWN
    mean = torch.where(known, frames.nanmean(0), 0.0)
    std = (frames - mean).square().nanmean(0).sqrt()
    known &= std > 1e-6  # noqa: PLR2004
    std = torch.where(known, std, 1.0)
    data = standardise_inputs(frames, mean, std).float() * known
    counts = torch.tensor([len(frames_of_clip) for frames_of_clip in inputs])
    offset, scale = scores.mean(), scores.std(correction=0).clamp(min=1.0)
    target = (scores - offset) / scale
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        trained = [_train(data, counts, target, seed) for seed in range(N_NETWORKS)]
    hidden, output = zip(*trained, strict=True)
    return {
        "mean": mean,
        "std": std,
        "hidden_weight": torch.cat([layer.weight.detach() * known for layer in hidden]),
        "hidden_bias": torch.cat([layer.bias.detach() for layer in hidden]),
        "output_weight": torch.cat([layer.weight.detach()[0] for layer in output])
        * (scale / N_NETWORKS),
        "output_bias": torch.stack([layer.bias.detach()[0] for layer in output]).mean() * scale
        + offset,
    }


def _train(
    data: Float[Tensor, "frames inputs"],
    counts: Tensor,
    target: Float[Tensor, " clips"],
    seed: int,
) -> tuple[nn.Linear, nn.Linear]:
    """Train one network on standardised inputs; return its two layers."""
    root = math.sqrt(len(counts))
    steps = round(STEPS * root)
    torch.manual_seed(seed)
    hidden, output = nn.Linear(N_INPUTS, N_HIDDEN), nn.Linear(N_HIDDEN, 1)
    network = nn.Sequential(
        nn.Dropout(INPUT_DROPOUT), hidden, nn.GELU(), nn.Dropout(HIDDEN_DROPOUT), output
    )
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
    starts = counts.cumsum(0) - counts
    is_movement = torch.arange(N_INPUTS) % N_SIGNALS >= N_READINGS
    order = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        if len(order) < min(CLIPS, len(counts)):
            order = torch.cat([order, torch.randperm(len(counts))])
        chosen, order = order[:CLIPS], order[CLIPS:]
        drawn = (torch.rand(len(chosen), FRAMES) * counts[chosen, None]).long()
        inputs = data[starts[chosen, None] + drawn]
        noise = NOISE / root * torch.randn(len(chosen), 1, N_INPUTS)
        hidden_movement = torch.rand(len(chosen), 1, 1) < MOVEMENT_DROPOUT
        shown = (inputs + noise).masked_fill(hidden_movement & is_movement, 0.0)
        estimates = network(shown).mean((1, 2))
        loss = (estimates - target[chosen]).square().mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return hidden, output
