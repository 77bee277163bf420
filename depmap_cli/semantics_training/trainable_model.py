"""The network that `depmap train-semantics` trains, and its losses."""

from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.domain.head_and_gaze import DIRECTIONS, direction_strengths
from depmap_cli.errors import WeightsInvalid
from depmap_cli.io.checkpoint import Checkpoint
from depmap_cli.io.clean_text import clean
from depmap_cli.runtime.devices import training_precision
from depmap_cli.semantics.clip_model import (
    BUNDLED_MODEL,
    encode_phrases,
    encode_sentences,
    tokenizer_of,
)
from depmap_cli.semantics.head_and_gaze import ANGLE_UNIT, HeadAndGaze
from depmap_cli.semantics.landmark_reader import LandmarkReader
from depmap_cli.semantics.load_model import (
    HEAD_AND_GAZE_PREFIX,
    LANDMARKS_PREFIX,
    build_clip,
    split_tensors,
)
from depmap_cli.semantics_training.batches import SemanticsBatch
from depmap_cli.semantics_training.sentences import sentences_of

MAX_FREE_SHARE = 0.05
"""Largest hidden share of the inner face for which a face counts as free."""
MIN_COVERED_SHARE = 0.15
"""Smallest hidden share of the inner face for which a face counts as covered."""
CONTRASTIVE_WEIGHT = 0.2
LANDMARK_BETA = 0.01
"""Error of a landmark, as a fraction of the side, from which its loss is linear."""
LANDMARK_WEIGHT = 500.0
"""Weight of the loss of the landmarks, in fractions of the side."""
ANGLE_WEIGHT = 0.5
"""Weight of the loss of the angles, in units of ``ANGLE_UNIT``."""


class PhraseCalibration(nn.Module):
    """Maps the similarity s to a phrase to the logit scale * s + bias.

    There is one pair (scale, bias) for each action unit, one for a covered face, and one for each
    direction of head and gaze.
    """

    def __init__(self) -> None:
        super().__init__()
        n = len(ACTION_UNITS) + 1 + len(DIRECTIONS)
        self.scale = nn.Parameter(torch.full((n,), 8.0))
        self.bias = nn.Parameter(torch.full((n,), -3.0))

    def forward(self, similarity: Float[Tensor, "n phrases"]) -> Float[Tensor, "n phrases"]:
        """Logits of the probabilities."""
        return self.scale * similarity + self.bias

    def to_document(self) -> dict[str, list[float]]:
        """The value of ``calibration`` in a weights file, which ``SemanticModel`` reads."""
        n = len(ACTION_UNITS)
        scale, bias = self.scale.tolist(), self.bias.tolist()
        return {
            "scale": scale[:n],
            "bias": bias[:n],
            "covered": [scale[n], bias[n]],
            "directions": [*scale[n + 1 :], *bias[n + 1 :]],
        }

    @torch.no_grad()
    def load_mean(self, calibrations: list[dict[str, list[float]]]) -> None:
        """Set the parameters to the mean of several values of ``to_document``.

        Those of head and gaze, which older weights lack, then stay as they are.
        """
        scales = torch.tensor([[*c["scale"], c["covered"][0]] for c in calibrations]).mean(0)
        biases = torch.tensor([[*c["bias"], c["covered"][1]] for c in calibrations]).mean(0)
        n = len(scales)
        self.scale[:n], self.bias[:n] = scales, biases
        if all("directions" in c for c in calibrations):
            directions = torch.tensor([c["directions"] for c in calibrations]).mean(0)
            self.scale[n:], self.bias[n:] = directions.chunk(2)


