"""`depmap train`, `depmap train-semantics`, `depmap prepare`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from depmap_cli.cli.shared_options import (
    AllowNetworkOption,
    CacheOption,
    ConfigOption,
    DataOption,
    DeviceOption,
    InitOption,
    JobsOption,
    ModelName,
    QuietOption,
    ResumeOption,
    SemanticModelOption,
    SemanticWeightsOption,
    SetOption,
    SimulatedOption,
    StatementOption,
)
from depmap_cli.cli.terminal import explain_resume, note, progress_bar, stages
from depmap_cli.config import MAX_SEED, Config, SemanticsTrainConfig

if TYPE_CHECKING:
    from rich.progress import Progress

    from depmap_cli.results import CorpusSummary
    from depmap_cli.training.progress import EventCallback, TrainingDisplay
    from depmap_cli.training.seed_summary import TrainResult
    from depmap_cli.workflows.train import TrainOptions


OutOption = Annotated[Path, typer.Option(help="Run folder: settings, log, state, weights.")]
ModelOption = Annotated[
    ModelName, typer.Option("--model", help="Dep-MAP, or a plain ResNet with mean pooling.")
]
FromScratchOption = Annotated[
    bool, typer.Option("--from-scratch", help="Do not start from Dep-MAP weights.")
]
FoldsOption = Annotated[
    int | None,
    typer.Option(
        min=3,
        help="Cross-validate: number of folds of people, which replace the corpus's splits.",
    ),
]
SeedsOption = Annotated[int, typer.Option(min=1, help="Number of training runs, one per seed.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Check data and settings, describe the corpus, and stop.")
]
TrainResumeOption = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Continue an interrupted run in --out. Off by default, unlike in `depmap score`: "
        "a folder that holds a run is refused, so that no run is continued by accident.",
    ),
]
SideOption = Annotated[
    int | None,
    typer.Option(
        min=64,
        help="Train on faces scaled down to this many pixels, which is faster. Then train "
        "again from the result (--init) on faces of full size.",
    ),
]
FreezeStagesOption = Annotated[
    int,
    typer.Option(
        min=0,
        max=4,
        help="Stages of the image encoder, from its input, whose weights stay as they are, which "
        "is faster.",
    ),
]
SemanticsInitOption = Annotated[
    list[Path] | None,
    typer.Option(help="Semantic weights to start from. May be repeated: starts from their mean."),
]
SEMANTICS = SemanticsTrainConfig()
"""Default settings of `depmap train-semantics`."""


def train(
    data: DataOption,
    out: OutOption = Path("depmap-run"),
    config: ConfigOption = None,
    settings: SetOption = None,
    model: ModelOption = ModelName.depmap,
    init: InitOption = None,
    from_scratch: FromScratchOption = False,
    folds: FoldsOption = None,
    seeds: SeedsOption = 1,
    dry_run: DryRunOption = False,
    device: DeviceOption = "auto",
    semantic_model: SemanticModelOption = None,
    semantic_weights: SemanticWeightsOption = None,
    allow_network: AllowNetworkOption = False,
    statement: StatementOption = None,
    simulated: SimulatedOption = False,
    resume: TrainResumeOption = False,
    cache: CacheOption = None,
    jobs: JobsOption = 2,
    quiet: QuietOption = False,
) -> None:
    """Train on the Training split and select on Development. Testing is never read.

    Examples:

      depmap train --data avec2014/ --dry-run

      depmap train --data avec2014/ --out run/

      depmap train --data avec2014/ --out folds/ --folds 5

      torchrun --nproc-per-node 4 -m depmap_cli train --data avec2014/ --out run/
    """
    from depmap_cli.domain.paper_tables import BASELINE
    from depmap_cli.io.settings import read_settings
    from depmap_cli.training.initialise import weights_to_start_from
    from depmap_cli.workflows.labelled_data import LabelledData, SemanticModelSpec
    from depmap_cli.workflows.train import TrainOptions

    plain = model == ModelName.resnet_baseline
    fixed = {"--model resnet-baseline": BASELINE} if plain else {}
    start, base = weights_to_start_from(init, from_scratch, plain)
    options = TrainOptions(
        source=LabelledData(data=data, cache=cache, jobs=jobs),
        out=out,
        config=read_settings(settings or [], config, base, fixed),
        device=device,
        semantic_model=SemanticModelSpec(semantic_model, semantic_weights, allow_network),
        init=start,
        statement=statement,
        simulated=simulated,
        resume=resume,
        folds=folds,
        seeds=seeds,
    )
    _run_job(options, dry_run, quiet)


def _run_job(options: "TrainOptions", dry_run: bool, quiet: bool) -> None:
    from depmap_cli.workflows.train import TrainingJob

    with explain_resume(), progress_bar(quiet or dry_run) as bar:
        job = TrainingJob(
            options,
            on_progress=stages(bar),
            on_corpus=_corpus_printer(quiet, dry_run),
            display=training_display(options.config, quiet, bar),
        )
        if dry_run:
            job.dry_run()
            return
        results = job.train()
    _print_results(results, quiet)


def _corpus_printer(quiet: bool, dry_run: bool) -> "Callable[[CorpusSummary], None]":
    """Return a callback that prints the summary of a corpus; on stdout if it is a dry run."""
    from depmap_cli.report.corpus import render_corpus

    def print_corpus(summary: "CorpusSummary") -> None:
        if dry_run:
            render_corpus(Console(), summary)
        elif not quiet:
            render_corpus(Console(stderr=True), summary)

    return print_corpus


def training_display(config: Config, quiet: bool, bar: "Progress") -> "TrainingDisplay":
    """Return the display of training runs; it replaces the progress bar while a run is shown."""
    from depmap_cli.report.training import TrainingView

    @contextmanager
    def display(name: str) -> "Iterator[EventCallback]":
        if quiet:
            yield lambda event: None
            return
        bar.stop()
        console = Console(stderr=True)
        with TrainingView(console=console, epochs=config.train.epochs, name=name) as view:
            yield view
        bar.start()

    return display


def _print_results(results: "list[TrainResult]", quiet: bool) -> None:
    from depmap_cli.training.seed_summary import left_out, seed_summary_rows

    if names := left_out(results):
        note(f"excluded, because the face is covered throughout: {', '.join(names)}", quiet)
    for fold, seed, metrics in seed_summary_rows(results):
        values = ", ".join(f"{name.upper()} {value:.3f}" for name, value in metrics.items())
        note(f"{_row_name(fold, seed)}: Development {values}", quiet)
    for result in results:
        note(f"weights: {result.weights}", quiet)


def _row_name(fold: str, seed: str) -> str:
    """Name a row of ``seed_summary_rows``."""
    prefix = {"": "", "all": "all folds, "}.get(fold, f"fold {fold}, ")
    return prefix + (f"seed {seed}" if seed.isdigit() else f"{seed} over seeds")


def train_semantics(
    data: Annotated[
        list[Path], typer.Option(help="Corpus folder with ground_truth/. May be repeated.")
    ],
    out: Annotated[Path, typer.Option(help="Weights file to write.")] = Path(
        "depmap-au-resnet18.safetensors"
    ),
    statement: StatementOption = None,
    simulated: SimulatedOption = False,
    epochs: Annotated[
        int,
        typer.Option(
            min=0,
            help="Number of epochs; 0 only evaluates the weights of --init on Development.",
        ),
    ] = SEMANTICS.epochs,
    batch_size: Annotated[
        int, typer.Option(min=2, help="Faces in a batch.")
    ] = SEMANTICS.batch_size,
    learning_rate: Annotated[
        float, typer.Option(min=1e-8, help="Learning rate.")
    ] = SEMANTICS.learning_rate,
    side: SideOption = None,
    only: Annotated[
        Literal["head-and-gaze", "landmarks"] | None,
        typer.Option(
            help="Train only the small networks that read head and gaze, or the one that finds "
            "landmarks; everything else stays as in --init."
        ),
    ] = None,
    freeze_stages: FreezeStagesOption = SEMANTICS.freeze_stages,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Random seed.")] = SEMANTICS.seed,
    init: SemanticsInitOption = None,
    resume: ResumeOption = False,
    device: DeviceOption = "auto",
    cache: CacheOption = None,
    jobs: JobsOption = 2,
    quiet: QuietOption = False,
) -> None:
    """Train the small open_clip model on faces with known action units, head pose and gaze.

    Example:

      depmap train-semantics --data portraits/ --data cohort/ --simulated
    """
    from depmap_cli.io.output_files import check_file
    from depmap_cli.workflows.labelled_data import LabelledData
    from depmap_cli.workflows.semantics import SemanticsOptions, run_semantics_training

    check_file(out)
    if not epochs and not init:
        raise typer.BadParameter("--epochs 0 evaluates the weights of --init: name them")
    options = SemanticsOptions(
        sources=tuple(LabelledData(data=folder, cache=cache, jobs=jobs) for folder in data),
        out=out,
        config=SemanticsTrainConfig(
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            side=side,
            only=only,
            freeze_stages=freeze_stages,
            seed=seed,
        ),
        statement=statement,
        simulated=simulated,
        init=tuple(init or ()),
        resume=resume,
        device=device,
    )
    with explain_resume(), progress_bar(quiet) as bar:
        best = run_semantics_training(options, stages(bar), lambda text: note(text, quiet))
    measured = "angles of head and gaze" if only == "head-and-gaze" else "action units"
    note(f"Development: mean r {best:.3f} over the {measured}", quiet)
    note(f"weights: {out}", quiet)


def prepare(
    data: DataOption,
    config: ConfigOption = None,
    settings: SetOption = None,
    init: InitOption = None,
    cache: CacheOption = None,
    jobs: JobsOption = 2,
    quiet: QuietOption = False,
) -> None:
    """Prepare the faces of a whole corpus, and print the quality of every video.

    Training with these settings, and evaluation of the weights that it starts from, then begin
    without delay.

    Examples:

      depmap prepare --data avec2014/ --jobs 8

      depmap prepare --data avec2014/ --set faces.size=224
    """
    from depmap_cli.io.settings import read_settings
    from depmap_cli.report.corpus import render_corpus, render_quality
    from depmap_cli.training.initialise import scored_frame_counts, weights_to_start_from
    from depmap_cli.workflows.labelled_data import LabelledData, prepared_frames

    start, base = weights_to_start_from(init, from_scratch=False)
    resolved = read_settings(settings or [], config, base)
    source = LabelledData(data=data, cache=cache, jobs=jobs)
    videos, summary = source.read()
    if not quiet:
        render_corpus(Console(stderr=True), summary)
    with progress_bar(quiet) as bar:
        for frames in dict.fromkeys(map(prepared_frames, scored_frame_counts(resolved, start))):
            cached = source.prepare(videos, resolved.faces, stages(bar), frames)
    pairs = zip(videos, cached, strict=True)
    render_quality(Console(), [(video.path.name, entry.quality) for video, entry in pairs])
