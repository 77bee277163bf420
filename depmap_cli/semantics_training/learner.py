"""What `depmap train-semantics` trains, and the losses."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from depmap_cli.domain.action_units import ACTION_UNITS, COVERED_PHRASE, phrase
from depmap_cli.errors import WeightsInvalid
from depmap_cli.io.checkpoint import Checkpoint
from depmap_cli.runtime.devices import training_precision
from depmap_cli.semantics.clip_model import (
    BUNDLED_MODEL,
    build_clip,
    encode_phrases,
    encode_sentences,
    tokenizer_of,
)
from depmap_cli.semantics_training.batches import SemanticsBatch

NAMED_INTENSITY = 0.3
"""Intensity (of about 0 to 1) from which a unit is named in a frame's sentence."""
HIDDEN = (0.05, 0.15)
"""Hidden share of the inner face up to which it counts as free, and from which as covered."""


class PhraseCalibration(nn.Module):
    """evidence = sigmoid(scale * similarity + bias), one pair an action unit, one for covered."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((len(ACTION_UNITS) + 1,), 8.0))
        self.bias = nn.Parameter(torch.full((len(ACTION_UNITS) + 1,), -3.0))

    def forward(self, similarity: Float[Tensor, "n asked"]) -> Float[Tensor, "n asked"]:
        """Logits of the evidence."""
        return self.scale * similarity + self.bias

    def stored(self) -> dict[str, list[float]]:
        """As ``SemanticModel`` reads it."""
        *scale, covered_scale = self.scale.tolist()
        *bias, covered_bias = self.bias.tolist()
        return {"scale": scale, "bias": bias, "covered": [covered_scale, covered_bias]}

    @torch.no_grad()
    def take(self, stored: list[dict[str, list[float]]]) -> None:
        """Go on from the mean of what was stored."""
        scales = [[*one["scale"], one["covered"][0]] for one in stored]
        biases = [[*one["bias"], one["covered"][1]] for one in stored]
        self.scale.copy_(torch.tensor(scales).mean(0))
        self.bias.copy_(torch.tensor(biases).mean(0))


class Learner(nn.Module):
    """The open_clip model, its calibration, and a map from the image tower's features to the
    units, which is not kept."""

    def __init__(self) -> None:
        super().__init__()
        clip: Any = build_clip(BUNDLED_MODEL)
        self.clip = clip
        self.tokenizer = tokenizer_of(BUNDLED_MODEL)
        self._tokens: dict[str, Tensor] = {}
        self.calibration = PhraseCalibration()
        self.units = nn.Linear(clip.visual.trunk.num_features, len(ACTION_UNITS))

    def start_at(self, earlier: list[Checkpoint]) -> None:
        """Go on from semantic models that are trained already: from the mean of their weights.

        Models that began at the same weights lie so near each other that the mean works, and often
        on other faces better than either (Wortsman et al., "Robust fine-tuning", CVPR 2022).

        Raises:
            WeightsInvalid: one is of another open_clip model.
        """
        for checkpoint in earlier:
            try:
                self.clip.load_state_dict(checkpoint.tensors)
            except RuntimeError as error:
                raise WeightsInvalid(
                    f"{checkpoint.path.name} does not fit the open_clip model {BUNDLED_MODEL}",
                    "name a file that `depmap train-semantics` wrote",
                ) from error
        self.clip.load_state_dict(mean_of([checkpoint.tensors for checkpoint in earlier]))
        self.calibration.take([checkpoint.document["calibration"] for checkpoint in earlier])

    def look(self, pixels: Float[Tensor, "n 3 h w"]) -> tuple[Tensor, Tensor]:
        """The image tower's features (n, f) and the embeddings (n, d) made of them, unit length."""
        with training_precision(pixels.device):
            features = self.clip.visual.trunk(pixels.to(memory_format=torch.channels_last))
            image = self.clip.visual.head(features)
        return features.float(), F.normalize(image.float(), dim=-1)

    def read(self, sentences: list[str]) -> Float[Tensor, "n d"]:
        """The embeddings of sentences, unit length."""
        return encode_sentences(self.clip, self._tokens_of, sentences)

    def _tokens_of(self, sentences: list[str]) -> Tensor:
        """Their tokens; every epoch asks for the same sentences, and tokenizing takes long."""
        for sentence in sentences:
            if sentence not in self._tokens:
                self._tokens[sentence] = self.tokenizer([sentence])[0]
        return torch.stack([self._tokens[sentence] for sentence in sentences])

    def asked(self, image: Float[Tensor, "n d"]) -> Float[Tensor, "n asked"]:
        """Logits of every unit's phrase and, last, of a covered face."""
        text = encode_phrases(self.clip, self._tokens_of)
        phrases = torch.cat([text[: len(ACTION_UNITS)], text[-1:]])  # all but the neutral one
        logits: Tensor = self.calibration(image @ phrases.T)
        return logits

    def loss(self, batch: SemanticsBatch, side: int | None = None) -> Float[Tensor, ""]:
        """Of a batch, its faces shrunk to ``side`` pixels if they are larger."""
        device = self.units.weight.device
        free, covered = batch.hidden <= HIDDEN[0], batch.hidden >= HIDDEN[1]
        sentences = sentences_of(batch.intensity, covered)
        seen = (~covered)[:, None].expand_as(batch.intensity).to(device)
        told = torch.cat([batch.intensity, covered[:, None].float()], 1).to(device)
        counts = torch.cat([seen, (free | covered)[:, None].to(device)], 1)
        features, image = self.look(shrunk(batch.pixels.to(device), side))
        contrast = contrastive_loss(image, self.read(sentences), sentences, self.clip.logit_scale)
        phrases = F.binary_cross_entropy_with_logits(self.asked(image), told, reduction="none")
        units = F.binary_cross_entropy_with_logits(
            self.units(features), told[:, :-1], reduction="none"
        )
        return 0.2 * contrast + ((phrases * counts).sum(1) + (units * seen).sum(1)).mean()


def mean_of(models: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of several models' tensors; counters are the first one's."""
    return {
        name: torch.stack([m[name] for m in models]).mean(0) if own.is_floating_point() else own
        for name, own in models[0].items()
    }


def shrunk(pixels: Float[Tensor, "n 3 h w"], side: int | None) -> Float[Tensor, "n 3 a b"]:
    """Faces of that side; as they are if they are no larger."""
    if side is None or side >= pixels.shape[-1]:
        return pixels
    return F.interpolate(pixels, (side, side), mode="bilinear", antialias=True)


def contrastive_loss(
    image: Float[Tensor, "n d"], text: Float[Tensor, "n d"], sentence: list[str], scale: Tensor
) -> Float[Tensor, ""]:
    """CLIP's symmetric cross-entropy; frames with the same sentence share the target."""
    number = {text: i for i, text in enumerate(dict.fromkeys(sentence))}
    place = torch.tensor([number[text] for text in sentence], device=image.device)
    same = (place[:, None] == place).float()
    target = same / same.sum(1, keepdim=True)
    logits = scale.exp() * image @ text.T
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def sentences_of(intensity: Float[Tensor, "n units"], covered: Tensor | None = None) -> list[str]:
    """What each frame shows, in words."""
    hidden = [False] * len(intensity) if covered is None else covered.tolist()
    return [
        COVERED_PHRASE if over else _sentence(row)
        for row, over in zip(intensity.tolist(), hidden, strict=True)
    ]


def _sentence(intensity: list[float]) -> str:
    pairs = zip(ACTION_UNITS, intensity, strict=True)
    return phrase([unit for unit, value in pairs if value >= NAMED_INTENSITY])
