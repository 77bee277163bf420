"""CLIP's view of a face: image and text embeddings, and which action units it sees.

Any open_clip model serves. The default is a small one of our own (``open_clip_configs/``), trained
by `depmap train-semantics`, so that no network is needed. Dep-MAP takes the action units of a
frame from an OpenFace table that must exist beforehand; here the similarity of the frame to one
phrase an action unit says which are seen, and an OpenFace table may still be given instead.
"""

import os
import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from depmap_cli.domain.action_units import ACTION_UNITS, COVERED_PHRASE, NEUTRAL_PHRASE, phrase
from depmap_cli.errors import UsageProblem, WeightsInvalid
from depmap_cli.io.checkpoint import Checkpoint, load_checkpoint, load_tensors
from depmap_cli.io.file_identity import sha256_of
from depmap_cli.model.backbone import resnet_tensors
from depmap_cli.runtime.lazy_imports import without_compiler
from depmap_cli.runtime.skip_init import SkipInit

BUNDLED_MODEL = "depmap-au-resnet18"
PHRASES = tuple(phrase([unit]) for unit in ACTION_UNITS)
RELIABLE = 0.6
"""Pearson r with the true intensity, on unseen people, from which a unit is relied on."""
OCCLUDED = 0.5
"""Evidence from which a face counts as covered, and its frame is left out (measured: CHANGELOG)."""
NEVER = -100.0
"""Bias of a semantic model that cannot tell covered faces."""
_CONFIGS = Path(__file__).parent / "open_clip_configs"


@dataclass(frozen=True)
class SemanticModelId:
    """Which semantic weights these are; a Dep-MAP checkpoint names the ones it was trained with."""

    model: str  # open_clip name
    sha256: str  # of the weights file


@dataclass(frozen=True)
class SemanticFeatures:
    """What CLIP makes of n frames."""

    image: Float[Tensor, "n d"]  # embeddings of unit length
    au_probabilities: Float[Tensor, "n units"]  # for each action unit, 0 to 1
    covered: Float[Tensor, " n"]  # that something hides the face, 0 to 1

    def __getitem__(self, rows: Any) -> "SemanticFeatures":
        return SemanticFeatures(self.image[rows], self.au_probabilities[rows], self.covered[rows])

    def on_cpu(self) -> "SemanticFeatures":
        """The same in the computer's own memory."""
        return SemanticFeatures(self.image.cpu(), self.au_probabilities.cpu(), self.covered.cpu())

    @staticmethod
    def joined(pieces: "list[SemanticFeatures]") -> "SemanticFeatures":
        """The frames of all pieces, in order."""
        columns = (
            [getattr(p, name) for p in pieces] for name in ("image", "au_probabilities", "covered")
        )
        return SemanticFeatures(*map(torch.cat, columns))


class SemanticModel(nn.Module):
    """A frozen open_clip model, its embeddings of the AU phrases, and their calibration.

    ``scale`` and ``bias`` (one an action unit, and one for a covered face) turn a similarity into
    evidence between 0 and 1. A foreign model has none: its evidence is a softmax of each phrase
    against the neutral one, and it never calls a face covered.
    """

    phrases: Tensor
    neutral: Tensor
    covering: Tensor
    scale: Tensor
    bias: Tensor
    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(
        self, *, clip: nn.Module, model: str, sha256: str, document: dict[str, Any]
    ) -> None:
        super().__init__()
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
        self.register_buffer("covering", text[n_units + 1 :].clone())
        calibration = document.get("calibration")
        if calibration is None:
            temperature = float(clip.logit_scale.exp())  # type: ignore[operator]
            scale, bias = [temperature] * len(PHRASES), [0.0] * len(PHRASES)
        else:
            scale, bias = calibration["scale"], calibration["bias"]
        self.relative = calibration is None
        self.covered_scale, self.covered_bias = (calibration or {}).get("covered", (0.0, NEVER))
        self.register_buffer("scale", torch.tensor(scale))
        self.register_buffer("bias", torch.tensor(bias))

    @property
    def dim(self) -> int:
        """Width of the embeddings."""
        return int(self.phrases.shape[1])

    @property
    def image_encoder_weights(self) -> dict[str, Tensor]:
        """Weights of the image tower by the names of ``Backbone``; {} if it is no ResNet."""
        trunk = getattr(self.clip.visual, "trunk", None)
        return {} if trunk is None else resnet_tensors(trunk.state_dict())

    @property
    def reliable_units(self) -> dict[str, bool]:
        """Code -> whether the unit was read well on unseen people; {} if not measured."""
        units = self.document.get("development", {}).get("units", {})
        return {code: figures["r"] >= RELIABLE for code, figures in units.items()}

    @property
    def typical_neutral(self) -> np.ndarray | None:
        """How units usually read at rest (``neutral_baseline.py``), (units,); None if unknown."""
        usual = self.document.get("rest")
        return None if usual is None else np.array(usual)

    @torch.inference_mode()
    def forward(self, faces: UInt8[Tensor, "n h w 3"]) -> SemanticFeatures:
        """Embeddings, the evidence for each action unit, and whether the face is covered."""
        pixels = faces.permute(0, 3, 1, 2).float() / 255
        if pixels.shape[-1] != self.image_size:
            side = (self.image_size, self.image_size)
            pixels = F.interpolate(pixels, side, mode="bicubic", antialias=True).clamp(0, 1)
        return self._view(self.clip.encode_image((pixels - self.pixel_mean) / self.pixel_std))  # type: ignore[operator]

    @torch.inference_mode()
    def from_feature_map(self, deepest: Float[Tensor, "n c h w"]) -> SemanticFeatures:
        """The same from the faces' map f_4 by a backbone that is the image ``tower``."""
        visual: Any = self.clip.visual
        return self._view(visual.head(visual.trunk.forward_head(deepest)))

    def _view(self, embedding: Float[Tensor, "n d"]) -> SemanticFeatures:
        image = F.normalize(embedding.float(), dim=-1)
        similarity = image @ self.phrases.T
        if self.relative:
            similarity = similarity - image @ self.neutral.T
        au_probabilities = torch.sigmoid(self.scale * similarity + self.bias)
        covered = self.covered_scale * (image @ self.covering.T) + self.covered_bias
        return SemanticFeatures(image, au_probabilities, torch.sigmoid(covered).squeeze(-1))

    @torch.inference_mode()
    def read(self, sentences: list[str]) -> Float[Tensor, "n d"]:
        """The embeddings of sentences, as ``phrase`` makes them."""
        return encode_sentences(self.clip, tokenizer_of(self.id.model), sentences)

    def query(self, au_probabilities: Float[Tensor, "n units"]) -> Float[Tensor, "n d"]:
        """The text embedding of a frame (query of Eq. 1): its AU phrases mixed by their evidence.

        What no action unit explains goes to the neutral phrase.
        """
        rest = (1 - au_probabilities.amax(1, keepdim=True)).clamp(min=0)
        return F.normalize(au_probabilities @ self.phrases + rest * self.neutral, dim=-1)


