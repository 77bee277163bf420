"""`depmap simulate`: parses, calls the library once, says what there is."""

from pathlib import Path
from typing import Annotated

import typer

from depmap_cli.cli.options import QuietOption
from depmap_cli.cli.terminal import note, progress_bar, stages


def simulate(
    out: Annotated[Path, typer.Argument(help="Folder of the corpus; a killed run goes on there.")],
    face_model: Annotated[
        Path | None,
        typer.Option(
            help="ICT-FaceKit's FaceXModel folder, or a packed .npz.", envvar="DEPMAP_FACE_MODEL"
        ),
    ] = None,
    sessions: Annotated[int, typer.Option(min=1, help="Sessions, each a clip a task.")] = 150,
    splits: Annotated[
        str, typer.Option(help="Shares of Training, Development and Testing.")
    ] = "50,50,50",
    tasks: Annotated[str, typer.Option(help="Of freeform and northwind.")] = "freeform,northwind",
    seconds: Annotated[float, typer.Option(min=2, max=3600, help="Length of a clip.")] = 36.0,
    fps: Annotated[float, typer.Option(min=1, max=120, help="Frames a second.")] = 25.0,
    size: Annotated[int, typer.Option(min=96, max=2048, help="Side of the picture, px.")] = 256,
    effect: Annotated[
        float, typer.Option(min=0, help="Of severity: 1 as published, 0 none at all.")
    ] = 1.0,
    faces: Annotated[
        int | None,
        typer.Option(min=1, help="No videos: prepared faces of so many frames of each, to train."),
    ] = None,
    portraits: Annotated[
        int | None,
        typer.Option(min=1, help="No interviews: at least so many faces, for train-semantics."),
    ] = None,
    frames_per_person: Annotated[int, typer.Option(min=1, help="With --portraits.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other people.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that render.")] = 2,
    quiet: QuietOption = False,
) -> None:
    r"""Render interviews of people who do not exist, with known action units and scores.

    Needs pip install 'depmap-cli\[simulate]' and a face model that you fetch once (about 1 GB):

      git clone --depth 1 https://github.com/ICT-VGL/ICT-FaceKit

    Examples:

      depmap simulate cohort/ --face-model ICT-FaceKit/FaceXModel --jobs 8

      depmap simulate train/ --face-model ICT-FaceKit/FaceXModel --splits 90,10,0 --faces 48

      depmap simulate portraits/ --face-model ICT-FaceKit/FaceXModel --portraits 40000
    """
    if faces and portraits:
        raise typer.BadParameter("--faces and --portraits exclude each other")
    if size % 2:
        raise typer.BadParameter(f"--size {size}: H.264 needs an even number")
    shares, chosen = _shares(splits), _tasks(tasks)
    from depmap_cli.simulation.corpus.cohort import CohortOptions
    from depmap_cli.simulation.corpus.portraits import PortraitOptions
    from depmap_cli.workflows.simulate import run_simulation

    options: CohortOptions | PortraitOptions = CohortOptions(
        out=out,
        sessions=sessions,
        splits=shares,
        tasks=chosen,
        seconds=seconds,
        fps=fps,
        size=size,
        effect=effect,
        seed=seed,
        faces=faces,
        jobs=jobs,
    )
    if portraits:
        options = PortraitOptions(
            out=out,
            frames=portraits,
            frames_per_person=frames_per_person,
            seed=seed,
            size=size,
            jobs=jobs,
        )
    with progress_bar(quiet) as bar:
        run_simulation(options, face_model, stages(bar))
    note(f"{out}: see README.md there", quiet)


def _shares(text: str) -> tuple[float, ...]:
    """Three numbers, none below 0, not all 0."""
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError:
        shares = ()
    if len(shares) != 3 or min(shares) < 0 or not 0 < sum(shares) < float("inf"):
        raise typer.BadParameter(f"--splits {text}: three shares such as 80,10,10 are expected")
    return shares


def _tasks(text: str) -> tuple[str, ...]:
    from depmap_cli.data.labelled_video import TASKS

    by_name = {task.lower(): task for task in TASKS}
    names = [name.strip().lower() for name in text.split(",")]
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise typer.BadParameter(f"--tasks {unknown[0]!r}: of {', '.join(by_name)}")
    return tuple(task for task in TASKS if task.lower() in names)
