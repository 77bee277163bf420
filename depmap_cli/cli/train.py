"""`depmap train`, `depmap train-semantics`, `depmap prepare`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from depmap_cli.cli.options import (
    CacheOption,
    ConfigOption,
    DataOption,
    DeviceOption,
    InitOption,
    JobsOption,
    Network,
    NetworkOption,
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
    from depmap_cli.results import CorpusSummary
    from depmap_cli.training.seed_summary import TrainResult


def train(
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Run folder: logs, state, weights.")] = Path(
        "depmap-run"
    ),
    config: ConfigOption = None,
    settings: SetOption = None,
    model: Annotated[
        Network, typer.Option(help="Dep-MAP, or a plain ResNet with mean pooling.")
    ] = Network.depmap,
    init: InitOption = None,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Start from no Dep-MAP weights.")
    ] = False,
    folds: Annotated[
        int | None,
        typer.Option(
            min=3,
            help="Cross-validate: number of folds of people, which replace the corpus's splits.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Train as often, each with its seed.")] = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check data and settings, tell what is there, stop.")
    ] = False,
    device: DeviceOption = "auto",
    semantic_model: SemanticModelOption = None,
    semantic_weights: SemanticWeightsOption = None,
    allow_network: NetworkOption = False,
    statement: StatementOption = None,
    simulated: SimulatedOption = False,
    resume: ResumeOption = False,
    cache: CacheOption = None,
    jobs: JobsOption = 2,
    quiet: QuietOption = False,
) -> None:
    """Train on the Training split, select on Development. Testing is never read.

    Examples:

      depmap train --data avec2014/ --dry-run

      depmap train --data avec2014/ --out run/

      torchrun --nproc-per-node 4 -m depmap_cli train --data avec2014/ --out run/
    """
    from depmap_cli.domain.paper_tables import BASELINE
    from depmap_cli.io.settings import read_settings
    from depmap_cli.training.initialise import start_of
    from depmap_cli.workflows.labelled_data import LabelledData, SemanticModelSpec
    from depmap_cli.workflows.train import TrainOptions, by_folds, train_all
    from depmap_cli.workflows.train import dry_run as check_runs

    plain = model == Network.resnet_baseline
    decided = {"--model resnet-baseline": BASELINE} if plain else {}
    start, base = start_of(init, from_scratch, plain)
    options = TrainOptions(
        source=LabelledData(data=data, cache=cache, jobs=jobs),
        out=out,
        config=read_settings(settings or [], config, base, decided),
        device=device,
        semantic_model=SemanticModelSpec(semantic_model, semantic_weights, allow_network),
        init=start,
        statement=statement,
        simulated=simulated,
        resume=resume,
        seeds=seeds,
    )
    runs = by_folds(options, folds) if folds else [options]
    if dry_run:
        check_runs(runs, _teller(Console()))
        return
    seen = _teller(None if quiet else Console(stderr=True))
    with explain_resume(), progress_bar(quiet) as bar:
        view = viewer(options.config, quiet, bar)
        results = train_all(runs, out, stages(bar), seen, view)
    _summarise(results, quiet)


def _teller(console: Console | None) -> "Callable[[CorpusSummary], None]":
    """Shows what is in a corpus; with no console, nothing."""
    from depmap_cli.report.corpus import render_corpus

    def told(summary: "CorpusSummary") -> None:
        if console is not None:
            render_corpus(console, summary)

    return told


def viewer(config: Config, quiet: bool, bar: Any) -> Any:
    """Opens what shows a named run as it goes, in place of the progress bar, which then goes on."""
    from depmap_cli.report.training import TrainingView

    @contextmanager
    def view(name: str) -> Iterator[Callable[[Any], None]]:
        if quiet:
            yield lambda event: None
            return
        bar.stop()
        with TrainingView(
            console=Console(stderr=True), epochs=config.train.epochs, name=name
        ) as shown:
            yield shown
        bar.start()

    return view


def _summarise(results: "list[TrainResult]", quiet: bool) -> None:
    from depmap_cli.training.seed_summary import left_out, spread_rows

    if names := left_out(results):
        note(f"left out, the face is covered throughout: {', '.join(names)}", quiet)
    for fold, seed, found in spread_rows(results):
        figures = ", ".join(f"{name.upper()} {value:.3f}" for name, value in found.items())
        note(f"{_named(fold, seed)}: Development {figures}", quiet)
    for result in results:
        note(f"weights: {result.weights}", quiet)


def _named(fold: str, seed: str) -> str:
    """A row of ``spread_rows``, in words."""
    of = {"": "", "all": "all folds, "}.get(fold, f"fold {fold}, ")
    return of + (f"seed {seed}" if seed.isdigit() else f"{seed} over seeds")


def train_semantics(
    data: Annotated[
        list[Path], typer.Option(help="Corpus folder with ground_truth/. Repeat it for several.")
    ],
    out: Annotated[Path, typer.Option(help="Weights file to write.")] = Path(
        "depmap-au-resnet18.safetensors"
    ),
    statement: StatementOption = None,
    simulated: SimulatedOption = False,
    epochs: Annotated[
        int,
        typer.Option(min=0, help="With 0 the weights of --init are judged on Development anew."),
    ] = SemanticsTrainConfig().epochs,
    batch_size: Annotated[int, typer.Option(min=2)] = SemanticsTrainConfig().batch_size,
    learning_rate: Annotated[float, typer.Option(min=1e-8)] = SemanticsTrainConfig().learning_rate,
    side: Annotated[
        int | None,
        typer.Option(
            min=64,
            help="Train on faces shrunk to so many pixels, which is faster. Go on from there "
            "(--init) with them as they are.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED)] = SemanticsTrainConfig().seed,
    init: Annotated[
        list[Path] | None,
        typer.Option(help="Semantic weights to start from. Repeat it for the mean of several."),
    ] = None,
    resume: ResumeOption = False,
    device: DeviceOption = "auto",
    cache: CacheOption = None,
    jobs: JobsOption = 2,
    quiet: QuietOption = False,
) -> None:
    """Train the small open_clip model on faces with known action units.

    Example:

      depmap train-semantics --data portraits/ --data cohort/ --simulated
    """
    from depmap_cli.io.output_files import check_file
    from depmap_cli.workflows.labelled_data import LabelledData
    from depmap_cli.workflows.semantics import SemanticsOptions, run_semantics_training

    check_file(out)
    if not epochs and not init:
        raise typer.BadParameter("--epochs 0 judges the weights of --init: name them")
    options = SemanticsOptions(
        sources=tuple(LabelledData(data=folder, cache=cache, jobs=jobs) for folder in data),
        out=out,
        config=SemanticsTrainConfig(
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            side=side,
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
    note(f"Development: mean r {best:.3f} over the action units", quiet)
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
    """Align and keep the faces of a whole corpus, so that training with these settings, and
    evaluating the weights that it starts from, begin at once.

    Examples:

      depmap prepare --data avec2014/ --jobs 8

      depmap prepare --data avec2014/ --set faces.size=224
    """
    from depmap_cli.io.settings import read_settings
    from depmap_cli.report.corpus import render_corpus, render_quality
    from depmap_cli.training.initialise import frames_scored, start_of
    from depmap_cli.workflows.labelled_data import LabelledData

    start, base = start_of(init, from_scratch=False)
    chosen = read_settings(settings or [], config, base)
    source = LabelledData(data=data, cache=cache, jobs=jobs)
    videos, summary = source.read()
    if not quiet:
        render_corpus(Console(stderr=True), summary)
    with progress_bar(quiet) as bar:
        for frames in frames_scored(chosen, start):
            cached = source.prepare_splits(videos, chosen.faces, stages(bar), frames)
    names = [video.path.name for video in videos]
    render_quality(Console(), [(n, c.quality) for n, c in zip(names, cached, strict=True)])
