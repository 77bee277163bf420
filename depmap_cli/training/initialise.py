"""What a run starts from: earlier weights, the semantic model's image tower, or nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from depmap_cli.config import Config, SamplingConfig
from depmap_cli.domain.paper_tables import PLAIN_NAME, network_name
from depmap_cli.errors import UsageProblem, WeightsInvalid
from depmap_cli.io.checkpoint import Checkpoint, load_checkpoint, read_document
from depmap_cli.model.depmap import DepMap
from depmap_cli.semantics.clip_model import SemanticModel
from depmap_cli.weights.document import STARTED_FROM_SEMANTIC_MODEL, STARTED_RANDOM
from depmap_cli.weights.locations import BASELINE_WEIGHTS, weights_file, weights_folder
from depmap_cli.weights.packing import unpack_network


def start_of(
    init: Path | None, from_scratch: bool, plain: bool = False
) -> tuple[Path | None, dict[str, Any]]:
    """The weights to start from, by default those shipped, and the settings that they dictate.

    ``init`` names a weights file or the folder of a run. A ``plain`` ResNet with mean pooling
    starts from one, by default that which is shipped, trained as Dep-MAP beside it.

    Raises:
        UsageProblem: ``init`` is given where nothing is to be started from, or is no plain ResNet
            where one is asked for.
        WeightsInvalid: no weights.
    """
    if init and from_scratch:
        raise UsageProblem("--init and --from-scratch exclude each other", "leave one of them out")
    if from_scratch:
        return None, {}
    path = weights_folder() / BASELINE_WEIGHTS if plain and init is None else weights_file(init)
    config, _ = _described(path)
    if plain and network_name(config.model) != PLAIN_NAME:
        raise UsageProblem(
            f"--model resnet-baseline cannot start at {path.name}: {network_name(config.model)}",
            "leave --init out, or name a plain ResNet's weights",
        )
    return path, config.model_dump(mode="json", include={"model", "faces"})


def frames_scored(config: Config, start: Path | None) -> list[int]:
    """How many frames of a video scoring looks at.

    With the weights to ``start`` from as they are, unless settings ask for a number; last, with
    those to be trained.

    Raises:
        WeightsInvalid: as ``start_of``.
    """
    wanted = config.train.score_frames
    if start is None or "score_frames" in config.train.model_fields_set:
        return [wanted]
    _, sampling = _described(start)
    return list(dict.fromkeys([sampling.frames, wanted]))


def _described(path: Path) -> tuple[Config, SamplingConfig]:
    try:
        document = read_document(path, "depmap")
        return (
            Config.model_validate(document["config"]),
            SamplingConfig.model_validate(document["sampling"]),
        )
    except (KeyError, ValueError) as error:
        raise WeightsInvalid(
            f"{path.name}: its content does not fit its description", "train or fetch it again"
        ) from error


def build_model(
    config: Config, semantics: SemanticModel, scores: np.ndarray, init: Path | None
) -> tuple[DepMap, str]:
    """A network to train, and what it started from.

    ``init`` names Dep-MAP weights of the same architecture, trained with the same semantic weights.
    Without it, the backbone starts at the semantic model's image tower, where ``config.train``
    says so. Estimates start at the mean of the training ``scores`` (BDI-II points).

    Raises:
        WeightsInvalid: ``init`` is damaged or of another architecture or semantic model.
        UsageProblem: the semantic model's image tower is no ResNet of the depth asked for.
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
            f"the semantic model's image tower is no {config.model.backbone}",
            "set train.init_from_semantic_model=false, or name a --semantic-model whose image tower is one",
        ) from error
    return model, STARTED_FROM_SEMANTIC_MODEL


def _load(model: DepMap, config: Config, semantics: SemanticModel, start: Checkpoint) -> None:
    """Take over all tensors but those that belong to the old scores' scale."""
    trained = Config.model_validate(start.document["config"]).model
    fixed = {"dropout", "momentum", "entropy", "temperature", "peak_temperature", "sampling_factor"}
    wanted, found = (m.model_dump(exclude=fixed) for m in (config.model, trained))
    if wanted != found:
        names = ", ".join(name for name in wanted if wanted[name] != found[name])
        raise WeightsInvalid(
            f"{start.path.name} is of another architecture: {names}", "train with --from-scratch"
        )
    if start.document["semantics"]["sha256"] != semantics.id.sha256:
        raise WeightsInvalid(
            f"{start.path.name} was trained with another semantic model",
            "name that one with --semantic-weights, or train with --from-scratch",
        )
    target = model.state_dict()["target"].clone()
    try:
        model.load_state_dict({**unpack_network(start.tensors, semantics), "target": target})
    except RuntimeError as error:
        raise WeightsInvalid(
            f"{start.path.name} is of another architecture, of an earlier version's",
            "train with --from-scratch",
        ) from error
