"""Building of open_clip models, and loading of semantic models from files or pretrained tags."""

import logging
import os
import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor, nn

from depmap_cli.errors import UsageProblem, WeightsInvalid
from depmap_cli.io.checkpoint import load_checkpoint, load_tensors
from depmap_cli.io.clean_text import clean
from depmap_cli.io.file_identity import sha256_of
from depmap_cli.runtime.fold_batch_norm import fold_batch_norm
from depmap_cli.runtime.skip_init import SkipInit
from depmap_cli.semantics.clip_model import (
    BUNDLED_MODEL,
    SemanticModel,
    import_open_clip,
)
from depmap_cli.semantics.head_and_gaze import HeadAndGaze
from depmap_cli.semantics.landmark_reader import LandmarkReader

HEAD_AND_GAZE_PREFIX, LANDMARKS_PREFIX = "head_and_gaze.", "landmarks."
"""Prefixes of the tensors of ``HeadAndGaze`` and ``LandmarkReader`` in a weights file."""
_Network = TypeVar("_Network", bound=nn.Module)
_CONFIGS = Path(__file__).parent / "open_clip_configs"


def build_clip(model: str, init: AbstractContextManager[object] | None = None) -> nn.Module:
    """Build an open_clip model without pretrained weights.

    Args:
        model: its open_clip name.
        init: context in which it is built, such as ``SkipInit``; None for random weights.

    Raises:
        UsageProblem: open_clip has no model of this name.
    """
    open_clip = import_open_clip()
    open_clip.add_model_config(_CONFIGS)
    if model not in open_clip.list_models():
        raise UsageProblem(
            f"--semantic-model {model}: open_clip has no such model",
            "choose a name from open_clip.list_models()",
        )
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # open_clip warns that no pretrained weights were loaded
    try:
        with warnings.catch_warnings(), init or nullcontext():
            warnings.simplefilter("ignore")
            clip: nn.Module = open_clip.create_model(model, pretrained=None)
    finally:
        root.setLevel(level)
    return clip


def load_semantic_model(model: str, weights: str, allow_network: bool = False) -> SemanticModel:
    """Load a semantic model from a safetensors file or a pretrained tag.

    Args:
        model: open_clip model name.
        weights: path of a file, or a pretrained tag of the model.
        allow_network: whether a tag may be downloaded.

    Raises:
        UsageProblem: the model or tag is unknown, or the tag would have to be downloaded and
            ``allow_network`` is not set.
        WeightsInvalid: the file is damaged or belongs to another model, or the download failed.
    """
    if not allow_network:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # huggingface_hub reads it when imported
    path = Path(weights)
    if not path.is_file():
        path = _download_pretrained(model, weights, allow_network)
    document: dict[str, Any] = {}
    if model == BUNDLED_MODEL:
        checkpoint = load_checkpoint(path, "semantics")
        document, tensors, digest = checkpoint.document, checkpoint.tensors, checkpoint.sha256
    else:
        tensors, digest = load_tensors(path), sha256_of(path)
    clip = build_clip(model, SkipInit())
    try:
        parts = split_tensors(tensors)
        clip.load_state_dict(parts.clip)
        head_and_gaze = _loaded(HeadAndGaze(), parts.head_and_gaze)
        landmark_reader = _loaded(LandmarkReader(), parts.landmarks)
    except RuntimeError as error:
        raise WeightsInvalid(
            f"{clean(str(path))}: does not fit the open_clip model {model}",
            "give the weights of this model, or another --semantic-model",
        ) from error
    return SemanticModel(
        clip=clip,
        model=model,
        sha256=digest,
        document=document,
        head_and_gaze=head_and_gaze,
        landmark_reader=landmark_reader,
    )


@dataclass(frozen=True, kw_only=True)
class SemanticTensors:
    """The tensors of a weights file by network; those of a network that the file lacks are {}."""

    clip: dict[str, Tensor]
    head_and_gaze: dict[str, Tensor]
    landmarks: dict[str, Tensor]


def split_tensors(tensors: dict[str, Tensor]) -> SemanticTensors:
    """Split the tensors of a weights file into those of open_clip and of the small networks."""

    def with_prefix(prefix: str) -> dict[str, Tensor]:
        return {
            name.removeprefix(prefix): value.float() if value.is_floating_point() else value
            for name, value in tensors.items()
            if name.startswith(prefix)
        }

    prefixes = (HEAD_AND_GAZE_PREFIX, LANDMARKS_PREFIX)
    return SemanticTensors(
        clip={name: v for name, v in tensors.items() if not name.startswith(prefixes)},
        head_and_gaze=with_prefix(HEAD_AND_GAZE_PREFIX),
        landmarks=with_prefix(LANDMARKS_PREFIX),
    )


def _loaded(network: _Network, tensors: dict[str, Tensor]) -> _Network | None:
    """The network with these tensors, frozen; None if there are none.

    Raises:
        RuntimeError: the tensors do not fit.
    """
    if not tensors:
        return None
    network.load_state_dict(tensors)
    network.eval().requires_grad_(False)
    fold_batch_norm(network)
    return network


def _download_pretrained(model: str, tag: str, allow_network: bool) -> Path:
    """Download the safetensors file of a pretrained tag, or find it in the cache of the hub."""
    from open_clip.pretrained import (
        download_pretrained,
        get_pretrained_cfg,
        list_pretrained_tags_by_model,
    )

    tags = list_pretrained_tags_by_model(model)
    if tag not in tags:
        raise UsageProblem(
            f"--semantic-weights {clean(tag)}: neither a file nor a pretrained tag of {model}",
            f"give a file, or one of its tags: {', '.join(tags) or 'none'}",
        )
    if not allow_network:
        raise UsageProblem(
            f"--semantic-weights {tag}: the weights would have to be downloaded",
            "add --allow-network, or give the path of the tag's open_clip_model.safetensors",
        )
    try:
        path = Path(download_pretrained(get_pretrained_cfg(model, tag), prefer_hf_hub=True))
    except Exception as error:  # huggingface_hub and urllib raise many types
        raise WeightsInvalid(
            f"--semantic-weights {tag}: download failed: {type(error).__name__}",
            "try again, or give a local file",
        ) from error
    if path.suffix != ".safetensors":
        raise WeightsInvalid(
            f"--semantic-weights {tag}: only published as a pickle, {path.name}",
            "choose a tag that is published as safetensors",
        )
    return path
