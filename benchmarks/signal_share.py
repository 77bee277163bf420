"""What the regression on signals of the semantic model adds to the network's estimate.

    python benchmarks/signal_share.py --data simavec [--weights FILE] [--frames 64] [--cache DIR]

Fits the regression on Training as `depmap train` does, and prints the RMSE on Development of the
network alone, of mixtures with several shares of the regression, and of mixtures in which the
regression has only some of its inputs. As a control, it is fitted on the inputs of other clips: the
estimate must then be worse than that of the network. Testing is not read.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from depmap_cli.data.clips import VideoClip
from depmap_cli.data.corpus import of_split
from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.domain.bdi import MAX_SCORE
from depmap_cli.evaluation.estimate_clip import estimate_clip
from depmap_cli.model.signals import SIGNAL_SHARE, SignalHead, n_signals
from depmap_cli.stats.metrics import agreement
from depmap_cli.stats.ridge import fit_ridge
from depmap_cli.training.signal_fit import mean_inputs
from depmap_cli.weights.loading import Networks, load_networks
from depmap_cli.workflows.labelled_data import LabelledData

SHARES = (0.0, 0.25, 0.35, 0.5, 0.65, 0.75, 1.0)
N_CONTROLS = 5


@dataclass(frozen=True, kw_only=True)
class Clips:
    """Clips of one split."""

    clips: list[VideoClip]
    inputs: np.ndarray  # (clips, inputs) of the regression, means over time
    scores: np.ndarray  # (clips,) true scores
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
        inputs=np.array([mean_inputs(c, networks.semantics.typical_neutral) for c in clips]),
        scores=np.array([clip.video.score for clip in clips], float),
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
    networks.model.signal_head = SignalHead(networks.semantics.dim)  # not fitted
    source = LabelledData(data=args.data, cache=args.cache)
    train, development = (read_clips(networks, source, s) for s in ("Training", "Development"))
    network = network_estimates(networks, development.clips, args.frames)

    def rmse(columns: np.ndarray, share: float, rows: np.ndarray | None = None) -> float:
        inputs = train.inputs if rows is None else train.inputs[rows]
        fitted = fit_ridge(inputs[:, columns], train.scores, train.people)
        regression = fitted.predict(development.inputs[:, columns])
        mixed = np.clip((1 - share) * network + share * regression, 0, MAX_SCORE)
        return agreement(development.scores, mixed)["rmse"]

    signals = n_signals(networks.semantics.dim)
    everything = np.arange(2 * signals)
    for share in SHARES:
        print(f"share of the regression {share:.2f}  {rmse(everything, share):6.2f}")
    print(f"without distances from means  {rmse(everything[:signals], SIGNAL_SHARE):6.2f}")
    embedding = everything % signals >= n_signals(0)
    print(f"without the image embedding   {rmse(everything[~embedding], SIGNAL_SHARE):6.2f}")
    print(f"image embedding alone         {rmse(everything[embedding], SIGNAL_SHARE):6.2f}")
    units = everything % signals < len(ACTION_UNITS)
    print(f"action units alone            {rmse(everything[units], SIGNAL_SHARE):6.2f}")
    rng = np.random.default_rng(0)
    for _ in range(N_CONTROLS):
        order = rng.permutation(len(train.scores))
        print(f"inputs of other clips         {rmse(everything, SIGNAL_SHARE, order):6.2f}")


if __name__ == "__main__":
    main()
