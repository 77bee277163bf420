"""The semantic model: a CLIP model that embeds a face and detects its action units.

Any open_clip model can be used. The default is a small model defined in ``open_clip_configs/`` and
trained by `depmap train-semantics`, so no network is needed. The paper takes the action units of a
frame from an OpenFace table. Here they come from the similarity of the frame to one phrase for each
action unit, unless a table is given.
"""

from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from depmap_cli.domain.action_units import ACTION_UNITS, COVERED_PHRASE, NEUTRAL_PHRASE, phrase
from depmap_cli.domain.head_and_gaze import (
    ANGLES,
    DIRECTIONS,
    direction_phrase,
    direction_strengths,
    turned_in_picture,
)
from depmap_cli.model.backbone import resnet_tensors
from depmap_cli.runtime.lazy_imports import without_compiler
from depmap_cli.semantics.head_and_gaze import HeadAndGaze
from depmap_cli.semantics.landmark_reader import LandmarkReader

BUNDLED_MODEL = "depmap-au-resnet18"
PHRASES = tuple(phrase([unit]) for unit in ACTION_UNITS)
DIRECTION_PHRASES = tuple(direction_phrase(direction) for direction in DIRECTIONS)
RELIABLE = 0.6
"""Pearson r with the true intensity, on unseen people, from which a unit counts as reliable."""
MIN_ANGLE_R = 0.5
"""Pearson r with the true angle, on unseen people, from which an angle is reported. Angles that
were not trained, for example because the eyes of a corpus do not turn, stay below."""
COVERED_THRESHOLD = 0.5
"""Probability from which a face counts as covered and its frame is excluded (measured:
LOG L10, L27)."""
_NEVER_COVERED = (0.0, -100.0)
"""Scale and bias of a semantic model that cannot detect covered faces."""


@dataclass(frozen=True)
class SemanticModelId:
    """Identity of semantic weights. Dep-MAP weights name those that they were trained with."""

    model: str  # open_clip model name
    sha256: str  # of the weights file


@dataclass(frozen=True, kw_only=True)
class SemanticFeatures:
    """Output of the semantic model for n frames."""

    image: Float[Tensor, "n d"]  # image embeddings, unit length
    au_probabilities: Float[Tensor, "n units"]  # in the order of ACTION_UNITS, 0 to 1
    covered: Float[Tensor, " n"]  # probability that something hides the face, 0 to 1
    angles: Float[Tensor, "n 5"]  # degrees, in the order of ANGLES; NaN if the model reads none
    landmarks: Float[Tensor, "n 68 2"] | None = None  # fractions of the aligned face's side; None
    # if the model finds none, or if they were not kept

    def __getitem__(self, rows: Any) -> "SemanticFeatures":
        return SemanticFeatures(**{name: value[rows] for name, value in self._tensors().items()})

    def on_cpu(self) -> "SemanticFeatures":
        """The same features in CPU memory."""
        return SemanticFeatures(**{name: value.cpu() for name, value in self._tensors().items()})

    def in_camera(self, clockwise: Float[np.ndarray, " n"]) -> "SemanticFeatures":
        """The same features with the angles of the head relative to the camera.

        Args:
            clockwise: degrees by which alignment turned each face anticlockwise.
        """
        angles = turned_in_picture(self.angles.double().cpu().numpy(), clockwise)
        return replace(self, angles=torch.from_numpy(angles).to(self.angles))

    def _tensors(self) -> dict[str, Tensor]:
        """The tensors by name, without those that are None."""
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in every.items() if value is not None}

    @staticmethod
    def joined(pieces: "list[SemanticFeatures]") -> "SemanticFeatures":
        """Concatenate the frames of all pieces, in order.

        The landmarks are None if one of the pieces has none.
        """
        every = [piece._tensors() for piece in pieces]
        names = [name for name in every[0] if all(name in tensors for tensors in every)]
        return SemanticFeatures(
            **{name: torch.cat([tensors[name] for tensors in every]) for name in names}
        )


