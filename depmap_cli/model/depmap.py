"""Dep-MAP in the order of the paper's Figure 2: encode, guide, cluster, distil, fuse, pool.

Frames are encoded one by one (``encode_maps``), so a long video can pass through in pieces; only
``fuse`` looks across time. A frame's result never depends on what else is in the batch.
"""

from dataclasses import dataclass
from typing import cast

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from depmap_cli.config import ModelConfig
from depmap_cli.model.backbone import Backbone
from depmap_cli.model.behaviour import BehaviourEncoder
from depmap_cli.model.distillation import LevelLogits, prototype_activations
from depmap_cli.model.fusion import MultiScaleFusion
from depmap_cli.model.guidance import SemanticGuidance
from depmap_cli.model.keyframes import key_frame_weights, mean_weights
from depmap_cli.model.prototypes import PrototypeClusters
from depmap_cli.model.standardise import Standardise


@dataclass(frozen=True, kw_only=True)
class FrameFeatures:
    """What the network knows of n frames, each by itself."""

    fused: Float[Tensor, "n fused"]  # multi-scale representation
    scores: Float[Tensor, " n"]  # frame regression, BDI-II points
    activations: Float[Tensor, "n levels k"] | None  # Eq. 12; None without prototypes
    logits: Float[Tensor, "n levels"] | None  # Eq. 13; None without prototypes
    tokens: dict[int, Tensor]  # scale -> (n, channels, token), the deepest always if there are any


@dataclass(frozen=True, kw_only=True)
class VideoScores:
    """The estimate of each of b videos, and what made it."""

    score: Float[Tensor, " b"]  # BDI-II points, not clipped
    weights: Float[Tensor, "b t"]  # of each frame; sums to one
    fused: Float[Tensor, "b fused"]  # weighted mean of the frames' representations
    levels: Float[Tensor, "b levels"] | None  # weighted mean of the frames' level shares


class DepMap(nn.Module):
    """The network. ``semantic_dim`` is the width of the CLIP embeddings.

    ``target_mean`` and ``target_std`` (BDI-II points, of the training scores) set where the head
    starts, so that its first estimate is the training mean.
    """

    def __init__(
        self,
        *,
        config: ModelConfig,
        semantic_dim: int,
        target_mean: float = 15.0,
        target_std: float = 12.0,
    ) -> None:
        super().__init__()
        self.config = config
        self.backbone = Backbone(config.backbone)
        channels = self.backbone.channels
        self.guidance = SemanticGuidance(semantic_dim, channels[-1]) if config.esa else None
        self.behaviour = nn.ModuleDict()
        self.clusters: PrototypeClusters | None = None
        self.level_logits: LevelLogits | None = None
        if config.sdpm:
            for scale in sorted({4, *(config.scales if config.kdm else ())}):
                self.behaviour[str(scale)] = BehaviourEncoder(
                    in_channels=channels[scale - 1],
                    n_channels=config.n_channels,
                    token_dim=config.token_dim,
                    n_peaks=config.n_peaks,
                    temperature=config.peak_temperature,
                )
            self.clusters = PrototypeClusters(
                n_levels=config.n_levels,
                n_prototypes=config.n_prototypes,
                token_dim=config.token_dim,
                entropy=config.entropy,
                momentum=config.momentum,
            )
            self.level_logits = LevelLogits(config.n_levels, config.n_prototypes)
            self.level_logits.requires_grad_(config.map)  # without MAP nothing trains it
        self.fusion: MultiScaleFusion | None = None
        if config.msr:
            groups = config.n_levels * config.n_prototypes
            self.fusion = MultiScaleFusion(
                in_channels=channels,
                scales=config.scales,
                channels=config.fused_channels,
                groups=groups,
                wavelet=config.wavelet,
            )
        fused_dim = self.fusion.fused_dim if self.fusion else channels[-1]
        self.standardise = Standardise(fused_dim)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(fused_dim, 1)
        self.register_buffer("target", torch.tensor([target_mean, target_std]))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Every initialisation that is not its layer's default, in one place.

        ================= =====================================================
        head              small: the first estimate is about the training mean
        guidance.gamma    0.5 (see SemanticGuidance)
        level_logits      one: every prototype counts alike
        behaviour.weight  normal / sqrt(code width), so tokens start at unit scale
        prototypes        random directions until a level's first tokens
        ================= =====================================================
        """
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def encode_maps(
        self,
        features: list[Tensor],
        image: Float[Tensor, "n d"],
        text: Float[Tensor, "n d"],
    ) -> FrameFeatures:
        """Everything from the backbone's maps f_1 to f_4 up to fusion over time, for frames of any
        videos in any order."""
        if self.guidance is not None:
            features = [*features[:-1], self.guidance(features[-1], text, image)]
        activations = logits = None
        tokens: dict[int, Tensor] = {}
        if self.clusters is not None and self.level_logits is not None:
            scales = sorted(map(int, self.behaviour.keys())) if self.training else [4]
            tokens = {s: self.behaviour[str(s)](features[s - 1]) for s in scales}
            activations = prototype_activations(tokens[4], self.clusters.bank.clone())
            logits = self.level_logits(activations)
        fused = self.fusion(features) if self.fusion else features[-1].mean((2, 3)).float()
        mean, std = cast(Tensor, self.target)
        scores = mean + std * self.head(self.dropout(self.standardise(fused))).squeeze(-1)
        return FrameFeatures(
            fused=fused, scores=scores, activations=activations, logits=logits, tokens=tokens
        )

    def fuse(
        self,
        fused: Float[Tensor, "b t fused"],
        scores: Float[Tensor, "b t"],
        logits: Float[Tensor, "b t levels"] | None,
        valid: Bool[Tensor, "b t"],
    ) -> VideoScores:
        """Key-frame fusion over time. The head is affine and weights sum to one, so fusing frame
        scores and scoring fused frames are the same."""
        if self.config.map and logits is not None:
            weights = key_frame_weights(logits, valid, self.config.sampling_factor)
        else:
            weights = mean_weights(valid)
        levels = None
        if logits is not None:
            levels = (weights[..., None] * torch.softmax(logits.float(), -1)).sum(1)
        return VideoScores(
            score=(weights * scores).sum(1),
            weights=weights,
            fused=(weights[..., None] * fused).sum(1),
            levels=levels,
        )

    def forward(
        self,
        pixels: Float[Tensor, "b t 3 h w"],
        image: Float[Tensor, "b t d"],
        text: Float[Tensor, "b t d"],
        valid: Bool[Tensor, "b t"],
    ) -> tuple[VideoScores, FrameFeatures]:
        """All steps for whole videos; frame features come flattened, (b t) in front."""
        features = self.backbone(rearrange(pixels, "b t ... -> (b t) ..."))
        return self.score_maps(features, image, text, valid)

    def score_maps(
        self,
        features: list[Tensor],
        image: Float[Tensor, "b t d"],
        text: Float[Tensor, "b t d"],
        valid: Bool[Tensor, "b t"],
    ) -> tuple[VideoScores, FrameFeatures]:
        """The same from the backbone's maps f_1 to f_4 on, (b t) in front."""
        batch = len(valid)
        frames = self.encode_maps(
            features, *(rearrange(x, "b t ... -> (b t) ...") for x in (image, text))
        )

        def videos(x: Tensor) -> Tensor:
            return rearrange(x, "(b t) ... -> b t ...", b=batch)

        logits = None if frames.logits is None else videos(frames.logits)
        return self.fuse(videos(frames.fused), videos(frames.scores), logits, valid), frames