@lru_cache
def tokenizer_of(model: str) -> Any:
    """The tokenizer of an open_clip model. Making one takes as long as loading a small model."""
    return _open_clip().get_tokenizer(model)


def _open_clip() -> Any:
    with without_compiler():
        import open_clip

    return open_clip


def encode_phrases(clip: nn.Module, tokenizer: Any) -> Float[Tensor, "phrases d"]:
    """Unit embeddings of the AU phrases, in order, of the neutral phrase and the covered one."""
    return encode_sentences(clip, tokenizer, [*PHRASES, NEUTRAL_PHRASE, COVERED_PHRASE])


def encode_sentences(clip: nn.Module, tokenizer: Any, sentences: list[str]) -> Float[Tensor, "n d"]:
    """Embeddings of unit length."""
    tokens = tokenizer(sentences).to(next(clip.parameters()).device)
    return F.normalize(clip.encode_text(tokens).float(), dim=-1)  # type: ignore[operator]


def build_clip(model: str, filling: AbstractContextManager[object] | None = None) -> nn.Module:
    """An open_clip model by name, with random weights; ``filling`` may leave them out.

    Raises:
        UsageProblem: open_clip knows no such model.
    """
    import logging

    open_clip = _open_clip()
    open_clip.add_model_config(_CONFIGS)
    if model not in open_clip.list_models():
        raise UsageProblem(
            f"--semantic-model {model}: open_clip knows no such model",
            "see open_clip.list_models()",
        )
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it warns that nothing pretrained was loaded: loading is ours
    try:
        with warnings.catch_warnings(), filling or nullcontext():
            warnings.simplefilter("ignore")
            clip: nn.Module = open_clip.create_model(model, pretrained=None)
    finally:
        root.setLevel(level)
    return clip


def load_semantic_model(model: str, weights: str, allow_network: bool = False) -> SemanticModel:
    """A semantic model from a safetensors file or, where the network is allowed, a pretrained tag.

    Raises:
        UsageProblem: unknown model or tag, or a tag without leave to use the network.
        WeightsInvalid: the file is damaged or fits another model.
    """
    if not allow_network:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when the hub's client is first imported
    path = Path(weights)
    if not path.is_file():
        path = _fetch(model, weights, allow_network)
    document: dict[str, Any] = {}
    if model == BUNDLED_MODEL:
        checkpoint: Checkpoint = load_checkpoint(path, "semantics")
        document, tensors, digest = checkpoint.document, checkpoint.tensors, checkpoint.sha256
    else:
        tensors, digest = load_tensors(path), sha256_of(path)
    clip = build_clip(model, SkipInit())
    try:
        clip.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsInvalid(
            f"{path.name}: does not fit the open_clip model {model}", "check --semantic-model"
        ) from error
    return SemanticModel(clip=clip, model=model, sha256=digest, document=document)


def _fetch(model: str, tag: str, allow_network: bool) -> Path:
    from open_clip.pretrained import (
        download_pretrained,
        get_pretrained_cfg,
        list_pretrained_tags_by_model,
    )

    known = list_pretrained_tags_by_model(model)
    if tag not in known:
        listed = ", ".join(known) or "none"
        raise UsageProblem(
            f"--semantic-weights {tag}: neither a file nor a pretrained tag of {model}",
            f"tags: {listed}",
        )
    if not allow_network:
        raise UsageProblem(
            f"--semantic-weights {tag} would have to be downloaded",
            "add --allow-network, or give the path of its open_clip_model.safetensors",
        )
    try:
        path = Path(download_pretrained(get_pretrained_cfg(model, tag), prefer_hf_hub=True))
    except Exception as error:  # whatever the hub's client raises: the network is not ours
        raise WeightsInvalid(
            f"--semantic-weights {tag}: download failed: {type(error).__name__}",
            "give a local file instead",
        ) from error
    if path.suffix != ".safetensors":
        raise WeightsInvalid(
            f"{path.name}: only published as a pickle", "choose a tag with safetensors"
        )
    return path
