"""`depmap simulate`: parses the options, runs the simulation and reports where it is."""

from pathlib import Path
from typing import Annotated

import typer

from depmap_cli.cli.shared_options import QuietOption
from depmap_cli.cli.terminal import note, progress_bar, stages


def simulate(
    out: Annotated[
        Path,
        typer.Argument(help="Output folder; an interrupted run with the same options resumes."),
    ],
    face_model: Annotated[
        Path | None,
        typer.Option(
            help="Face model: ICT-FaceKit's FaceXModel folder, or a packed .npz file.",
            envvar="DEPMAP_FACE_MODEL",
        ),
    ] = None,
    sessions: Annotated[
        int, typer.Option(min=1, help="Number of sessions; each has one clip per task.")
    ] = 150,
    splits: Annotated[
        str, typer.Option(help="Relative sizes of Training, Development and Testing.")
    ] = "50,50,50",
    tasks: Annotated[
        str, typer.Option(help="Tasks, separated by commas: freeform, northwind.")
    ] = "freeform,northwind",
    seconds: Annotated[
        float,
        typer.Option(min=2, max=3600, help="Length of a clip in seconds; freeform clips vary."),
    ] = 36.0,
    fps: Annotated[float, typer.Option(min=1, max=120, help="Frames per second.")] = 25.0,
    size: Annotated[
        int, typer.Option(min=96, max=2048, help="Width and height of the frames in pixels.")
    ] = 256,
    effect: Annotated[
        float,
        typer.Option(min=0, help="Factor on the effects of severity: 1 as published, 0 none."),
    ] = 1.0,
    faces: Annotated[
        int | None,
        typer.Option(min=1, help="Write this many prepared faces per clip instead of videos."),
    ] = None,
    portraits: Annotated[
        int | None,
        typer.Option(
            min=1, help="Make at least this many portraits for train-semantics, not interviews."
        ),
    ] = None,
    frames_per_person: Annotated[
        int, typer.Option(min=1, help="Portraits of each person; only with --portraits.")
    ] = 8,
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed; determines the simulated people.")
    ] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Number of rendering processes.")] = 2,
    quiet: QuietOption = False,
) -> None:
    r"""Render interviews of people who do not exist, with known action units and scores.

    Requires pip install 'depmap-cli\[simulate]' and a face model. Download it once (about 1 GB):

      git clone --depth 1 https://github.com/ICT-VGL/ICT-FaceKit

    Examples:

      depmap simulate cohort/ --face-model ICT-FaceKit/FaceXModel --jobs 8

      depmap simulate train/ --face-model ICT-FaceKit/FaceXModel --splits 90,10,0 --faces 48

      depmap simulate portraits/ --face-model ICT-FaceKit/FaceXModel --portraits 40000
    """
    if faces and portraits:
        raise typer.BadParameter("--faces and --portraits cannot be combined")
    if size % 2:
        raise typer.BadParameter(f"--size {size}: H.264 requires an even number")
    split_shares, chosen_tasks = _parse_splits(splits), _parse_tasks(tasks)
    from depmap_cli.simulation.corpus.cohort import CohortOptions
    from depmap_cli.simulation.corpus.portraits import PortraitOptions
    from depmap_cli.workflows.simulate import run_simulation

    options: CohortOptions | PortraitOptions = CohortOptions(
        out=out,
        sessions=sessions,
        splits=split_shares,
        tasks=chosen_tasks,
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
    note(f"wrote {out}; {out / 'README.md'} describes it", quiet)


def _parse_splits(text: str) -> tuple[float, ...]:
    """Parse three numbers of which none is negative and not all are 0."""
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError:
        shares = ()
    if len(shares) != 3 or min(shares) < 0 or not 0 < sum(shares) < float("inf"):
        raise typer.BadParameter(f"--splits {text}: expected three numbers such as 80,10,10")
    return shares


def _parse_tasks(text: str) -> tuple[str, ...]:
    """Parse the names of tasks, in any case; the result is in the order of ``TASKS``."""
    from depmap_cli.data.labelled_video import TASKS

    by_name = {task.lower(): task for task in TASKS}
    names = [name.strip().lower() for name in text.split(",")]
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise typer.BadParameter(
            f"--tasks {unknown[0]!r}: unknown task, expected some of {', '.join(by_name)}"
        )
    return tuple(task for task in TASKS if task.lower() in names)
