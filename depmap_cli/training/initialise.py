"""What a run starts from: earlier weights, the semantic model's image encoder, or nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from depmap_cli.config import Config, SamplingConfig
from depmap_cli.domain.paper_tables import PLAIN_NAME, network_name
from depmap_cli.errors import UsageProblem, WeightsInvalid
from depmap_cli.io.checkpoint import Checkpoint, load_checkpoint, read_document
from depmap_cli.io.clean_text import clean
from depmap_cli.model.depmap import DepMap
from depmap_cli.semantics.clip_model import SemanticModel
from depmap_cli.weights.document import STARTED_FROM_SEMANTIC_MODEL, STARTED_RANDOM
from depmap_cli.weights.locations import BASELINE_WEIGHTS, weights_file, weights_folder
from depmap_cli.weights.packing import unpack_network


def weights_to_start_from(
    init: Path | None, from_scratch: bool, plain: bool = False
) -> tuple[Path | None, dict[str, Any]]:
    """Return the weights to start from, and the settings that they require.

    ``init`` is a weights file or a run folder; None stands for the bundled weights. A ``plain``
    ResNet with mean pooling starts from a plain ResNet; the bundled one was trained like Dep-MAP.

    Raises:
        UsageProblem: ``init`` and ``from_scratch`` are both given, or ``init`` is not a plain
            ResNet although one is requested.
        WeightsInvalid: ``init`` holds no Dep-MAP weights.
    """
    if init and from_scratch:
        raise UsageProblem("--init and --from-scratch exclude each other", "leave one of them out")
    if from_scratch:
        return None, {}
    path = weights_folder() / BASELINE_WEIGHTS if plain and init is None else weights_file(init)
    config, _ = _stored_settings(path)
    if plain and network_name(config.model) != PLAIN_NAME:
        raise UsageProblem(
            f"--model resnet-baseline cannot start from {clean(str(path))}, "
            f"which holds {network_name(config.model)}",
            "leave --init out, or name the weights of a plain ResNet",
        )
    return path, config.model_dump(mode="json", include={"model", "faces"})


def scored_frame_counts(config: Config, start: Path | None) -> list[int]:
    """Return the numbers of frames for each video that evaluations will use.

    First the number stored with the weights to ``start`` from, unless ``train.score_frames`` is
    set explicitly; then the number that the new weights will use.

    Raises:
        WeightsInvalid: as ``weights_to_start_from``.
    """
    frames = config.train.score_frames
    if start is None or "score_frames" in config.train.model_fields_set:
        return [frames]
    _, sampling = _stored_settings(start)
    return list(dict.fromkeys([sampling.frames, frames]))


def _stored_settings(path: Path) -> tuple[Config, SamplingConfig]:
    try:
        document = read_document(path, "depmap")
        return (
            Config.model_validate(document["config"]),
            SamplingConfig.model_validate(document["sampling"]),
        )
    except (KeyError, ValueError) as error:
        raise WeightsInvalid(
            f"{clean(str(path))}: its settings cannot be read", "train or fetch it again"
        ) from error


def build_model(
    config: Config, semantics: SemanticModel, scores: np.ndarray, init: Path | None
) -> tuple[DepMap, str]:
    """Build a network to train; return it and the name of what it started from.

    ``init`` names Dep-MAP weights of the same architecture, trained with the same semantic model.
    Without it, the backbone starts from the semantic model's image encoder if
    ``train.init_from_semantic_model`` is set. Estimates start at the mean of the training
    ``scores`` (BDI-II points).

    Raises:
        WeightsInvalid: ``init`` is damaged, or has another architecture or semantic model.
        UsageProblem: the image encoder is not a ResNet of the requested depth.
    """
    torch.manual_seed(config.train.seed)
    model = DepMap(
        config=config.model,
        semantic_dim=semantics.dim,
        target_mean=float(scores.mean()),
        target_std=float(scores.std()),
    )
    if init is not None:
        _load(model, config, semantics, load_checkpoint(init, "depmap"))
        return model, init.name
    if not config.train.init_from_semantic_model:
        return model, STARTED_RANDOM
    try:
        model.backbone.load_state_dict(semantics.image_encoder_weights)
    except RuntimeError as error:
        raise UsageProblem(
            f"the image encoder of the semantic model is not a {config.model.backbone}",
            "set train.init_from_semantic_model=false, or name a --semantic-model with such an "
            "image encoder",
        ) from error
    return model, STARTED_FROM_SEMANTIC_MODEL


def _load(model: DepMap, config: Config, semantics: SemanticModel, start: Checkpoint) -> None:
    """Copy all tensors except ``target``, the mean and scale of the scores.

    The regression on signals is not copied: it is fitted again when training has ended.
    """
    stored = Config.model_validate(start.document["config"]).model
    kept = {
        name: value.clone()
        for name, value in model.state_dict().items()
        if name == "target" or name.startswith("signal_head.")
    }
    without_tensors = {
        *("dropout", "momentum", "entropy", "temperature", "peak_temperature"),
        *("sampling_factor", "signals"),
    }
    if not config.model.sdpm:
        without_tensors.add("tokens")
    wanted, existing = (m.model_dump(exclude=without_tensors) for m in (config.model, stored))
    if wanted != existing:
        names = ", ".join(name for name in wanted if wanted[name] != existing[name])
        raise WeightsInvalid(
            f"{clean(str(start.path))} has another architecture: {names}",
            "train with --from-scratch",
        )
    if start.document["semantics"]["sha256"] != semantics.id.sha256:
        raise WeightsInvalid(
            f"{clean(str(start.path))} was trained with another semantic model",
            "name that model with --semantic-weights, or train with --from-scratch",
        )
    try:
        tensors = unpack_network(start.tensors, semantics)
        copied = {name: v for name, v in tensors.items() if not name.startswith("signal_head.")}
        model.load_state_dict({**copied, **kept})
    except RuntimeError as error:
        raise WeightsInvalid(
            f"{clean(str(start.path))} has the architecture of an earlier version",
            "train with --from-scratch",
        ) from error