class TrainableSemanticModel(nn.Module):
    """The open_clip model, its calibration, the small networks, and a linear layer.

    The linear layer ``units``, from image features to action units, only serves training and is not
    stored with the weights.
    """

    def __init__(self) -> None:
        super().__init__()
        clip: Any = build_clip(BUNDLED_MODEL)
        self.clip = clip
        self.tokenizer = tokenizer_of(BUNDLED_MODEL)
        self._frozen: list[nn.Module] = []
        self._tokens: dict[str, Tensor] = {}
        self.calibration = PhraseCalibration()
        self.units = nn.Linear(clip.visual.trunk.num_features, len(ACTION_UNITS))
        self.head_and_gaze = HeadAndGaze()
        self.landmark_reader = LandmarkReader()
        self.finds_landmarks = False

    def train_only(self, networks: Literal["head-and-gaze", "landmarks"]) -> None:
        """Train only the networks that read head and gaze, or the one that finds landmarks."""
        other = self.head_and_gaze if networks == "landmarks" else self.landmark_reader
        frozen: list[nn.Module] = [self.clip, self.calibration, self.units, other]
        self._frozen = [module.requires_grad_(False) for module in frozen]

    def freeze_stages(self, count: int) -> None:
        """Keep the weights of the stem and the first ``count`` stages of the image encoder.

        With 0 everything is trained, the stem too.
        """
        trunk: Any = self.clip.visual.trunk
        stages = [f"layer{i + 1}" for i in range(count)]
        names = ["conv1", "bn1", *stages] if count else []
        self._frozen = [getattr(trunk, name).requires_grad_(False) for name in names]

    def train(self, mode: bool = True) -> "TrainableSemanticModel":
        """Set the training mode; frozen layers keep their batch statistics."""
        super().train(mode)
        for layer in self._frozen:
            layer.eval()
        return self

    @property
    def stored_tensors(self) -> dict[str, Tensor]:
        """The tensors of a weights file, which ``load_semantic_model`` reads."""
        angles = self.head_and_gaze.state_dict()
        landmarks = self.landmark_reader.state_dict() if self.finds_landmarks else {}
        return {
            **self.clip.state_dict(),
            **{HEAD_AND_GAZE_PREFIX + name: value for name, value in angles.items()},
            **{LANDMARKS_PREFIX + name: value for name, value in landmarks.items()},
        }

    def initialise_from(self, checkpoints: list[Checkpoint]) -> None:
        """Set weights and calibration to the mean of trained semantic models.

        Models fine-tuned from the same weights can be averaged, and the mean is often better on
        other faces than either (Wortsman et al., "Robust fine-tuning", CVPR 2022).

        Raises:
            WeightsInvalid: one of them belongs to another open_clip model.
        """
        for checkpoint in checkpoints:
            try:
                self._load(checkpoint.tensors)
            except RuntimeError as error:
                raise WeightsInvalid(
                    f"{clean(str(checkpoint.path))}: does not fit the open_clip model "
                    f"{BUNDLED_MODEL}",
                    "give a file that `depmap train-semantics` has written",
                ) from error
        shared = set.intersection(*(set(c.tensors) for c in checkpoints))
        self._load(mean_tensors([{k: c.tensors[k] for k in shared} for c in checkpoints]))
        self.calibration.load_mean([c.document["calibration"] for c in checkpoints])

    def _load(self, tensors: dict[str, Tensor]) -> None:
        """Load the tensors of a weights file; older ones lack the small networks."""
        parts = split_tensors(tensors)
        self.clip.load_state_dict(parts.clip)
        if parts.head_and_gaze:
            self.head_and_gaze.load_state_dict(parts.head_and_gaze)
        if parts.landmarks:
            self.landmark_reader.load_state_dict(parts.landmarks)
            self.finds_landmarks = True

    def encode_faces(
        self, pixels: Float[Tensor, "n 3 h w"]
    ) -> tuple[Float[Tensor, "n f"], Float[Tensor, "n d"]]:
        """Features of the image encoder, and the embeddings of unit length made from them."""
        with training_precision(pixels.device):
            features = self.clip.visual.trunk(pixels.to(memory_format=torch.channels_last))
            image = self.clip.visual.head(features)
        return features.float(), F.normalize(image.float(), dim=-1)

    def embed_sentences(self, sentences: list[str]) -> Float[Tensor, "n d"]:
        """Text embeddings of sentences, unit length."""
        return encode_sentences(self.clip, self._tokenize, sentences)

    def _tokenize(self, sentences: list[str]) -> Tensor:
        """Tokens of sentences. They are cached, because every epoch uses the same sentences."""
        for sentence in sentences:
            if sentence not in self._tokens:
                self._tokens[sentence] = self.tokenizer([sentence])[0]
        return torch.stack([self._tokens[sentence] for sentence in sentences])

    def phrase_logits(self, image: Float[Tensor, "n d"]) -> Float[Tensor, "n phrases"]:
        """Logits of every action unit, a covered face and every direction of head and gaze."""
        text = encode_phrases(self.clip, self._tokenize)
        n = len(ACTION_UNITS)
        phrases = torch.cat([text[:n], text[n + 1 :]])  # without the neutral phrase
        logits: Tensor = self.calibration(image @ phrases.T)
        return logits

    def combine_with_landmarks(
        self, phrase_logits: Float[Tensor, "n units"], pixels: Float[Tensor, "n 3 h w"]
    ) -> tuple[Float[Tensor, "n units"], Float[Tensor, "n 5"]]:
        """Logits of the action units, and angles in degrees, as the stored model gives them.

        Args:
            phrase_logits: those of the phrases of the units.
            pixels: the normalised faces.
        """
        angles = self.head_and_gaze.degrees(pixels)
        if not self.finds_landmarks:
            return phrase_logits, angles
        readings = self.landmark_reader(pixels, angles, phrase_logits)
        return readings.unit_logits, readings.angles

    def loss(self, batch: SemanticsBatch, side: int | None = None) -> Float[Tensor, ""]:
        """Sum of the losses of a batch, after its faces are shrunk to ``side`` pixels.

        Units and angles of covered faces are ignored, and unknown angles. Whether a face is covered
        is ignored if its hidden share lies between the two limits.
        """
        device = self.units.weight.device
        free = batch.hidden_share <= MAX_FREE_SHARE
        covered = batch.hidden_share >= MIN_COVERED_SHARE
        sentences = sentences_of(batch.intensity, batch.angles, covered)
        strengths = torch.from_numpy(direction_strengths(batch.angles.double().numpy())).float()
        target = torch.cat([batch.intensity, covered[:, None].float(), strengths], 1).to(device)
        unit_mask = (~covered)[:, None].expand_as(batch.intensity).to(device)
        known = (batch.angles.isfinite() & ~covered[:, None]).to(device)
        direction_mask = known[:, [direction.angle for direction in DIRECTIONS]]
        covered_mask = (free | covered)[:, None].to(device)
        phrase_mask = torch.cat([unit_mask, covered_mask, direction_mask], 1)
        pixels = shrink_faces(batch.pixels.to(device), side)
        features, image = self.encode_faces(pixels)
        text = self.embed_sentences(sentences)
        contrast = contrastive_loss(image, text, sentences, self.clip.logit_scale)
        phrases = F.binary_cross_entropy_with_logits(
            self.phrase_logits(image), target, reduction="none"
        )
        units = F.binary_cross_entropy_with_logits(
            self.units(features), batch.intensity.to(device), reduction="none"
        )
        entropies = (phrases * phrase_mask).sum(1) + (units * unit_mask).sum(1)
        small_networks = ANGLE_WEIGHT * self.angle_loss(batch) + self.landmark_loss(batch)
        return CONTRASTIVE_WEIGHT * contrast + entropies.mean() + small_networks

    def landmark_loss(self, batch: SemanticsBatch) -> Float[Tensor, ""]:
        """Loss of the landmarks alone; unknown ones are ignored, those of covered faces are not."""
        device = self.units.weight.device
        found = self.landmark_reader.network(batch.pixels.to(device))
        known = batch.landmarks.isfinite().to(device)
        truth = batch.landmarks.nan_to_num().to(device)
        errors = F.smooth_l1_loss(found, truth, reduction="none", beta=LANDMARK_BETA)
        return LANDMARK_WEIGHT * (errors * known).mean()

    def angle_loss(self, batch: SemanticsBatch) -> Float[Tensor, ""]:
        """Loss of head and gaze alone; angles of covered faces and unknown angles are ignored."""
        device = self.units.weight.device
        known = batch.angles.isfinite() & (batch.hidden_share < MIN_COVERED_SHARE)[:, None]
        truth = batch.angles.nan_to_num().to(device) / ANGLE_UNIT
        read = self.head_and_gaze(batch.pixels.to(device))
        errors = F.smooth_l1_loss(read, truth, reduction="none", beta=0.3)
        return (errors * known.to(device)).sum(1).mean()


