"""All settings with their defaults, bounds and the source of each default. Imports no torch.

Sources: "paper" is the Experiment Setting of Dep-MAP (AAAI 2026), "authors" is the code of its
authors, and "measured" means that the default was chosen on the Development split. The measurements
are in benchmarks/LOG.md (L33, L34, L36) and in benchmarks/2026-11-26-defaults.md, which also lists
the settings that were not measured.
"""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

MAX_FRAMES = 100_000
"""Largest number of frames that can be sampled from a video."""
MAX_DETECTION_SIDE = 8192
"""Largest size of the frames for face detection, in pixels."""
MAX_RATE = 240.0
"""Highest sampling rate, in frames per second."""
MAX_SEED = 2**32 - 1
"""Largest seed; a number computed from seed and epoch then fits into 64 bits."""
PREPARED_FRAMES = 128
"""Number of frames of a video that are prepared for training; each epoch draws some of them."""
DEFAULT_RATE = 5.0
"""Frames per second that `depmap score` samples, unless asked for others: short expressions, such
as a raised brow, last from about 0.5 s, and are then seen in two frames or more."""
STEADY_FRAMES = 512
"""Frames that `depmap score` samples at least of a video that has so many, unless asked for others.
At 5 frames per second, two readings of a video of 5 to 35 s, shifted by a fraction of a second,
differ by up to 5 points; with so many frames, by less than one (measured: LOG L68)."""
MIN_FRAMES = 8
"""Smallest value of ``--frames`` and ``train.score_frames``; `depmap score --fps` raises a rate at
which a video would have fewer frames. A video that has fewer frames in all yields each of them."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SamplingConfig(_Frozen):
    """Which frames of a video are sampled."""

    frames: int = Field(
        64, ge=1, le=MAX_FRAMES, description="Number of frames, sampled evenly from the video."
    )
    fps: float | None = Field(
        None, gt=0, le=MAX_RATE, description="Frames per second; replaces the number of frames."
    )
    min_frames: int = Field(
        MIN_FRAMES,
        ge=1,
        le=MAX_FRAMES,
        description="Number of frames below which the rate is raised, for short videos.",
    )
    every_frame: bool = Field(
        False, description="Every frame of the video; replaces number and rate."
    )
    start: float = Field(0.0, ge=0, description="Start of the part that is sampled, in seconds.")
    end: float | None = Field(
        None, gt=0, description="End of the part that is sampled, in seconds."
    )

    @model_validator(mode="after")
    def _end_after_start(self) -> "SamplingConfig":
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"end ({self.end:g} s) must be after start ({self.start:g} s)")
        if self.every_frame and self.fps is not None:
            raise ValueError("every_frame and fps exclude each other")
        return self


class SubjectRule(StrEnum):
    """Which face is the subject if there are several."""

    largest = "largest"
    longest = "longest"
    center = "center"  # type: ignore[assignment]  # shadows str.center
    left = "left"
    right = "right"


class FaceConfig(_Frozen):
    """Face detection, tracking and alignment.

    Pixels of detection settings are those of the frame reduced for detection.
    """

    size: Literal[128, 224] = Field(
        128, description="Side of the aligned face, pixels; paper: 128."
    )
    detection_sides: tuple[int, ...] = Field(
        (320, 640, 1280),
        description="Longest side of the reduced frame, pixels; the next larger one is tried if "
        "no face is detected.",
    )
    min_face: int = Field(24, ge=12, description="Smallest face detected, pixels.")
    min_probability: float = Field(
        0.9, ge=0, le=1, description="Lowest MTCNN confidence of a face."
    )
    detection_interval: float = Field(
        0.25, ge=0, description="Longest time for which landmarks are interpolated, seconds."
    )
    bridge: float = Field(
        0.5, ge=0, description="Longest gap without a face that is interpolated, seconds."
    )
    max_faces: int = Field(
        4, ge=1, description="Number of faces in a frame that are tracked, the largest first."
    )
    subject: SubjectRule = Field(SubjectRule.largest, description="Which face is the subject.")

    @model_validator(mode="after")
    def _valid_detection_sides(self) -> "FaceConfig":
        sides = self.detection_sides
        if not sides or sides[0] < self.min_face or list(sides) != sorted(set(sides)):
            raise ValueError(
                "detection_sides must be one or more increasing numbers, none below min_face "
                f"({self.min_face})"
            )
        if sides[-1] > MAX_DETECTION_SIDE:
            raise ValueError(f"detection_sides must not exceed {MAX_DETECTION_SIDE}")
        return self


class QualityConfig(_Frozen):
    """Limits of the quality gate as (warn, refuse); None if a check never refuses a video."""

    usable_share: tuple[float, float] = (0.8, 0.3)  # of the sampled frames
    usable_frames: tuple[float, float] = (6, 6)  # 30 % of 20 frames, so that a share decides first
    usable_time: tuple[float, float] = (5.0, 1.0)  # seconds with a usable face
    longest_gap: tuple[float, None] = (5.0, None)  # seconds
    face_size: tuple[float, float] = (24.0, 10.0)  # distance between the eyes, pixels
    sharpness: tuple[float, None] = (9.0, None)  # variance of the Laplacian, grey levels squared
    dark: tuple[float, None] = (40.0, None)  # grey level, 0 to 255
    bright: tuple[float, None] = (220.0, None)  # grey level, 0 to 255
    still_share: tuple[float, float] = (0.1, 0.6)  # of the frames with a face
    turned_share: tuple[float, None] = (0.3, None)  # of the usable frames
    several_faces: tuple[float, float | None] = (0.2, 0.8)  # share of the usable frames
    duration: tuple[float, float] = (10.0, 1.0)  # seconds
    decoded_share: tuple[float, None] = (0.9, None)  # of the requested time


class ModelConfig(_Frozen):
    """The architecture of Dep-MAP, with the switches of Tables 2 and 3 of the paper."""

    backbone: Literal["resnet18", "resnet34", "resnet50"] = "resnet18"
    scales: tuple[int, ...] = Field(
        (1, 2, 3, 4), description="Backbone stages, 1 to 4, that are fused (Table 2)."
    )
    msr: bool = Field(True, description="Multi-scale fusion; off: mean over the deepest stage.")
    emotional: bool = Field(True, description="Emotional branch: ESA and SDPM, with KDM and MAP.")
    esa: bool = Field(True, description="Semantic guidance, Eq. 1.")
    sdpm: bool = Field(True, description="Prototypes of the severity levels, Eq. 2 and 4-11.")
    kdm: bool = Field(True, description="Contrastive self-distillation, Eq. 14.")
    map: bool = Field(True, description="Key-frame fusion; off: the mean over frames.")
    signals: bool = Field(
        True,
        description="Most of the estimate comes from a regression on action units, head pose, gaze "
        "and their movement, and on how they vary over the video; needs the emotional branch; not "
        "in the paper. Measured.",
    )
    n_levels: Literal[4] = Field(
        4, description="Number of severity levels, A; paper: 4, the BDI-II bands."
    )
    n_prototypes: int = Field(
        8, ge=1, le=64, description="Number of prototypes of each level, K; paper: 8."
    )
    n_channels: int = Field(
        64,
        ge=8,
        le=4096,
        description="Number of tokens of each frame, one for each channel; authors: 64.",
    )
    tokens: Literal["positions", "readings"] = Field(
        "positions",
        description="What the tokens of S4 are made of. positions (paper): where the channels "
        "respond. readings: the action units, head pose and gaze of the frame; the regression head "
        "then also reads the prototype activations, which was no better. Without sdpm it has no "
        "effect. Measured.",
    )
    n_peaks: int = Field(
        4, ge=1, le=16, description="Number of response areas in a hash code; authors: 4."
    )
    peak_temperature: float = Field(
        0.2, gt=0, description="Softmax temperature of the peak search."
    )
    token_dim: int = Field(48, ge=4, le=4096, description="Width of a token, L.")
    fused_channels: int = Field(
        64, ge=8, le=4096, description="Number of channels of the fused feature map."
    )
    wavelet: Literal["haar", "db2"] = Field(
        "haar", description="Wavelet of the multi-scale fusion; paper: Haar."
    )
    sampling_factor: float = Field(
        5.0, gt=0, description="c in the number of key frames, u = c ln T; paper: 5."
    )
    entropy: float = Field(
        0.05, ge=0.01, description="Entropy regularisation, kappa of Eq. 9; paper: 0.05."
    )
    momentum: float = Field(
        0.99, ge=0, lt=1, description="Momentum of the prototypes, beta of Eq. 2 and 11."
    )
    dropout: float = Field(
        0.3, ge=0, lt=1, description="Dropout before the regression head. Measured."
    )
    temperature: float = Field(0.1, gt=0, description="Temperature of Eq. 14; authors: 0.1.")

    @field_validator("scales")
    @classmethod
    def _known_scales(cls, scales: tuple[int, ...]) -> tuple[int, ...]:
        if (
            not scales
            or any(s not in (1, 2, 3, 4) for s in scales)
            or len(set(scales)) < len(scales)
        ):
            raise ValueError("scales must be one or more different numbers from 1 to 4")
        return tuple(sorted(scales))

    @model_validator(mode="after")
    def _consistent(self) -> "ModelConfig":
        for name in ("esa", "sdpm"):
            if getattr(self, name) and not self.emotional:
                raise ValueError(f"{name} needs the emotional branch: switch {name} off, too")
        for name in ("kdm", "map"):
            if getattr(self, name) and not self.sdpm:
                raise ValueError(f"{name} needs sdpm, because it uses the prototypes")
        if self.sdpm and not (self.kdm or self.map or self.tokens == "readings"):
            raise ValueError("sdpm needs kdm or map, because nothing else uses the prototypes")
        return self


class TrainConfig(_Frozen):
    """How `depmap train` fits the network."""

    epochs: int = Field(18, ge=1, description="Number of epochs; authors: 100.")
    batch_size: int = Field(8, ge=1, description="Videos in a batch; authors: 8.")
    frames: int = Field(
        32,
        ge=2,
        le=PREPARED_FRAMES,
        description=f"Frames drawn in each epoch, from {PREPARED_FRAMES} prepared ones.",
    )
    learning_rate: float = Field(
        1e-4, gt=0, description="Learning rate of the backbone; authors: 1e-4."
    )
    head_lr_multiplier: float = Field(
        10.0,
        gt=0,
        description="Learning rate of the other parts, relative to the backbone. Measured.",
    )
    freeze_backbone: bool = Field(False, description="Keep the backbone as it was initialised.")
    n_cached_views: int = Field(
        0,
        ge=0,
        description="Number of augmented views of each video, which epochs reuse; 0: a new view "
        "in each epoch. With a frozen backbone, the feature maps of views are kept in memory.",
    )
    band_balance: float = Field(
        0.0,
        ge=0,
        le=1,
        description="0: all videos are drawn equally often; 1: all severity bands are. Measured.",
    )
    weight_decay: float = Field(
        0.05, ge=0, description="Weight decay; authors: 1e-4. Measured: no difference."
    )
    warmup: float = Field(
        0.1, ge=0, lt=1, description="Fraction of the steps in which the learning rate rises."
    )
    grad_clip_norm: float = Field(
        1.0, gt=0, description="Largest norm of the gradient; authors: 1.0."
    )
    contrastive_weight: float = Field(
        0.1,
        ge=0,
        description="Weight of the loss of Eq. 14, lambda of Eq. 3; paper: 0.1. Measured.",
    )
    contrastive_start_epoch: int = Field(
        2, ge=0, description="First epoch with the loss of Eq. 14, from 0."
    )
    au_loss_weight: float = Field(
        1.0,
        ge=0,
        description="Weight of a loss that predicts the action units of a frame from its fused "
        "representation, part of the emotional branch; not in the paper. Measured.",
    )
    level_loss_weight: float = Field(
        0.3,
        ge=0,
        description="Weight of a loss that predicts the severity level from the key frames; "
        "needs MAP; not in the paper. Measured.",
    )
    ema_decay: float = Field(
        0.98,
        ge=0,
        lt=1,
        description="Decay of the averaged weights in each step. Measured: no difference.",
    )
    init_from_semantic_model: bool = Field(
        True, description="Initialise the backbone with the image encoder of the semantic model."
    )
    score_frames: int = Field(
        32,
        ge=MIN_FRAMES,
        le=MAX_FRAMES,
        description="Frames of each Development video when an epoch is judged. More than "
        "``frames`` are weighted as the average over all samplings of so many frames.",
    )
    seed: int = Field(3407, ge=0, le=MAX_SEED, description="Random seed.")


class SemanticsTrainConfig(_Frozen):
    """How `depmap train-semantics` fits the open_clip model."""

    epochs: int = Field(12, ge=0, description="Number of epochs; 0 evaluates without training.")
    batch_size: int = Field(96, ge=2, description="Faces in a batch.")
    learning_rate: float = Field(1e-3, gt=0, description="Learning rate.")
    weight_decay: float = Field(0.05, ge=0, description="Weight decay.")
    warmup: float = Field(
        0.1, ge=0, lt=1, description="Fraction of the steps in which the learning rate rises."
    )
    side: int | None = Field(
        None, ge=64, description="Side to which faces are reduced in training, pixels."
    )
    only: Literal["head-and-gaze", "landmarks"] | None = Field(
        None,
        description="Train only the small networks that read head and gaze, or the one that finds "
        "landmarks.",
    )
    freeze_stages: int = Field(
        0,
        ge=0,
        le=4,
        description="Stages of the image encoder, from its input, whose weights stay as they are.",
    )
    seed: int = Field(3407, ge=0, le=MAX_SEED, description="Random seed.")


class Config(_Frozen):
    """All settings; stored with the weights, so that the network is rebuilt as it was trained."""

    faces: FaceConfig = FaceConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
