"""Measure whether prototypes of behaviour tokens carry the estimate.

    python -m benchmarks.behaviour_prototypes --data simavec [--weights FILE] [--cache DIR]

Each frame has one token: a linear map of its signals (action units, head, gaze, their movement,
distances from means), as the regression on signals reads them. The prototypes of Eq. (2), the
activations of Eq. (12), the level logits of Eq. (13) and the key frames after it are computed by
the package's own code; a linear head on the activations gives the score. Trained on Training, RMSE
on Development, mean of several seeds:

learned           prototypes are learned; frames are weighted equally
random            the same, but the prototypes stay as they were drawn
replaced          the first, with the prototypes replaced by random ones after training
key frames        frames weighted by their confidence, u = c ln T of them
no level loss     without the cross-entropy of the levels

Testing is not read.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from depmap_cli.config import ModelConfig
from depmap_cli.data.corpus import of_split
from depmap_cli.domain.bdi import MAX_SCORE, level_of
from depmap_cli.model.distillation import LevelLogits, prototype_activations
from depmap_cli.model.keyframes import key_frame_weights, mean_weights
from depmap_cli.model.prototypes import PrototypeClusters
from depmap_cli.model.signals import N_INPUTS
from depmap_cli.model.standardise import Standardise
from depmap_cli.stats.metrics import agreement
from depmap_cli.training.signal_fit import clip_inputs
from depmap_cli.weights.loading import load_networks
from depmap_cli.workflows.labelled_data import LabelledData

CONFIG = ModelConfig()
STEPS, BATCH, FRAMES, NOISE, SEEDS = 1000, 32, 48, 0.1, 2


@dataclass(frozen=True, kw_only=True)
class Variant:
    """How the prototypes are used."""

    learned: bool = True
    replaced: bool = False
    key_frames: bool = False
    level_loss: float = 0.3


VARIANTS = {
    "learned": Variant(),
    "random": Variant(learned=False),
    "replaced": Variant(replaced=True),
    "key frames": Variant(key_frames=True),
    "no level loss": Variant(level_loss=0.0),
}


class PrototypeHead(nn.Module):
    """Scores of clips from prototype activations of one token for each frame."""

    def __init__(self, key_frames: bool) -> None:
        super().__init__()
        self.key_frames = key_frames
        levels, per_level = CONFIG.n_levels, CONFIG.n_prototypes
        self.token = nn.Sequential(nn.Dropout(0.15), nn.Linear(N_INPUTS, CONFIG.token_dim))
        self.clusters = PrototypeClusters(
            n_levels=levels,
            n_prototypes=per_level,
            token_dim=CONFIG.token_dim,
            entropy=CONFIG.entropy,
            momentum=CONFIG.momentum,
        )
        self.level_logits = LevelLogits(levels, per_level)
        self.standardise = Standardise(levels * per_level)
        self.head = nn.Linear(levels * per_level, 1)

    def forward(
        self, inputs: Float[Tensor, "b t inputs"], levels: Tensor | None = None
    ) -> tuple[Float[Tensor, " b"], Float[Tensor, "b levels"]]:
        """Standardised scores and level logits; with ``levels``, prototypes are learned."""
        tokens = self.token(inputs)[:, :, None]
        valid = torch.ones(inputs.shape[:2], dtype=torch.bool)
        if levels is not None:
            self.clusters.update(tokens.detach(), valid[..., None], levels)
        bank = self.clusters.bank.clone()
        activations = prototype_activations(tokens.flatten(0, 1), bank)
        if self.training:
            self.level_logits.update(activations)
            self.standardise.update(activations.flatten(1))
        logits = self.level_logits(activations).unflatten(0, inputs.shape[:2])
        if self.key_frames:
            weights = key_frame_weights(logits, valid, CONFIG.sampling_factor)
        else:
            weights = mean_weights(valid)
        frames = self.head(self.standardise(activations.flatten(1))).view(inputs.shape[:2])
        return (weights * frames).sum(1), (weights[..., None] * logits).sum(1)


def train(
    inputs: list[Float[Tensor, "_ inputs"]], scores: Float[Tensor, " b"], how: Variant, seed: int
) -> PrototypeHead:
    """Train on standardised inputs and scores of clips."""
    torch.manual_seed(seed)
    levels = torch.tensor([level_of(float(score)) for score in scores])
    target = (scores - scores.mean()) / scores.std()
    model = PrototypeHead(how.key_frames)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=STEPS)
    for _ in range(STEPS):
        chosen = torch.randperm(len(inputs))[:BATCH]
        drawn = [inputs[i][torch.randint(len(inputs[i]), (FRAMES,))] for i in chosen]
        batch = torch.stack(drawn) + NOISE * torch.randn(len(chosen), 1, N_INPUTS)
        estimates, logits = model(batch, levels[chosen] if how.learned else None)
        loss = (estimates - target[chosen]).square().mean()
        loss = loss + how.level_loss * F.cross_entropy(logits, levels[chosen])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    if how.replaced:
        bank = model.clusters.bank
        bank.copy_(F.normalize(torch.randn_like(bank), dim=-1))
    return model.eval()


def main() -> None:
    """Print one line for each variant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--cache", type=Path)
    args = parser.parse_args()
    networks = load_networks(args.weights, torch.device("cpu"))
    source = LabelledData(data=args.data, cache=args.cache)
    inputs, scores = {}, {}
    for split in ("Training", "Development"):
        videos = of_split(source.read()[0], split)
        clips = source.clips(
            videos, networks.config.faces, networks.semantics, networks.device, lambda *told: None
        )
        clips = [clip for clip in clips if len(clip.usable)]
        inputs[split] = [clip_inputs(c, networks.semantics.typical_neutral) for c in clips]
        scores[split] = torch.tensor([float(clip.video.score) for clip in clips])
    frames = torch.cat(inputs["Training"])
    mean = frames.nanmean(0)
    std = (frames - mean).square().nanmean(0).sqrt().clamp(min=1e-6)
    standard = {s: [((x - mean) / std).nan_to_num(0.0) for x in inputs[s]] for s in inputs}
    offset, scale = scores["Training"].mean(), scores["Training"].std()
    truth = scores["Development"].numpy()
    for name, how in VARIANTS.items():
        estimates = []
        for seed in range(SEEDS):
            model = train(standard["Training"], scores["Training"], how, seed)
            with torch.inference_mode():
                clips_scored = [float(model(x[None])[0]) for x in standard["Development"]]
            estimates.append(np.array(clips_scored) * float(scale) + float(offset))
        metrics = agreement(truth, np.clip(np.mean(estimates, 0), 0, MAX_SCORE))
        print(f"{name:16} RMSE {metrics['rmse']:6.2f}  r {metrics['pcc']:5.2f}", flush=True)


if __name__ == "__main__":
    main()
