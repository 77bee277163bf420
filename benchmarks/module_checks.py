"""What the modules of trained weights do: estimates with one of them switched off at a time.

    python benchmarks/module_checks.py --data simavec --weights FILE [--split Development]

Nothing is trained anew: a module whose switching off leaves the error as it was is on but unused;
one whose switching off lowers it does harm. Prints RMSE and PCC, then what the weights hold: gamma
of Eq. 1, how evenly prototypes are used, and how far the weights of key frames differ.
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
    """MAP off: all frames weigh the same."""
    model.config = model.config.model_copy(update={"map": False})


def without_guidance(model: DepMap) -> None:
    """ESA off: Eq. 1 leaves the map as it is."""
    if model.guidance is not None:
        model.guidance.gamma.data.zero_()


VARIANTS: dict[str, Callable[[DepMap], None]] = {
    "as trained": lambda model: None,
    "without MAP": without_key_frames,
    "without ESA": without_guidance,
}


def main() -> None:
    """Print a line a variant, and what the weights hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--split", default="Development")
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    options = EvaluateOptions(
        source=LabelledData(data=given.data, cache=given.cache), split=given.split
    )
    videos = of_split(options.source.read()[0], given.split)
    truth = np.array([r.score for r in videos], float)
    for name, change in VARIANTS.items():
        networks = load_networks(given.weights, resolve_device("cpu"))
        change(networks.model)
        _, estimates = score_clips(networks, videos, options, lambda *told: None)
        found = agreement(truth, np.array([e.score for e in estimates]))
        print(f"{name:12} RMSE {found['rmse']:5.2f}  PCC {found['pcc']:.2f}")
        if name == "as trained":
            held = holdings(networks.model, [e.video.weights[0].numpy() for e in estimates])
    print(held)


def holdings(model: DepMap, weights: list[np.ndarray]) -> str:
    """What the network and its ``weights`` of frames, (t,) a video, tell of its modules."""
    gamma = "none" if model.guidance is None else f"{float(model.guidance.gamma):.2f}"
    balance, dead = prototype_use(model)
    kept = [w[w > 0] for w in weights]
    share = np.mean([len(k) / len(w) for k, w in zip(kept, weights, strict=True)])
    ratio = np.median([k.max() / k.min() for k in kept])
    return (
        f"gamma {gamma}; prototypes: balance {balance:.3f}, {dead} hardly used; frames kept "
        f"{share:.2f}, of these the largest weight to the smallest {ratio:.2f} (median video)"
    )


if __name__ == "__main__":
    main()
