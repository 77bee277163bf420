"""Every setting, its default, its bounds and where the default comes from. Imports no torch.

Sources: "paper" is the Experiment Setting of Dep-MAP (AAAI 2026); "measured" on Development, with
figures in CHANGELOG.md and benchmarks/2026-11-26-defaults.md, which says what was not.
"""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

MAX_FRAMES = 100_000
"""Of a video that may be asked for."""
MAX_DETECTION_SIDE = 8192
MAX_RATE = 240.0
"""Frames a second that may be asked for."""
MAX_SEED = 2**32 - 1
"""So that what is drawn from a seed and the epoch's number fits 64 bits."""
PREPARED_FRAMES = 128
"""Frames of a recording that are kept to draw from in training."""
MIN_FRAMES = 8
"""With a usable face, below which `depmap score` refuses a recording."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SamplingConfig(_Frozen):
    """Which frames of a video are looked at."""

    frames: int = Field(64, ge=1, le=MAX_FRAMES, description="Frames spread evenly over the video.")
    fps: float | None = Field(None, gt=0, le=MAX_RATE, description="Frames a second, instead.")
    start: float = Field(0.0, ge=0, description="First second used.")
    end: float | None = Field(None, gt=0, description="Second at which use stops.")

    @model_validator(mode="after")
    def _ordered(self) -> "SamplingConfig":
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"end ({self.end:g} s) must lie after start ({self.start:g} s)")
        return self


class SubjectRule(StrEnum):
    """Which face is the subject, when there are several."""

    largest = "largest"
    longest = "longest"
    center = "center"  # type: ignore[assignment]  # shadows str.center
    left = "left"
    right = "right"


class FaceConfig(_Frozen):
    """Detection, tracking and alignment. Pixels are those of the frame scaled for detection."""

    size: Literal[128, 224] = Field(128, description="Side of the aligned face; paper: 128.")
    detection_sides: tuple[int, ...] = Field(
        (320, 640, 1280),
        description="Longest side for detection; the next is tried where one saw no face.",
    )
    min_face: int = Field(24, ge=12, description="Smallest face searched for, px.")
    min_probability: float = Field(0.9, ge=0, le=1, description="MTCNN confidence to keep a face.")
    detection_interval: float = Field(
        0.25, ge=0, description="Seconds that landmarks may be interpolated instead of detected."
    )
    bridge: float = Field(0.5, ge=0, description="Longest gap without a face to bridge, seconds.")
    max_faces: int = Field(4, ge=1, description="Largest faces of a frame that are tracked.")
    subject: SubjectRule = Field(SubjectRule.largest, description="Which face is scored.")

    @model_validator(mode="after")
    def _searchable(self) -> "FaceConfig":
        sides = self.detection_sides
        if not sides or sides[0] < self.min_face or list(sides) != sorted(set(sides)):
            raise ValueError(
                "detection_sides are rising numbers, at least one, none below min_face "
                f"({self.min_face})"
            )
        if sides[-1] > MAX_DETECTION_SIDE:
            raise ValueError(f"detection_sides end at {MAX_DETECTION_SIDE}")
        return self


class QualityConfig(_Frozen):
    """Limits of the quality gate: (warn, refuse), None where a check never refuses."""

    usable_share: tuple[float, float] = (0.8, 0.3)
    usable_frames: tuple[float, float] = (12, MIN_FRAMES)
    longest_gap: tuple[float, None] = (5.0, None)
    face_size: tuple[float, float] = (24.0, 10.0)
    sharpness: tuple[float, None] = (9.0, None)
    dark: tuple[float, None] = (40.0, None)
    bright: tuple[float, None] = (220.0, None)
    turned_share: tuple[float, None] = (0.3, None)
    several_faces: tuple[float, float] = (0.2, 0.8)
    duration: tuple[float, float] = (10.0, 1.0)
    decoded_share: tuple[float, None] = (0.9, None)


class ModelConfig(_Frozen):
    """Dep-MAP's architecture, with the switches of the paper's Tables 2 and 3."""

    backbone: Literal["resnet18", "resnet34", "resnet50"] = "resnet18"
    scales: tuple[int, ...] = Field(
        (1, 2, 3, 4), description="Stages S1-S4 that are fused (Table 2)."
    )
    msr: bool = Field(True, description="Multi-scale fusion; off: mean-pooled deepest scale.")
    emotional: bool = Field(True, description="Emotional branch: ESA and SDPM, with KDM and MAP.")
    esa: bool = Field(True, description="Semantic guidance, Eq. 1.")
    sdpm: bool = Field(True, description="Prototypes, Eq. 2 and 4-11.")
    kdm: bool = Field(True, description="Contrastive self-distillation, Eq. 14.")
    map: bool = Field(True, description="Key-frame fusion; off: the mean over frames.")
    n_levels: Literal[4] = Field(4, description="Severity levels A; paper: 4 BDI-II bands.")
    n_prototypes: int = Field(8, ge=1, le=64, description="Prototypes a level K; paper: 8.")
    n_channels: int = Field(
        64, ge=8, le=4096, description="Tokens a frame, one a channel; authors: 64."
    )
    n_peaks: int = Field(4, ge=1, le=16, description="Response areas in a hash code; authors: 4.")
    peak_temperature: float = Field(0.2, gt=0, description="Softness of the peak search.")
    token_dim: int = Field(48, ge=4, le=4096, description="Token width L.")
    fused_channels: int = Field(64, ge=8, le=4096, description="Channels of the fused map.")
    wavelet: Literal["haar", "db2"] = Field("haar", description="Of MSR; paper: Haar.")
    sampling_factor: float = Field(5.0, gt=0, description="c in u = c ln T; paper: 5.")
    entropy: float = Field(0.05, ge=0.01, description="kappa of Eq. 9; paper: 0.05.")
    momentum: float = Field(0.99, ge=0, lt=1, description="beta of Eq. 2 and 11.")
    dropout: float = Field(0.3, ge=0, lt=1, description="Before the head, in training. Measured.")
    temperature: float = Field(0.1, gt=0, description="Temperature of Eq. 14; authors: 0.1.")

    @field_validator("scales")
    @classmethod
    def _known_scales(cls, scales: tuple[int, ...]) -> tuple[int, ...]:
        if (
            not scales
            or any(s not in (1, 2, 3, 4) for s in scales)
            or len(set(scales)) < len(scales)
        ):
            raise ValueError("scales are different numbers from 1 to 4, at least one")
        return tuple(sorted(scales))

    @model_validator(mode="after")
    def _consistent(self) -> "ModelConfig":
        for name in ("esa", "sdpm"):
            if getattr(self, name) and not self.emotional:
                raise ValueError(f"{name} needs the emotional branch: switch it off, too")
        for name in ("kdm", "map"):
            if getattr(self, name) and not self.sdpm:
                raise ValueError(f"{name} needs sdpm: its prototypes are what it works with")
        if self.sdpm and not (self.kdm or self.map):
            raise ValueError("sdpm needs kdm or map: nothing else uses its prototypes")
        return self


class TrainConfig(_Frozen):
    """How `depmap train` fits the network."""

    epochs: int = Field(18, ge=1, description="Authors: 100.")
    batch_size: int = Field(8, ge=1, description="Videos a batch; authors: 8.")
    frames: int = Field(
        32,
        ge=2,
        le=PREPARED_FRAMES,
        description=f"Frames drawn each epoch, of the {PREPARED_FRAMES} that are kept of a video.",
    )
    learning_rate: float = Field(1e-4, gt=0, description="Of the backbone; authors: 1e-4.")
    head_lr_multiplier: float = Field(
        10.0, gt=0, description="Rate of the other parts, times the backbone's. Measured."
    )
    freeze_backbone: bool = Field(False, description="Leave the backbone as it started.")
    n_cached_views: int = Field(
        0,
        ge=0,
        description="Ways in which a recording's frames are drawn and changed; 0: new ones each "
        "epoch. With a frozen backbone its maps of each are computed once and kept in memory.",
    )
    band_balance: float = Field(
        0.0,
        ge=0,
        le=1,
        description="0: recordings come alike; 1: severity bands come alike. Measured.",
    )
    weight_decay: float = Field(0.05, ge=0, description="Authors: 1e-4. Measured: alike.")
    warmup: float = Field(0.1, ge=0, lt=1, description="Share of the steps with a rising rate.")
    grad_clip_norm: float = Field(1.0, gt=0, description="Gradient clipping; authors: 1.0.")
    contrastive_weight: float = Field(
        0.1, ge=0, description="lambda of Eq. 3; paper: 0.1. Measured."
    )
    contrastive_start_epoch: int = Field(2, ge=0, description="Epoch from which Eq. 14 counts.")
    au_loss_weight: float = Field(
        1.0,
        ge=0,
        description="Of a loss that makes the fused representation tell the AU evidence of its "
        "frame, part of the emotional branch; not in the paper. Measured.",
    )
    level_loss_weight: float = Field(
        0.3,
        ge=0,
        description="Of a loss that makes the key frames' evidence tell the severity level, where "
        "there is MAP; not in the paper. Measured.",
    )
    ema_decay: float = Field(
        0.98, ge=0, lt=1, description="Decay of the averaged weights, a step. Measured: alike."
    )
    init_from_semantic_model: bool = Field(
        True, description="Start the backbone at CLIP's image tower."
    )
    score_frames: int = Field(
        32,
        ge=MIN_FRAMES,
        le=MAX_FRAMES,
        description="Frames a video when scoring; stored with the weights. Several times "
        "``frames`` are scored as several samplings, whose estimates are averaged.",
    )
    seed: int = Field(3407, ge=0, le=MAX_SEED)


class SemanticsTrainConfig(_Frozen):
    """How `depmap train-semantics` fits the open_clip model."""

    epochs: int = Field(12, ge=0)  # 0: judged on Development, not trained
    batch_size: int = Field(96, ge=2)
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.05, ge=0)
    warmup: float = Field(0.1, ge=0, lt=1)
    side: int | None = Field(None, ge=64)  # to which faces are shrunk in training, in pixels
    seed: int = Field(3407, ge=0, le=MAX_SEED)


class Config(_Frozen):
    """The whole tree; saved with the weights, so that they are always rebuilt as trained."""

    faces: FaceConfig = FaceConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
