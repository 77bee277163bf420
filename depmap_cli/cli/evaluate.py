"""`depmap evaluate`, `depmap calibrate`, `depmap ablate`."""

import math
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from depmap_cli.cli.options import (
    CacheOption,
    DataOption,
    DeviceOption,
    GroupBy,
    JobsOption,
    JsonOption,
    QuietOption,
    Split,
    WeightsOption,
)
from depmap_cli.cli.terminal import note, progress_bar, stages

FramesOption = Annotated[int | None, typer.Option(min=1, help="Frames a video.")]


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
    group_by: Annotated[
        GroupBy | None, typer.Option(help="Folds of whole people, as in `depmap train`.")
    ] = None,
    folds: Annotated[int, typer.Option(min=3, help="How many folds, with --group-by.")] = 5,
    fold: Annotated[int, typer.Option(min=0, help="Which fold is Testing, from 0.")] = 0,
    frames: FramesOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    cache: CacheOption = None,
    jobs: JobsOption = 2,
    quiet: QuietOption = False,
) -> None:
    """Compare estimates with scores on a labelled corpus, beside baselines.

    Examples:

      depmap evaluate --data avec2014/ --weights run/weights.safetensors -o evaluation/

      depmap evaluate --data avec2014/ --subgroups people.csv --json
    """
    from depmap_cli.report.evaluation import render_evaluation_report
    from depmap_cli.report.evaluation_files import write_evaluation
    from depmap_cli.report.tripod import write_tripod
    from depmap_cli.workflows.evaluate import EvaluateOptions, evaluate_run
    from depmap_cli.workflows.material import Source

    source = Source(data, cache, jobs, (fold, folds) if group_by else None)
    options = EvaluateOptions(source, weights, split.value, frames, device, attributes)
    with progress_bar(quiet) as bar:
        report = evaluate_run(options, stages(bar))
    if output:
        write_evaluation(report, output)
        write_tripod(report, output)
    if as_json:
        typer.echo(report.model_dump_json())
    else:
        render_evaluation_report(Console(), report)


def calibrate(
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Weights file to write: a copy, recalibrated.")],
    weights: WeightsOption = None,
    split: Annotated[
        Split, typer.Option(help="Whose residuals; not the split you will report on.")
    ] = Split.Development,
    frames: FramesOption = None,
    device: DeviceOption = "auto",
    cache: CacheOption = None,
    jobs: JobsOption = 2,
    quiet: QuietOption = False,
) -> None:
    """Let intervals rest on your own data: store its residuals in a copy of the weights.

    Example: depmap calibrate --data mine/ --out mine.safetensors
    """
    from depmap_cli.conformal import people_needed
    from depmap_cli.workflows.evaluate import LEVEL, EvaluateOptions, calibrate_run
    from depmap_cli.workflows.material import Source

    options = EvaluateOptions(Source(data, cache, jobs), weights, split.value, frames, device)
    with progress_bar(quiet) as bar:
        people, reach = calibrate_run(options, out, stages(bar))
    if math.isinf(reach):
        note(
            f"{people} people: a {LEVEL:.0%} interval does not exist below "
            f"{people_needed(LEVEL)}; reports will show the whole scale",
            quiet=False,
        )
    else:
        note(f"{people} people: {LEVEL:.0%} intervals reach {reach:.1f} points each way", quiet)
    note(f"weights: {out}", quiet)
