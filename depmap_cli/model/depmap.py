"""Dep-MAP in the order of the paper's Figure 2: encode, guide, cluster, distil, fuse, pool.

Each frame is encoded independently (``encode_maps``), so a long video can be processed in pieces;
only ``fuse`` combines frames over time. The result for a frame never depends on the rest of the
batch.
"""

from dataclasses import dataclass
from typing import cast

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from depmap_cli.config import ModelConfig
from depmap_cli.model.backbone import Backbone
from depmap_cli.model.behaviour import BehaviourEncoder, ReadingEncoder
from depmap_cli.model.distillation import LevelLogits, prototype_activations
from depmap_cli.model.fusion import MultiScaleFusion
from depmap_cli.model.guidance import SemanticGuidance
from depmap_cli.model.keyframes import key_frame_weights, mean_weights
from depmap_cli.model.prototypes import PrototypeClusters
from depmap_cli.model.signals import N_READINGS, SignalHead
from depmap_cli.model.standardise import Standardise


@dataclass(frozen=True, kw_only=True)
class FrameFeatures:
    """Output of the network for n frames, each encoded independently."""

    fused: Float[Tensor, "n fused"]  # multi-scale representation; then the activations, if tokens
    # are made of readings
    scores: Float[Tensor, " n"]  # score of each frame, BDI-II points
    activations: Float[Tensor, "n levels k"] | None  # Eq. 12; None without prototypes
    logits: Float[Tensor, "n levels"] | None  # Eq. 13; None without prototypes
    tokens: dict[int, Tensor]  # scale -> (n, channels, token); empty without prototypes
    network_scores: Float[Tensor, " n"] | None = None  # of the regression head alone, BDI-II points
    signal_scores: Float[Tensor, " n"] | None = None  # of ``SignalHead`` alone; both are mixed in
    # ``scores``, and None without a regression on signals


@dataclass(frozen=True, kw_only=True)
class VideoScores:
    """Scores of b videos, and the frame weights and features behind them."""

    score: Float[Tensor, " b"]  # BDI-II points, not clipped
    weights: Float[Tensor, "b t"]  # of the frames; they sum to one for each video
    fused: Float[Tensor, "b fused"]  # weighted mean of the frames' ``fused``
    levels: Float[Tensor, "b levels"] | None  # weighted mean of softmaxed level logits


class DepMap(nn.Module):
    """The Dep-MAP network.

    Each module sets its initial values in its constructor. Those that are not PyTorch's defaults:

    ================= ========================================================== =================
    head              weight normal, std 0.01; bias 0: about the training mean   here
    guidance.gamma    0.5                                                        SemanticGuidance
    level_logits      1: all prototypes have equal weight                        LevelLogits
    behaviour         weight normal, variance 1 / (code width); bias std 0.5      BehaviourEncoder
    reading_encoder   weight normal, variance 1 / (number of readings)            ReadingEncoder
    clusters          random unit vectors, until the first tokens of a level     PrototypeClusters
    ================= ========================================================== =================

    Args:
        semantic_dim: width of the CLIP embeddings.
        target_mean: mean of the training scores, BDI-II points; the head predicts around it.
        target_std: standard deviation of the training scores, BDI-II points; unit of the head.
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
        self.behaviour = nn.ModuleDict()  # tokens from maps
        self.reading_encoder: ReadingEncoder | None = None  # tokens of S4, unless from its map
        self.clusters: PrototypeClusters | None = None
        self.level_logits: LevelLogits | None = None
        if config.sdpm:
            from_maps = set(config.scales if config.kdm else ())
            if config.tokens == "positions":
                from_maps.add(4)
            else:
                from_maps.discard(4)
                self.reading_encoder = ReadingEncoder(
                    n_readings=N_READINGS,
                    n_channels=config.n_channels,
                    token_dim=config.token_dim,
                )
            for scale in sorted(from_maps):
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
            self.level_logits.requires_grad_(config.map)  # without MAP they get no gradient
        self.fusion: MultiScaleFusion | None = None
        if config.msr:
            self.fusion = MultiScaleFusion(
                in_channels=channels,
                scales=config.scales,
                channels=config.fused_channels,
                groups=config.n_levels * config.n_prototypes,
                wavelet=config.wavelet,
            )
        fused_dim = self.fusion.fused_dim if self.fusion else channels[-1]
        self.map_dim = fused_dim  # elements of ``fused`` that come from maps; they are the first
        if self.reading_encoder is not None:
            fused_dim += config.n_levels * config.n_prototypes
        self.standardise = Standardise(fused_dim)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(fused_dim, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)
        self.signal_head: SignalHead | None = None
        if config.signals and config.emotional:
            self.signal_head = SignalHead()
        self.register_buffer("target", torch.tensor([target_mean, target_std]))

    def encode_maps(
        self,
        features: list[Tensor],
        image: Float[Tensor, "n d"],
        text: Float[Tensor, "n d"],
        readings: Float[Tensor, "n readings"] | None = None,
    ) -> FrameFeatures:
        """Encode frames from the backbone's maps f_1 to f_4. They may belong to different videos
        and come in any order.

        Args:
            features: the maps.
            image: image embeddings.
            text: text embeddings of the queries.
            readings: of ``frame_readings``; needed if the tokens are made of them.
        """
        if self.guidance is not None:
            features = [*features[:-1], self.guidance(features[-1], text, image)]
        activations = logits = None
        tokens: dict[int, Tensor] = {}
        if self.clusters is not None and self.level_logits is not None:
            scales = [s for s in map(int, self.behaviour.keys()) if self.training or s == 4]
            tokens = {s: self.behaviour[str(s)](features[s - 1]) for s in sorted(scales)}
            if self.reading_encoder is not None:
                if readings is None:
                    raise ValueError("tokens made of readings need readings")
                tokens[4] = self.reading_encoder(readings)
            activations = prototype_activations(tokens[4], self.clusters.bank.clone())
            logits = self.level_logits(activations)
        fused = self.fusion(features) if self.fusion else features[-1].mean((2, 3)).float()
        if self.reading_encoder is not None and activations is not None:
            fused = torch.cat([fused, activations.flatten(1)], -1)
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
        """Fuse the frames of each video over time.

        The head is affine and the weights sum to one, so the weighted mean of frame scores equals
        the score of the fused frame.
        """
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
        readings: Float[Tensor, "b t readings"] | None = None,
    ) -> tuple[VideoScores, FrameFeatures]:
        """Score whole videos. The frame features are flattened: their first axis is (b t)."""
        features = self.backbone(rearrange(pixels, "b t ... -> (b t) ..."))
        return self.score_maps(features, image, text, valid, readings)

    def score_maps(
        self,
        features: list[Tensor],
        image: Float[Tensor, "b t d"],
        text: Float[Tensor, "b t d"],
        valid: Bool[Tensor, "b t"],
        readings: Float[Tensor, "b t readings"] | None = None,
    ) -> tuple[VideoScores, FrameFeatures]:
        """Score whole videos from the backbone's maps f_1 to f_4, whose first axis is (b t)."""
        batch = len(valid)
        frames = self.encode_maps(
            features,
            image.flatten(0, 1),
            text.flatten(0, 1),
            None if readings is None else readings.flatten(0, 1),
        )

        def by_video(x: Tensor) -> Tensor:
            return rearrange(x, "(b t) ... -> b t ...", b=batch)

        logits = None if frames.logits is None else by_video(frames.logits)
        return self.fuse(by_video(frames.fused), by_video(frames.scores), logits, valid), frames