def mean_tensors(models: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Mean of the floating-point tensors of several models; others come from the first model."""
    return {
        name: torch.stack([m[name] for m in models]).mean(0) if first.is_floating_point() else first
        for name, first in models[0].items()
    }


def shrink_faces(pixels: Float[Tensor, "n 3 h w"], side: int | None) -> Float[Tensor, "n 3 a b"]:
    """Shrink square faces to ``side`` pixels; smaller faces stay as they are."""
    if side is None or side >= pixels.shape[-1]:
        return pixels
    return F.interpolate(pixels, (side, side), mode="bilinear", antialias=True)


def contrastive_loss(
    image: Float[Tensor, "n d"], text: Float[Tensor, "n d"], sentence: list[str], scale: Tensor
) -> Float[Tensor, ""]:
    """CLIP's symmetric cross-entropy, in which frames with the same sentence share the target.

    Args:
        image: embeddings of the frames, unit length.
        text: embeddings of their sentences, unit length.
        sentence: the sentence of each frame.
        scale: logarithm of the factor on the similarities.
    """
    number = {text: i for i, text in enumerate(dict.fromkeys(sentence))}
    group = torch.tensor([number[text] for text in sentence], device=image.device)
    same = (group[:, None] == group).float()
    target = same / same.sum(1, keepdim=True)
    logits = scale.exp() * image @ text.T
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
