"""Measure the contribution of each module of trained weights by switching it off.

    python benchmarks/module_checks.py --data simavec --weights FILE [--split Development]

Nothing is retrained. If the error stays the same without a module, the module is unused; if the
error falls, the module does harm. Prints RMSE and PCC, then statistics of the weights: gamma of
Eq. 1, how evenly the prototypes are used, and how much the weights of key frames differ.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from depmap_cli.data.corpus import of_split
from depmap_cli.model.depmap import DepMap
from depmap_cli.runtime.devices import resolve_device
from depmap_cli.stats.metrics import agreement
from depmap_cli.training.trainer import prototype_use
from depmap_cli.weights.loading import load_networks
from depmap_cli.workflows.evaluate import EvaluateOptions, score_clips
from depmap_cli.workflows.labelled_data import LabelledData


def without_key_frames(model: DepMap) -> None:
    """Switch MAP off: all frames have the same weight."""
    model.config = model.config.model_copy(update={"map": False})


def without_guidance(model: DepMap) -> None:
    """Switch ESA off: with gamma 0, Eq. 1 leaves the feature map unchanged."""
    if model.guidance is not None:
        model.guidance.gamma.data.zero_()


VARIANTS: dict[str, Callable[[DepMap], None]] = {
    "as trained": lambda model: None,
    "without MAP": without_key_frames,
    "without ESA": without_guidance,
}


def main() -> None:
    """Print one line for each variant, and the statistics of the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--split", default="Development")
    parser.add_argument("--cache", type=Path)
    args = parser.parse_args()
    options = EvaluateOptions(
        source=LabelledData(data=args.data, cache=args.cache), split=args.split
    )
    videos = of_split(options.source.read()[0], args.split)
    truth = np.array([video.score for video in videos], float)
    for name, change in VARIANTS.items():
        networks = load_networks(args.weights, resolve_device("cpu"))
        change(networks.model)
        _, estimates = score_clips(networks, videos, options, lambda *progress: None)
        metrics = agreement(truth, np.array([e.score for e in estimates]))
        print(f"{name:12} RMSE {metrics['rmse']:5.2f}  PCC {metrics['pcc']:.2f}")
        if name == "as trained":
            statistics = weight_statistics(
                networks.model, [e.video.weights[0].numpy() for e in estimates]
            )
    print(statistics)


def weight_statistics(model: DepMap, weights: list[np.ndarray]) -> str:
    """Summarise the modules from the network and its frame ``weights``, (t,) for each video."""
    gamma = "none" if model.guidance is None else f"{float(model.guidance.gamma):.2f}"
    balance, dead = prototype_use(model)
    nonzero = [w[w > 0] for w in weights]
    share = np.mean([len(k) / len(w) for k, w in zip(nonzero, weights, strict=True)])
    ratio = np.median([k.max() / k.min() for k in nonzero])
    return (
        f"gamma {gamma}; prototypes: balance {balance:.3f}, {dead} hardly used; share of frames "
        f"with weight {share:.2f}, their largest to smallest weight {ratio:.2f} (median video)"
    )


if __name__ == "__main__":
    main()
