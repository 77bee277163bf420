"""`depmap evaluate`, `depmap calibrate`, `depmap ablate`."""

import math
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from depmap_cli.cli.shared_options import (
    AllowNetworkOption,
    CacheOption,
    ConfigOption,
    DataOption,
    DeviceOption,
    JobsOption,
    JsonOption,
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
    int | None,
    typer.Option(
        min=MIN_FRAMES,
        max=MAX_FRAMES,
        help="Frames of each video. Default: as many as are prepared, 128 or more.",
    ),
]


def evaluate(
    data: DataOption,
    weights: WeightsOption = None,
    split: Annotated[Split, typer.Option(help="Split to evaluate.")] = Split.Testing,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for JSON, CSV, HTML and charts.")
    ] = None,
    attributes: Annotated[
        Path | None,
        typer.Option(
            "--subgroups",
            help="CSV file with a column subject and columns to group by, or the folder "
            "ground_truth of a simulated corpus.",
        ),
    ] = None,
    compare_with: Annotated[
        list[Path] | None,
        typer.Option(
            help="Other weights to compare with. May be repeated. Default: the plain ResNet in "
            "resnet-baseline/ next to --weights, or the bundled one."
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
        typer.Option(min=0, help="Fold to use as Testing, from 0. Default: the first."),
    ] = None,
    semantic_model: SemanticModelOption = None,
    semantic_weights: SemanticWeightsOption = None,
    allow_network: AllowNetworkOption = False,
    pictures: PicturesOption = PictureStyle.drawing,
    gallery: Annotated[
        bool,
        typer.Option(
            "--gallery", help="Show the Training faces nearest to each prototype; needs --output."
        ),
    ] = False,
    ridge: Annotated[
        bool,
        typer.Option(
            "--ridge/--no-ridge",
            help="Compare with a ridge regression on action units, head and gaze, fitted on "
            "Training, whose faces are prepared for it.",
        ),
    ] = True,
    frames: FramesOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    cache: CacheOption = None,
    jobs: JobsOption = 2,
    quiet: QuietOption = False,
) -> None:
    """Evaluate estimates on a labelled corpus, and compare them with baselines.

    If --weights is the folder of `depmap train --seeds`, each seed is evaluated separately, and
    mean and standard deviation follow. If it is the folder of a cross-validation, with --folds,
    each person is scored by weights that were not trained on them.

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
            "--folds with a folder as --weights pools all folds of the run; "
            "remove --fold, --gallery and --split"
        )
    from depmap_cli.report.evaluation.outputs import EvaluationOutputs
    from depmap_cli.workflows.evaluate import EvaluateOptions
    from depmap_cli.workflows.folds import evaluate_all
    from depmap_cli.workflows.labelled_data import LabelledData, SemanticModelSpec
    from depmap_cli.workflows.resnet_baseline import baseline_command, find_resnet_baseline

    plain, why_not = find_resnet_baseline(weights, folds if pooled else None)
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
        ridge=ridge,
        folds=folds if pooled else None,
        semantic_model=SemanticModelSpec(semantic_model, semantic_weights, allow_network),
    )
    outputs = EvaluationOutputs(output, pictures.value, as_json)
    outputs.check()
    with progress_bar(quiet) as bar:
        evaluations = evaluate_all(options, stages(bar))
    outputs.write(evaluations)
    suggestion = why_not or baseline_command(data, weights, folds if pooled else None)
    if suggestion and not options.compare_with:
        note(suggestion, quiet)


def calibrate(
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Weights file to write: a recalibrated copy.")],
    weights: WeightsOption = None,
    split: Annotated[
        Split, typer.Option(help="Split that supplies the residuals; not the one you report.")
    ] = Split.Development,
    frames: FramesOption = None,
    semantic_model: SemanticModelOption = None,
    semantic_weights: SemanticWeightsOption = None,
    allow_network: AllowNetworkOption = False,
    device: DeviceOption = "auto",
    cache: CacheOption = None,
    jobs: JobsOption = 2,
    quiet: QuietOption = False,
) -> None:
    """Recalibrate prediction intervals on your own data.

    Stores the residuals of --split in a copy of the weights; the network does not change.

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
        note(f"excluded: {result.n_left_out} people on whom the weights were trained", quiet)
    if math.isinf(result.half_width):
        note(
            f"{result.n_people} people: a {DEFAULT_COVERAGE:.0%} interval needs at least "
            f"{people_needed(DEFAULT_COVERAGE)}; reports will show the whole scale",
            quiet=False,
        )
    else:
        note(
            f"{result.n_people} people: {DEFAULT_COVERAGE:.0%} intervals extend "
            f"{result.half_width:.1f} points each way",
            quiet,
        )
    note(f"weights: {out}", quiet)


def ablate(
    data: DataOption,
    table: Annotated[int, typer.Option(min=2, max=3, help="The paper's table: 2 or 3.")],
    out: Annotated[
        Path, typer.Option(help="Folder for all runs; an interrupted grid resumes there.")
    ],
    row: Annotated[
        list[int] | None,
        typer.Option(help="Row of the table, from 1. May be repeated. Default: all."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Training runs per row, one per seed.")] = 3,
    split: Annotated[Split, typer.Option(help="Split to evaluate.")] = Split.Development,
    config: ConfigOption = None,
    settings: SetOption = None,
    semantic_model: SemanticModelOption = None,
    semantic_weights: SemanticWeightsOption = None,
    allow_network: AllowNetworkOption = False,
    simulated: SimulatedOption = False,
    device: DeviceOption = "auto",
    cache: CacheOption = None,
    jobs: JobsOption = 2,
    quiet: QuietOption = False,
) -> None:
    """Train and evaluate the variants of the paper's Table 2 (scales) or 3 (modules, backbones).

    Prints the paper's published metrics on AVEC2014 next to the metrics measured on your data.
    Backbones are initialised from the semantic model's image encoder; those of another depth are
    initialised at random and marked in the table. --out also receives the table as CSV and JSON.

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
        settings or [], config, fixed_settings=settings_fixed_by(select_rows(table, row or []))
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
        rows = run_ablation(options, table, split.value, row or [], stages(bar), display)
    name = data.resolve().name
    write_ablation(rows, out, table, name, split.value)
    render_ablation(Console(), rows, f"{name}, {split.value}")
