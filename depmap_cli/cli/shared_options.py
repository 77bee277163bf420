"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DeviceOption = Annotated[
    str,
    typer.Option(
        help="Device that computes: auto (a GPU if there is one), cpu, cuda or mps.",
        envvar="DEPMAP_DEVICE",
    ),
]
DataOption = Annotated[
    Path,
    typer.Option(help="Labelled videos: a corpus folder (AVEC layout or lists), a list or a CSV."),
]
CacheOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder in which prepared faces are kept. Default: the user's cache folder.",
        envvar="DEPMAP_CACHE",
    ),
]
JobsOption = Annotated[int, typer.Option(min=1, help="Number of processes that prepare faces.")]
WeightsOption = Annotated[
    Path | None,
    typer.Option(help="Dep-MAP weights file, or a run folder. Default: the bundled weights."),
]
InitOption = Annotated[
    Path | None,
    typer.Option(
        help="Dep-MAP weights to start from, a file or a run folder. Default: the bundled weights."
    ),
]
SimulatedOption = Annotated[
    bool, typer.Option("--simulated", help="State in all reports that the faces are simulated.")
]
StatementOption = Annotated[
    str | None,
    typer.Option(help="Description of the training data, stored with the weights and shown."),
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Continue an interrupted run. Default: start a new run.")
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show no progress and no notes on stderr.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
SemanticModelOption = Annotated[
    str | None,
    typer.Option(
        "--semantic-model",
        help="Name of an open_clip model. Default: the model that the weights were trained with.",
    ),
]
SemanticWeightsOption = Annotated[
    str | None,
    typer.Option(
        "--semantic-weights",
        help="Weights of the semantic model: a safetensors file or a pretrained tag of open_clip.",
    ),
]
AllowNetworkOption = Annotated[
    bool,
    typer.Option(
        "--allow-network", help="Allow the download of weights named by a pretrained tag."
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting, e.g. train.epochs=10. May be repeated."),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="YAML file of settings; --set overrides it.")
]


class ModelName(StrEnum):
    """Values of ``--model``."""

    depmap = "depmap"
    resnet_baseline = "resnet-baseline"


class Split(StrEnum):
    """Values of ``--split``."""

    Development = "Development"
    Testing = "Testing"


class PictureStyle(StrEnum):
    """How key frames are drawn; only ``raw`` shows the person."""

    drawing = "drawing"
    blur = "blur"
    raw = "raw"


PicturesOption = Annotated[
    PictureStyle,
    typer.Option(help="Style of the key-frame pictures; only raw shows the person's face."),
]
