"""`depmap evaluate`, `depmap calibrate`, `depmap ablate`."""

import math
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from depmap_cli.cli.options import (
    CacheOption,
    ConfigOption,
    DataOption,
    DeviceOption,
    JobsOption,
    JsonOption,
    NetworkOption,
    PicturesOption,
    PictureStyle,
    QuietOption,
    SemanticModelOption,
    SemanticWeightsOption,
    SetOption,
    SimulatedOption,
    Split,
    WeightsOption,
)
from depmap_cli.cli.terminal import note, progress_bar, stages
from depmap_cli.config import MAX_FRAMES, MIN_FRAMES

FramesOption = Annotated[
    int | None, typer.Option(min=MIN_FRAMES, max=MAX_FRAMES, help="Frames a video.")
]


def evaluate(
    data: DataOption,
    weights: WeightsOption = None,
    split: Annotated[Split, typer.Option(help="Which split is scored.")] = Split.Testing,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for JSON, CSV, HTML and figures.")
    ] = None,
    attributes: Annotated[
        Path | None,
        typer.Option("--subgroups", help="CSV with a column subject and columns to group by."),
    ] = None,
    compare_with: Annotated[
        list[Path] | None,
        typer.Option(
            help="Other weights to compare with; default: the plain ResNet in resnet-baseline/ "
            "beside --weights, or the one shipped."
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            min=3, help="Number of folds of people, as in `depmap train`; replaces the splits."
        ),
    ] = None,
    fold: Annotated[
        int | None,
        typer.Option(min=0, help="Fold to use as Testing, from 0; the first by default."),
    ] = None,
    semantic_model: SemanticModelOption = None,
    semantic_weights: SemanticWeightsOption = None,
    allow_network: NetworkOption = False,
    pictures: PicturesOption = PictureStyle.drawing,
    gallery: Annotated[
        bool, typer.Option("--gallery", help="Show each prototype's nearest Training faces.")
    ] = False,
    frames: FramesOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    cache: CacheOption = None,
    jobs: JobsOption = 2,
    quiet: QuietOption = False,
) -> None:
    """Compare estimates with scores on a labelled corpus, beside baselines.

    --weights with the folder of `depmap train --seeds` evaluates each seed by itself, then tells
    mean and standard deviation. With --folds, and the folder of a run by folds, everybody is
    scored by the fold that never saw them.

    Examples:

      depmap evaluate --data avec2014/ --weights run/weights.safetensors -o evaluation/

      depmap evaluate --data avec2014/ --compare-with resnet/ --gallery -o evaluation/

      depmap evaluate --data avec2014/ --subgroups people.csv --json

      depmap evaluate --data avec2014/ --weights runs/ -o evaluation/

      depmap evaluate --data avec2014/ --weights run/ --folds 5
    """
    if gallery and output is None:
        raise typer.BadParameter("--gallery needs --output")
    if fold is not None and folds is None:
        raise typer.BadParameter("--fold needs --folds")
    pooled = weights is not None and weights.is_dir() and folds is not None
    if pooled and (fold is not None or gallery or split != Split.Testing):
        raise typer.BadParameter(
            "--folds with a run folder as --weights pools all folds: it cannot be combined with "
            "--fold, --gallery or another --split"
        )
    from depmap_cli.report.evaluation.outputs import EvaluationOutputs
    from depmap_cli.workflows.evaluate import EvaluateOptions
    from depmap_cli.workflows.folds import evaluate_all
    from depmap_cli.workflows.labelled_data import LabelledData, SemanticModelSpec
    from depmap_cli.workflows.resnet_baseline import plain_beside, plain_command

    plain, why_not = plain_beside(weights, folds if pooled else None)
    options = EvaluateOptions(
        source=LabelledData(
            data=data, cache=cache, jobs=jobs, fold=(fold or 0, folds) if folds else None
        ),
        weights=weights,
        split=split.value,
        frames=frames,
        device=device,
        attributes=attributes,
        compare_with=tuple(compare_with) if compare_with else plain,
        appearance=output is not None,
        gallery=gallery,
        folds=folds if pooled else None,
        semantic_model=SemanticModelSpec(semantic_model, semantic_weights, allow_network),
    )
    outputs = EvaluationOutputs(output, pictures.value, as_json)
    outputs.check()
    with progress_bar(quiet) as bar:
        found = evaluate_all(options, stages(bar))
    outputs.give(found)
    hint = why_not or plain_command(data, weights, folds if pooled else None)
    if hint and not options.compare_with:
        note(hint, quiet)