class SemanticModel(nn.Module):
    """A frozen open_clip model with embeddings of the AU phrases and their calibration.

    The probability of an action unit is sigmoid(scale * similarity + bias), with a scale and a bias
    for each unit and for a covered face; the logit is combined with what the landmarks tell
    (``landmark_units.py``), if the weights have a network that finds them. Models that depmap did
    not train have no calibration: their probability is a softmax over the phrase and the neutral
    phrase, and they never report a covered face.
    """

    phrases: Tensor
    directions: Tensor
    neutral: Tensor
    read_angles: Tensor
    covering: Tensor
    scale: Tensor
    bias: Tensor
    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(
        self,
        *,
        clip: nn.Module,
        model: str,
        sha256: str,
        document: dict[str, Any],
        head_and_gaze: HeadAndGaze | None = None,
        landmark_reader: LandmarkReader | None = None,
    ) -> None:
        super().__init__()
        self.head_and_gaze = head_and_gaze
        self.landmark_reader = landmark_reader
        self.clip = clip.eval().requires_grad_(False)
        self.id = SemanticModelId(model, sha256)
        self.document = document
        visual: Any = clip.visual
        self.image_size = int(
            visual.image_size[0] if isinstance(visual.image_size, tuple) else visual.image_size
        )
        self.register_buffer("pixel_mean", torch.tensor(visual.image_mean).view(1, 3, 1, 1))
        self.register_buffer("pixel_std", torch.tensor(visual.image_std).view(1, 3, 1, 1))
        with torch.inference_mode():
            text = encode_phrases(clip, tokenizer_of(model))
        n_units = len(ACTION_UNITS)
        self.register_buffer("phrases", text[:n_units].clone())
        self.register_buffer("neutral", text[n_units : n_units + 1].clone())
        self.register_buffer("covering", text[n_units + 1 : n_units + 2].clone())
        self.register_buffer("directions", text[n_units + 2 :].clone())
        calibration = document.get("calibration")
        if calibration is None:
            temperature = float(clip.logit_scale.exp())  # type: ignore[operator]
            scale, bias = [temperature] * len(PHRASES), [0.0] * len(PHRASES)
        else:
            scale, bias = calibration["scale"], calibration["bias"]
        self.is_calibrated = calibration is not None
        self.knows_directions = bool(document.get("directions"))
        covered = (calibration or {}).get("covered", _NEVER_COVERED)
        self.covered_scale, self.covered_bias = covered
        measured = document.get("development", {}).get("angles", {})
        read = [measured.get(name, {}).get("r", 0.0) >= MIN_ANGLE_R for name in ANGLES]
        self.register_buffer("read_angles", torch.tensor(read))
        self.register_buffer("scale", torch.tensor(scale))
        self.register_buffer("bias", torch.tensor(bias))

    @property
    def dim(self) -> int:
        """Width d of the embeddings."""
        return int(self.phrases.shape[1])

    @property
    def image_encoder_weights(self) -> dict[str, Tensor]:
        """Weights of the image encoder with the names of ``Backbone``; {} if it is not a ResNet."""
        trunk = getattr(self.clip.visual, "trunk", None)
        return {} if trunk is None else resnet_tensors(trunk.state_dict())

    @property
    def reliable_units(self) -> dict[str, bool]:
        """AU code -> whether its r on unseen people reaches ``RELIABLE``; {} if not measured."""
        units = self.document.get("development", {}).get("units", {})
        return {code: metrics["r"] >= RELIABLE for code, metrics in units.items()}

    @property
    def typical_neutral(self) -> np.ndarray | None:
        """Logits of the units in a typical neutral face (``neutral_face.py``), shape (units,).

        None for weights without them.
        """
        logits = self.document.get("rest")
        return None if logits is None else np.array(logits)

    @torch.inference_mode()
    def forward(self, faces: UInt8[Tensor, "n h w 3"]) -> SemanticFeatures:
        """Embed RGB faces of any size; detect their action units and whether they are covered."""
        pixels = faces.permute(0, 3, 1, 2).float() / 255
        if pixels.shape[-1] != self.image_size:
            side = (self.image_size, self.image_size)
            pixels = F.interpolate(pixels, side, mode="bicubic", antialias=True).clamp(0, 1)
        pixels = (pixels - self.pixel_mean) / self.pixel_std
        embedding = self.clip.encode_image(pixels)  # type: ignore[operator]
        return self._features(embedding, pixels)

    @torch.inference_mode()
    def from_feature_map(
        self, deepest: Float[Tensor, "n c h w"], pixels: Float[Tensor, "n 3 h2 w2"]
    ) -> SemanticFeatures:
        """The same features from map f_4 of a backbone that equals the image encoder.

        ``pixels`` are the normalised faces that the map was computed from.
        """
        visual: Any = self.clip.visual
        return self._features(visual.head(visual.trunk.forward_head(deepest)), pixels)

    def _features(
        self, embedding: Float[Tensor, "n d"], pixels: Float[Tensor, "n 3 h w"]
    ) -> SemanticFeatures:
        image = F.normalize(embedding.float(), dim=-1)
        logits = self._phrase_logits(image)
        covered = self.covered_scale * (image @ self.covering.T) + self.covered_bias
        angles = image.new_full((len(image), len(ANGLES)), torch.nan)
        if self.head_and_gaze is not None:
            read = self.head_and_gaze.degrees(pixels)
            angles = torch.where(self.read_angles, read, angles)
        landmarks = None
        if self.landmark_reader is not None:
            with torch.autocast(pixels.device.type, enabled=False):
                readings = self.landmark_reader(pixels.float(), angles, logits)
            landmarks = readings.landmarks.half()
            angles, logits = readings.angles, readings.unit_logits
        return SemanticFeatures(
            image=image,
            au_probabilities=torch.sigmoid(logits),
            covered=torch.sigmoid(covered).squeeze(-1),
            angles=angles,
            landmarks=landmarks,
        )

    def _phrase_logits(self, image: Float[Tensor, "n d"]) -> Float[Tensor, "n units"]:
        with torch.autocast(image.device.type, enabled=False):
            similarity = image.float() @ self.phrases.T
            if not self.is_calibrated:
                similarity = similarity - image.float() @ self.neutral.T
            logits: Tensor = self.scale * similarity + self.bias
        return logits

    def phrase_probabilities(self, image: Float[Tensor, "n d"]) -> Float[Tensor, "n units"]:
        """Probabilities of the units by their phrases alone, which the query of Eq. (1) weights.

        Landmarks have no part in them: the query compares the face with sentences, and networks
        are trained with it (measured: LOG L78).

        Args:
            image: image embeddings, unit length.
        """
        return torch.sigmoid(self._phrase_logits(image))

    @torch.inference_mode()
    def landmarks(self, pixels: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 68 2"] | None:
        """Landmarks of aligned, normalised faces, as fractions of their side.

        None if the weights have no network that finds them.
        """
        return None if self.landmark_reader is None else self.landmark_reader.network(pixels)

    @torch.inference_mode()
    def embed_sentences(self, sentences: list[str]) -> Float[Tensor, "n d"]:
        """Text embeddings of sentences such as those of ``phrase``, unit length."""
        return encode_sentences(self.clip, tokenizer_of(self.id.model), sentences)

    def query(
        self, au_probabilities: Float[Tensor, "n units"], angles: Float[Tensor, "n 5"]
    ) -> Float[Tensor, "n d"]:
        """The text embedding of a frame, the query of Eq. (1).

        It is the sum of the AU phrases weighted by their probabilities, and of the phrases of head
        and gaze weighted by how strongly they show (``direction_strengths``); the latter only if
        the model was trained with them. The neutral phrase has the weight 1 - (largest probability
        of an action unit).

        Args:
            au_probabilities: 0 to 1.
            angles: degrees, relative to the camera; NaN if unknown.
        """
        neutral_weight = (1 - au_probabilities.amax(1, keepdim=True)).clamp(min=0)
        mixed = au_probabilities @ self.phrases + neutral_weight * self.neutral
        if self.knows_directions:
            strengths = direction_strengths(angles.float().cpu().numpy())
            mixed = mixed + torch.from_numpy(strengths).to(mixed) @ self.directions
        return F.normalize(mixed, dim=-1)


@lru_cache
def tokenizer_of(model: str) -> Any:
    """The tokenizer of an open_clip model; cached because creating it is slow."""
    return import_open_clip().get_tokenizer(model)


def import_open_clip() -> Any:
    """Import open_clip without the compiler of torch, which takes seconds to import."""
    with without_compiler():
        import open_clip

    return open_clip


def encode_phrases(clip: nn.Module, tokenizer: Any) -> Float[Tensor, "phrases d"]:
    """Embeddings of the AU phrases in order, the neutral, the covered and the direction phrases."""
    sentences = [*PHRASES, NEUTRAL_PHRASE, COVERED_PHRASE, *DIRECTION_PHRASES]
    return encode_sentences(clip, tokenizer, sentences)


def encode_sentences(clip: nn.Module, tokenizer: Any, sentences: list[str]) -> Float[Tensor, "n d"]:
    """Text embeddings of sentences, unit length."""
    tokens = tokenizer(sentences).to(next(clip.parameters()).device)
    return F.normalize(clip.encode_text(tokens).float(), dim=-1)  # type: ignore[operator]
