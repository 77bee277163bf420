"""The measures of ``controls.py``: what the parts vary with, and where the losses' gradients go."""

import copy
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depmap_cli.config import TrainConfig
from depmap_cli.data.clips import VideoClip
from depmap_cli.model.distillation import prototype_activations
from depmap_cli.training.batches import epoch_batches
from depmap_cli.training.run_folder import RunFolder
from depmap_cli.training.trainer import DEAD_SHARE, Trainer
from depmap_cli.weights.loading import Networks


@dataclass(frozen=True)
class Measure:
    """A number about a part, and what it would be in an idle part."""

    name: str
    value: float
    note: str


def token_measures(tokens: Tensor, prototypes: Tensor) -> list[Measure]:
    """What tokens (n, channels, token) vary with, and which prototypes (levels, k, token) win."""
    unit = F.normalize(tokens, dim=-1)
    total = (unit - unit.mean((0, 1))).square().sum((1, 2)).mean()
    between = (unit.mean(0) - unit.mean((0, 1))).square().sum()
    # (n, channels, levels, k): Eq. (12) of one channel at a time is the similarity of its token.
    similarity = torch.stack(
        [prototype_activations(tokens[:, [i]], prototypes) for i in range(tokens.shape[1])], 1
    )
    winner = similarity.argmax(1)  # (n, levels, k)
    shares = F.one_hot(winner, tokens.shape[1]).float().mean(0)  # (levels, k, channels)
    nearest = similarity.flatten(2).argmax(2)  # (n, channels)
    joint = F.one_hot(nearest, prototypes.shape[:2].numel()).float().mean(0)  # (channels, all k)
    use = joint.mean(0)
    conditional = _entropy(joint).mean()
    explained = 1 - float(conditional / _entropy(use).clamp(min=1e-9))
    return [
        Measure(
            "share of the tokens' variance between channels", float(between / total), "idle: 1"
        ),
        Measure(
            "entropy of the channel that wins Eq. (12), of ln channels",
            float(_entropy(shares).mean() / np.log(tokens.shape[1])),
            "idle: 0",
        ),
        Measure(
            "share of frames in which the most frequent channel wins, median",
            float(shares.amax(-1).median()),
            "idle: 1",
        ),
        Measure(
            "entropy of the prototype nearest to a token, of ln prototypes",
            float(_entropy(use) / np.log(len(use))),
            "even use: 1",
        ),
        Measure(
            f"share of prototypes nearest to less than {DEAD_SHARE:.0%} of an even share of tokens",
            float((use < DEAD_SHARE / len(use)).float().mean()),
            "even use: 0",
        ),
        Measure(
            "share of that entropy that the channel alone explains",
            explained,
            "idle: 1",
        ),
    ]


def _entropy(shares: Tensor) -> Tensor:
    return -(shares * shares.clamp(min=1e-12).log()).sum(-1)


def weight_measures(weights: Sequence[np.ndarray]) -> list[Measure]:
    """How concentrated the weights (t,) of the frames of each clip are; means over clips."""

    def holding(share: float) -> float:
        return float(np.mean([_frames_holding(w, share) / len(w) for w in weights]))

    return [
        Measure("share of frames with half of the weight", holding(0.5), "equal weights: 0.5"),
        Measure("share of frames with 90 % of the weight", holding(0.9), "equal weights: 0.9"),
        Measure(
            "share of frames with any weight",
            float(np.mean([(w > 0).mean() for w in weights])),
            "equal weights: 1",
        ),
    ]


def _frames_holding(weights: np.ndarray, share: float) -> int:
    cumulative = np.cumsum(np.sort(weights)[::-1])
    return int(np.searchsorted(cumulative, share * cumulative[-1] - 1e-9)) + 1


def attention_measures(attention: dict[str, list[Tensor]]) -> list[Measure]:
    """How much each channel attention (n, channels) varies over frames."""
    measures = []
    for name, pieces in attention.items():
        values = torch.cat(pieces).double()
        over_frames = values.var(0, correction=0).mean()
        total = values.var(correction=0)
        measures += [
            Measure(f"{name}: sd over frames", float(values.std(0).mean()), "idle: 0"),
            Measure(
                f"{name}: share of its variance between frames",
                float(over_frames / total.clamp(min=1e-12)),
                "idle: 0",
            ),
        ]
    return measures


@dataclass(frozen=True)
class GradientShare:
    """The gradient of one loss: where it goes, and its size."""

    loss: str
    reaching: float  # share of its square that reaches parameters on which the score depends
    relative: float  # its norm there, relative to that of the squared error


def gradient_shares(
    networks: Networks, clips: Sequence[VideoClip], config: TrainConfig
) -> list[GradientShare]:
    """Where the losses of a training batch of these clips go; the network is not changed.

    The score depends on a parameter if the squared error has a gradient there. The layer that
    predicts action units is not stored with the weights, so it is random here.
    """
    config = config.model_copy(update={"contrastive_start_epoch": 0, "n_cached_views": 0})
    model = copy.deepcopy(networks.model).requires_grad_(True)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            semantics=networks.semantics,
            train=list(clips),
            development=[],
            config=config,
            folder=RunFolder(Path(folder)),
            document=networks.document,
            key={},
            device=networks.device,
        )
        nn.init.normal_(trainer.au_probe.units.weight, std=0.05)
        model.train()
        loss, auxiliary = trainer._loss(epoch_batches(list(clips), config, 0)[0])
    variance = float(model.target[1]) ** 2
    terms = {"squared error": loss.regression / variance}
    for scale, value in loss.contrastive.items():
        terms[f"Eq. (14) at S{scale}"] = config.contrastive_weight * value
    for name, value in auxiliary.items():
        terms[f"{name} loss"] = getattr(config, f"{name}_loss_weight") * value
    return shares_of_gradients(model, terms)


def shares_of_gradients(model: nn.Module, terms: dict[str, Tensor]) -> list[GradientShare]:
    """As ``gradient_shares``, for given losses; the first is the one that the score explains."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    squares = {
        name: torch.stack([_square(g) for g in _gradients(value, parameters)])
        for name, value in terms.items()
    }
    first = next(iter(squares.values()))
    scoring = first > 0
    return [
        GradientShare(
            loss=name,
            reaching=float(square[scoring].sum() / square.sum().clamp(min=1e-30)),
            relative=float((square[scoring].sum() / first.sum()).sqrt()),
        )
        for name, square in squares.items()
    ]


def _gradients(value: Tensor, parameters: list[nn.Parameter]) -> tuple[Tensor | None, ...]:
    if not value.requires_grad:
        return (None,) * len(parameters)
    return torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)


def _square(gradient: Tensor | None) -> Tensor:
    return (
        torch.zeros((), dtype=torch.double)
        if gradient is None
        else (gradient.detach().double().square().sum().cpu())
    )