def calibrate(
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Weights file to write: a copy, recalibrated.")],
    weights: WeightsOption = None,
    split: Annotated[
        Split, typer.Option(help="Whose residuals; not the split you will report on.")
    ] = Split.Development,
    frames: FramesOption = None,
    semantic_model: SemanticModelOption = None,
    semantic_weights: SemanticWeightsOption = None,
    allow_network: NetworkOption = False,
    device: DeviceOption = "auto",
    cache: CacheOption = None,
    jobs: JobsOption = 2,
    quiet: QuietOption = False,
) -> None:
    """Let intervals rest on your own data: store its residuals in a copy of the weights.

    Example: depmap calibrate --data mine/ --out mine.safetensors
    """
    from depmap_cli.io.output_files import check_file
    from depmap_cli.stats.conformal import DEFAULT_COVERAGE, people_needed
    from depmap_cli.workflows.calibrate import run_calibration
    from depmap_cli.workflows.evaluate import EvaluateOptions
    from depmap_cli.workflows.labelled_data import LabelledData, SemanticModelSpec

    options = EvaluateOptions(
        source=LabelledData(data=data, cache=cache, jobs=jobs),
        weights=weights,
        split=split.value,
        frames=frames,
        device=device,
        semantic_model=SemanticModelSpec(semantic_model, semantic_weights, allow_network),
    )
    check_file(out)
    with progress_bar(quiet) as bar:
        result = run_calibration(options, out, stages(bar))
    if result.n_left_out:
        note(f"left out: {result.n_left_out} people that the weights were trained on", quiet)
    if math.isinf(result.half_width):
        note(
            f"{result.n_people} people: a {DEFAULT_COVERAGE:.0%} interval does not exist below "
            f"{people_needed(DEFAULT_COVERAGE)}; reports will show the whole scale",
            quiet=False,
        )
    else:
        note(
            f"{result.n_people} people: {DEFAULT_COVERAGE:.0%} intervals reach "
            f"{result.half_width:.1f} points each way",
            quiet,
        )
    note(f"weights: {out}", quiet)


def ablate(
    data: DataOption,
    table: Annotated[int, typer.Option(min=2, max=3, help="The paper's table: 2 or 3.")],
    out: Annotated[Path, typer.Option(help="Folder of all runs; a killed grid goes on there.")],
    row: Annotated[
        list[int] | None, typer.Option(help="Rows of the table, from 1; default all. Repeatable.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs a row.")] = 3,
    split: Annotated[Split, typer.Option(help="Which split is scored.")] = Split.Development,
    config: ConfigOption = None,
    settings: SetOption = None,
    semantic_model: SemanticModelOption = None,
    semantic_weights: SemanticWeightsOption = None,
    allow_network: NetworkOption = False,
    simulated: SimulatedOption = False,
    device: DeviceOption = "auto",
    cache: CacheOption = None,
    jobs: JobsOption = 2,
    quiet: QuietOption = False,
) -> None:
    """Train and evaluate the grid of the paper's Table 2 (scales) or 3 (modules, backbones).

    Backbones start at the semantic model's image tower; those of another depth start at random,
    which the table says. The table is also written to --out, as CSV and JSON.

    Example: depmap ablate --data avec2014/ --table 3 --row 1 --row 6 --out ablation/
    """
    from depmap_cli.cli.train import training_display
    from depmap_cli.domain.paper_tables import select_rows, settings_fixed_by
    from depmap_cli.io.settings import read_settings
    from depmap_cli.report.evaluation.ablation import render_ablation, write_ablation
    from depmap_cli.workflows.ablate import run_ablation
    from depmap_cli.workflows.labelled_data import LabelledData, SemanticModelSpec
    from depmap_cli.workflows.train import TrainOptions

    chosen = read_settings(
        settings or [], config, decided=settings_fixed_by(select_rows(table, row or []))
    )
    options = TrainOptions(
        source=LabelledData(data=data, cache=cache, jobs=jobs),
        out=out,
        config=chosen,
        device=device,
        semantic_model=SemanticModelSpec(semantic_model, semantic_weights, allow_network),
        simulated=simulated,
        seeds=seeds,
    )
    with progress_bar(quiet) as bar:
        display = training_display(chosen, quiet, bar)
        found = run_ablation(options, table, split.value, row or [], stages(bar), display)
    name = data.resolve().name
    write_ablation(found, out, table, name, split.value)
    render_ablation(Console(), found, f"{name}, {split.value}")
