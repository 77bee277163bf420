"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.", envvar="DEPMAP_DEVICE")]
DataOption = Annotated[
    Path, typer.Option(help="Corpus folder (AVEC's layout or lists), a list, or a manifest CSV.")
]
CacheOption = Annotated[
    Path | None, typer.Option(help="Where aligned faces are kept.", envvar="DEPMAP_CACHE")
]
JobsOption = Annotated[int, typer.Option(min=1, help="Processes that prepare faces.")]
WeightsOption = Annotated[
    Path | None, typer.Option(help="Dep-MAP weights, or a run's folder; default: those shipped.")
]
InitOption = Annotated[
    Path | None,
    typer.Option(help="Dep-MAP weights to start from, or a run's folder; default: those shipped."),
]
SimulatedOption = Annotated[
    bool, typer.Option("--simulated", help="The faces are rendered; reports will say so.")
]
StatementOption = Annotated[
    str | None, typer.Option(help="What the data is; stored with the weights and shown.")
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on where the run was stopped.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON on stdout.")]
SemanticModelOption = Annotated[
    str | None, typer.Option("--semantic-model", help="open_clip model name.")
]
SemanticWeightsOption = Annotated[
    str | None,
    typer.Option("--semantic-weights", help="Its safetensors file, or a pretrained tag."),
]
NetworkOption = Annotated[
    bool, typer.Option("--allow-network", help="Let a pretrained tag be downloaded.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="A setting, e.g. train.epochs=10. Repeatable.")
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="YAML file of settings; --set goes over it.")
]


class Network(StrEnum):
    """What ``--model`` takes."""

    depmap = "depmap"
    resnet_baseline = "resnet-baseline"


class Split(StrEnum):
    """What ``--split`` takes."""

    Development = "Development"
    Testing = "Testing"


class PictureStyle(StrEnum):
    """How key frames are drawn; only ``raw`` shows the person."""

    drawing = "drawing"
    blur = "blur"
    raw = "raw"


PicturesOption = Annotated[
    PictureStyle, typer.Option(help="Key-frame pictures; only raw shows the person's face.")
]
