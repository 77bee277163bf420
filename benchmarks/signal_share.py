"""What the regression on signals of the semantic model adds to the network's estimate.

    python benchmarks/signal_share.py --data simavec [--weights FILE] [--frames 64] [--cache DIR]

Fits the regression on Training as `depmap train` does. Prints the RMSE on Development of mixtures
with several shares of the regression, and of the regression alone with only some of its inputs. For
comparison, a ridge regression is fitted on the means of the same inputs over each clip. As a
control, the regression is fitted on the inputs of other clips: its estimates must then be about as
bad as the mean. Testing is not read.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from depmap_cli.data.clips import VideoClip
from depmap_cli.data.corpus import of_split
from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.domain.bdi import MAX_SCORE
from depmap_cli.evaluation.estimate_clip import estimate_clip
from depmap_cli.model.signals import N_READINGS, N_SIGNALS, SIGNAL_SHARE, SignalHead
from depmap_cli.stats.metrics import agreement
from depmap_cli.stats.ridge import fit_ridge
from depmap_cli.training.signal_fit import clip_inputs, fit_networks
from depmap_cli.weights.loading import Networks, load_networks
from depmap_cli.workflows.labelled_data import LabelledData

SHARES = (0.0, 0.25, 0.35, 0.5, SIGNAL_SHARE, 0.75, 1.0)
N_CONTROLS = 2


@dataclass(frozen=True, kw_only=True)
class Clips:
    """Clips of one split."""

    clips: list[VideoClip]
    inputs: list[torch.Tensor]  # of the regression, (frames, inputs) for each clip
    scores: torch.Tensor  # (clips,) true scores
    people: list[str]


def read_clips(networks: Networks, source: LabelledData, split: str) -> Clips:
    """Read the clips of a split, and the inputs of the regression."""
    clips = source.clips(
        of_split(source.read()[0], split),
        networks.config.faces,
        networks.semantics,
        networks.device,
        lambda *told: None,
    )
    clips = [clip for clip in clips if len(clip.usable)]
    return Clips(
        clips=clips,
        inputs=[clip_inputs(c, networks.semantics.typical_neutral) for c in clips],
        scores=torch.tensor([float(clip.video.score) for clip in clips]),
        people=[clip.video.subject for clip in clips],
    )


def network_estimates(networks: Networks, clips: list[VideoClip], frames: int) -> np.ndarray:
    """Estimates (clips,) of the network alone, not clipped."""
    estimates = (
        estimate_clip(
            model=networks.model,
            semantics=networks.semantics,
            clip=clip,
            frames=frames,
            training_frames=networks.config.train.frames,
            device=networks.device,
        )
        for clip in clips
    )
    return np.array([float(estimate.video.score[0]) for estimate in estimates])


def main() -> None:
    """Print one line for each mixture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--cache", type=Path)
    args = parser.parse_args()
    networks = load_networks(args.weights, torch.device("cpu"))
    networks.model.signal_head = None
    source = LabelledData(data=args.data, cache=args.cache)
    train, development = (read_clips(networks, source, s) for s in ("Training", "Development"))
    network = network_estimates(networks, development.clips, args.frames)
    truth = development.scores.numpy()

    def rmse(regression: np.ndarray, share: float = 1.0) -> float:
        mixed = np.clip((1 - share) * network + share * regression, 0, MAX_SCORE)
        return agreement(truth, mixed)["rmse"]

    everything = np.arange(2 * N_SIGNALS)
    moves, is_distance = everything % N_SIGNALS >= N_READINGS, everything >= N_SIGNALS
    units = everything % N_READINGS < len(ACTION_UNITS)
    regression = estimates_from(train, development, everything)
    for share in SHARES:
        print(f"share of the regression {share:.2f}  {rmse(regression, share):6.2f}")
    for name, columns in (
        ("without distances from means", everything[~is_distance]),
        ("without movement", everything[~moves]),
        ("without both", everything[~moves & ~is_distance]),
        ("action units alone", everything[units]),
        ("head pose and gaze alone", everything[~units]),
    ):
        print(f"{name:30}{rmse(estimates_from(train, development, columns)):6.2f}")
    means = [torch.stack([x.nanmean(0) for x in c.inputs]).numpy() for c in (train, development)]
    ridge = fit_ridge(means[0], train.scores.numpy(), train.people)
    print(f"{'ridge regression on means':30}{rmse(ridge.predict(means[1])):6.2f}")
    for draw in range(N_CONTROLS):
        order = torch.randperm(len(train.scores), generator=torch.Generator().manual_seed(draw))
        control = replace(train, scores=train.scores[order])
        print(
            f"{'inputs of other clips':30}"
            f"{rmse(estimates_from(control, development, everything)):6.2f}"
        )


def estimates_from(train: Clips, development: Clips, columns: np.ndarray) -> np.ndarray:
    """Estimates (clips,) for Development of a regression that knows only some inputs."""
    hidden = torch.ones(2 * N_SIGNALS, dtype=torch.bool)
    hidden[torch.from_numpy(columns)] = False
    head = SignalHead()
    inputs = [x.masked_fill(hidden, torch.nan) for x in train.inputs]
    head.set(**fit_networks(inputs, train.scores))
    return np.array([float(head(x).mean()) for x in development.inputs])


if __name__ == "__main__":
    main()
